"""harnesslab compare: the paired difference of two cells."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    names: Annotated[list[str], typer.Argument(metavar="[SWEEP] A B", help="cells as MODEL/HARNESS[/SUITE]")],
) -> None:
    """Paired difference B minus A of two cells, on the tasks that both have run. Default: the latest sweep."""
    from harnesslab.errors import UserError
    from harnesslab.lab.folders import find_sweep
    from harnesslab.score.paired import compare
    from harnesslab.store.sqlite import Store

    if len(names) not in (2, 3):
        raise UserError("compare takes two cells", f"got {len(names)} names", "harnesslab compare [SWEEP] A B")
    folder = find_sweep(names[0] if len(names) == 3 else None)
    with Store.open(folder, readonly=True) as store:
        columns = store.columns()
    for found in compare(columns, *names[-2:]):
        value, low, high = (
            "-" if x is None else f"{100 * x:+.1f}"
            for x in (found.difference.value, found.difference.low, found.difference.high)
        )
        print(f"A = {found.a}\nB = {found.b}")
        print(f"pass^1, B minus A: {value} points, 95 % interval {low} to {high}; p = {found.p:.3g}")
        print(f"{found.tasks} paired tasks from {found.base_tasks} templates, {found.discordant} of which differ")
        if not found.can_reach:
            print("so few templates differ that no outcome could reach p <= 0.05")
        if found.difference.unreliable:
            print("the interval is a rough guide: too few templates for its nominal coverage")
