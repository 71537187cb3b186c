"""harnesslab trace: what one trial did, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    sweep: Annotated[str | None, typer.Argument(help="name or folder; default: the latest under ./sweeps")] = None,
    trial: Annotated[str | None, typer.Argument(help="a trial's id, or the beginning of it")] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="play it through its harness as the source is now: where does it depart?")
    ] = False,
    layers: Annotated[
        str | None, typer.Option(help='with --replay: through these layers, "validate,retry" ("": none)')
    ] = None,
) -> None:
    """One trial step by step; without TRIAL, the list of trials, failed ones first."""
    from harnesslab.errors import UserError
    from harnesslab.lab.folders import find_sweep
    from harnesslab.store.sqlite import Store

    if layers is not None and not replay:
        raise UserError("--layers needs --replay", "a stored trace has the layers that it has", "add --replay")
    folder, trial = _which(sweep, trial) if trial is None else (find_sweep(sweep), trial)
    if replay and trial is None:
        raise UserError("--replay needs a TRIAL", "", "harnesslab trace lists the trials")
    with Store.open(folder, readonly=True) as store:
        if trial is not None and replay:
            from harnesslab.cli._replay import print_replay

            print_replay(store, trial, layers)
        elif trial is None:
            from harnesslab.cli._trials import print_trials

            print_trials(store)
        else:
            from harnesslab.cli._steps import print_steps

            print_steps(store.trial(trial), store.layers())


def _which(name: str | None, trial: str | None) -> tuple[Path, str | None]:
    """With one argument: a sweep if there is one of that name, else a trial of the latest sweep."""
    from harnesslab.errors import UserError
    from harnesslab.lab.folders import find_sweep

    try:
        return find_sweep(name), trial
    except UserError:
        if name is None or len(name) < 4 or name.strip("0123456789abcdef"):
            raise
        return find_sweep(None), name
