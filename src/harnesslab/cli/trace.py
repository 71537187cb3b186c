"""harnesslab trace: what one trial did, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    sweep: Annotated[str | None, typer.Argument(help="name or folder; default: the latest under ./sweeps")] = None,
    trial: Annotated[str | None, typer.Argument(help="a trial's id, or the beginning of it")] = None,
) -> None:
    """One trial step by step; without TRIAL, the list of trials, failed ones first."""
    from harnesslab.lab.folders import find_sweep
    from harnesslab.store.sqlite import Store

    folder, trial = _which(sweep, trial) if trial is None else (find_sweep(sweep), trial)
    with Store.open(folder, readonly=True) as store:
        if trial is None:
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
