"""harnesslab compare: the paired difference of two cells, or of a model's chosen harness and another cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from harnesslab.score.summary import Choice, Comparison
    from harnesslab.store.columns import Columns


def command(
    names: Annotated[list[str], typer.Argument(metavar="[SWEEP] A B", help="cells as MODEL/HARNESS[/SUITE]")],
    choose: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="B is this model's best harness on half of the templates, compared on the other half; "
            "A may also be a model: its baselines",
        ),
    ] = None,
) -> None:
    """Paired difference B minus A of two cells, on the tasks that both have run. Default: the latest sweep."""
    from harnesslab.errors import UserError

    if choose is None:
        if len(names) not in (2, 3):
            raise UserError("compare takes two cells", f"got {len(names)} names", "harnesslab compare [SWEEP] A B")
        _compare(_columns(names[0] if len(names) == 3 else None), *names[-2:])
    else:
        if len(names) not in (1, 2):
            raise UserError(
                "--choose takes one other cell",
                f"got {len(names)} names",
                "harnesslab compare [SWEEP] A --choose MODEL",
            )
        _choose(_columns(names[0] if len(names) == 2 else None), choose, names[-1])


def _columns(sweep: str | None) -> Columns:
    from harnesslab.lab.folders import find_sweep
    from harnesslab.store.sqlite import Store

    with Store.open(find_sweep(sweep), readonly=True) as store:
        return store.columns()


def _compare(columns: Columns, a: str, b: str) -> None:
    from harnesslab.score.paired import compare

    for found in compare(columns, a, b):
        _print(found, f"{found.tasks} paired tasks from {found.base_tasks} templates")


def _choose(columns: Columns, model: str, other: str) -> None:
    from harnesslab.score.choice import choose

    for one in choose(columns, model, other):
        print(f"chosen on {one.selection} of {one.selection + one.confirmation} templates: {_ranking(one)}")
        if not one.confirmed:
            print("that is the other cell itself: there is nothing to compare")
        several = len(one.confirmed) > 1
        for found in one.confirmed:
            adjusted = f"; adjusted among {len(one.confirmed)}: {found.p_adjusted:.3g}" if several else ""
            _print(found, f"{found.tasks} paired tasks from the other {found.base_tasks} templates", adjusted)


def _ranking(one: Choice) -> str:
    rates = [f"{label} {100 * rate:.0f} %" for label, rate in one.candidates.items()]
    return rates[0] + (f" (then {', '.join(rates[1:3])})" if len(rates) > 1 else "")


def _print(found: Comparison, on: str, adjusted: str = "") -> None:
    value, low, high = (
        "-" if x is None else f"{100 * x:+.1f}"
        for x in (found.difference.value, found.difference.low, found.difference.high)
    )
    print(f"A = {found.a}\nB = {found.b}")
    print(f"pass^1, B minus A: {value} points, 95 % interval {low} to {high}; p = {found.p:.3g}{adjusted}")
    print(f"{on}, {found.discordant} of which differ")
    if not found.can_reach:
        print("so few templates differ that no outcome could reach p <= 0.05")
    if found.difference.unreliable:
        print("the interval is a rough guide: too few templates for its nominal coverage")
