"""harnesslab compare: the paired difference of two cells, or what predicts reliability over many."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from harnesslab.score.summary import Comparison, Figure, HarnessByModel, Summary
    from harnesslab.store.columns import Columns


def command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[SWEEP] A B", help="cells as MODEL/HARNESS[/SUITE]")
    ] = None,
    predict: Annotated[
        bool, typer.Option("--predict", help="names are sweeps: which metric predicts reliability over their cells")
    ] = False,
    format: Annotated[Literal["text", "json"], typer.Option(help="json: stable, for other programs")] = "text",
) -> None:
    """Paired difference B minus A of two cells, on the tasks that both have run. Default: the latest sweep."""
    from harnesslab.errors import UserError

    names = names or []
    if predict:
        _predict(names, format)
        return
    if len(names) not in (2, 3):
        raise UserError("compare takes two cells", f"got {len(names)} names", "harnesslab compare [SWEEP] A B")
    columns, (a, b) = _columns(names[0] if len(names) == 3 else None), names[-2:]
    if format == "json":
        print(json.dumps(_as_json(columns, a, b), indent=2))
    else:
        _show(columns, a, b)


def _columns(sweep: str | None) -> Columns:
    from harnesslab.lab.folders import find_sweep
    from harnesslab.store.sqlite import Store

    with Store.open(find_sweep(sweep), readonly=True) as store:
        return store.columns()


def _as_json(columns: Columns, a: str, b: str) -> dict[str, Any]:
    from harnesslab.report.export import comparison, interaction
    from harnesslab.score.crossed import crossed
    from harnesslab.score.paired import compare

    both = crossed(columns, a, b)
    return {
        "format": "harnesslab-compare/1",
        "comparisons": [comparison(c) for c in compare(columns, a, b)],
        "effects": [comparison(c) for found in both for c in found.effects],
        "interactions": [interaction(found.interaction) for found in both],
    }


def _show(columns: Columns, a: str, b: str) -> None:
    from harnesslab.score.crossed import crossed
    from harnesslab.score.paired import compare
    from harnesslab.score.tables import summarise

    summary = summarise(columns)
    for found in compare(columns, a, b):
        for arm, label in (("A", found.a), ("B", found.b)):
            cell = next(c for c in summary.cells if c.label == label)
            figures = [f"pass^{k} {_share(cell.pass_k[k - 1])}" for k in sorted({1, cell.repeats}) if cell.repeats]
            print(f"{arm} = {label}: {', '.join(figures) or 'no trial yet'}")
        if not found.tasks:
            print("no task that both have finished")
            continue
        print(f"pass^1, B minus A: {_points(found.difference)}; {_p(found)}{_corrected(found, summary)}")
        print(f"{found.tasks} paired tasks from {found.base_tasks} templates, {found.discordant} of which differ")
        if not found.can_reach:
            print("so few templates differ (fewer than 6) that no outcome could reach p <= 0.05")
    for both in crossed(columns, a, b):
        print("\nwas it the model or the harness? p adj. within the two effects of each kind")
        for effect in both.effects:
            what = _arms(effect)
            print(f"{effect.kind} effect, {what}: {_points(effect.difference)}; {_p(effect)}, adj. {_of(effect)}")
        mixed = both.interaction
        print(f"interaction, for these levels: {_points(mixed.difference)}; {_p(mixed)}")


def _share(figure: Figure) -> str:
    from harnesslab.report.grids import percent

    if figure.value is None or figure.low is None or figure.high is None:
        return percent(figure.value)
    ends = f"{100 * figure.low:.0f} to {100 * figure.high:.0f}"
    return f"{percent(figure.value)} [{ends}; {figure.method}, {_n(figure)}]"


def _points(figure: Figure) -> str:
    value, low, high = ("-" if x is None else f"{100 * x:+.1f}" for x in (figure.value, figure.low, figure.high))
    return f"{value} points, 95 % interval {low} to {high} ({figure.method}, {_n(figure)})"


def _n(figure: Figure) -> str:
    return f"unreliable: n = {figure.n}" if figure.unreliable else f"n = {figure.n}"


def _p(found: Comparison | HarnessByModel) -> str:
    return f"p = {found.p:.3g}"


def _of(found: Comparison) -> str:
    return f"{found.p_adjusted:.3g}"


def _corrected(found: Comparison, summary: Summary) -> str:
    """What the pair's p becomes among all of its kind in the sweep: it was picked from among them."""
    test = {"sign-flip": "sign-flip over templates", "mcnemar": "McNemar, exact"}[found.test]
    family = [c for c in summary.comparisons if c.kind == found.kind and c.tasks]
    same = [c for c in family if {c.a, c.b} == {found.a, found.b}]
    if not same:
        return f" ({test}; not corrected for other comparisons)"
    if len(family) == 1:
        return f" ({test}; the sweep's only {found.kind} comparison)"
    return f" ({test}); {same[0].p_adjusted:.3g} corrected for the sweep's {len(family)} {found.kind} comparisons (BH)"


def _arms(effect: Comparison) -> str:
    """`loop -> guarded at small`."""
    one, other = effect.a.split("/"), effect.b.split("/")
    if effect.kind == "harness":
        return f"{one[-2]} -> {other[-2]} at {'/'.join(one[:-2])}"
    return f"{'/'.join(one[:-2])} -> {'/'.join(other[:-2])} in {one[-2]}"


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
