"""harnesslab compare: two cells, a model's chosen harness and another cell, or what predicts reliability over many."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from harnesslab.score.summary import Choice
    from harnesslab.store.columns import Columns


def command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[SWEEP] A B", help="cells as MODEL/HARNESS[/SUITE]")
    ] = None,
    choose: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="B is this model's best harness on half of the templates, compared on the other half; "
            "A may also be a model: its baselines",
        ),
    ] = None,
    predict: Annotated[
        bool, typer.Option("--predict", help="names are sweeps: which metric predicts reliability over their cells")
    ] = False,
    format: Annotated[
        Literal["text", "json"], typer.Option(help="json: stable, for other programs; not with --choose")
    ] = "text",
) -> None:
    """Paired difference B minus A of two cells, on the tasks that both have run. Default: the latest sweep."""
    from harnesslab.cli._compared import as_json, show
    from harnesslab.errors import UserError

    names = names or []
    if predict:
        _predict(names, format)
    elif choose is not None:
        if len(names) not in (1, 2):
            raise UserError(
                "--choose takes one other cell",
                f"got {len(names)} names",
                "harnesslab compare [SWEEP] A --choose MODEL",
            )
        _choose(_columns(names[0] if len(names) == 2 else None), choose, names[-1])
    else:
        if len(names) not in (2, 3):
            raise UserError("compare takes two cells", f"got {len(names)} names", "harnesslab compare [SWEEP] A B")
        columns, (a, b) = _columns(names[0] if len(names) == 3 else None), names[-2:]
        if format == "json":
            print(json.dumps(as_json(columns, a, b), indent=2))
        else:
            show(columns, a, b)


def _columns(sweep: str | None) -> Columns:
    from harnesslab.lab.folders import find_sweep
    from harnesslab.score.unfinished import unfinished
    from harnesslab.store.sqlite import Store

    with Store.open(find_sweep(sweep), readonly=True) as store:
        columns = store.columns()
    if lacks := unfinished(columns):
        print(lacks, file=sys.stderr)
    return columns


def _choose(columns: Columns, model: str, other: str) -> None:
    from harnesslab.cli._compared import few, points
    from harnesslab.score.choice import choose

    every = choose(columns, model, other)
    family = sum(len(one.confirmed) for one in every)
    for one in every:
        print(f"chosen on {one.selection} of {one.selection + one.confirmation} templates: {_ranking(one)}")
        if not one.confirmed:
            print("that is the other cell itself: there is nothing to compare")
        for found in one.confirmed:
            adjusted = f"; adjusted among {family}: {found.p_adjusted:.3g}" if family > 1 else ""
            print(f"A = {found.a}\nB = {found.b}")
            print(f"pass^1, B minus A: {points(found.difference)}; p = {found.p:.3g}{adjusted}")
            print(f"{found.tasks} paired tasks from the other {found.base_tasks} templates, ", end="")
            print(f"{found.discordant} of which differ")
            few(found)


def _ranking(one: Choice) -> str:
    rates = [f"{label} {100 * rate:.0f} %" for label, rate in one.candidates.items()]
    return rates[0] + (f" (then {', '.join(rates[1:3])})" if len(rates) > 1 else "")


def _predict(names: list[str], format: str) -> None:
    from harnesslab.report.reliability import grids, to_json
    from harnesslab.score.predict import predict

    found = predict([_columns(name) for name in names] or [_columns(None)])
    if format == "json":
        print(json.dumps(to_json(found), indent=2))
        return
    from rich.console import Console

    from harnesslab.report.terminal import print_grid

    console = Console(highlight=False)
    for grid in grids(found):
        print_grid(grid, console)
    if found.left_out:
        console.print(
            f"Left out, without repeats or with too few templates: {', '.join(found.left_out)}.", markup=False
        )
