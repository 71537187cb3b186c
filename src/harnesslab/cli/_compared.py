"""Two cells side by side, as text and as JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harnesslab.score.summary import Comparison, Figure, Summary
    from harnesslab.store.columns import Columns


def as_json(columns: Columns, a: str, b: str) -> dict[str, Any]:
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


def show(columns: Columns, a: str, b: str) -> None:
    """Prints both cells, their difference and, where they differ in model and harness, which of the two it was."""
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
        print(f"pass^1, B minus A: {points(found.difference)}; p = {found.p:.3g}{_corrected(found, summary)}")
        print(f"{found.tasks} paired tasks from {found.base_tasks} templates, {found.discordant} of which differ")
        few(found)
    for both in crossed(columns, a, b):
        print("\nwas it the model or the harness? p adj. within the two effects of each kind")
        for effect in both.effects:
            tested = f"p = {effect.p:.3g}, adj. {effect.p_adjusted:.3g}"
            print(f"{effect.kind} effect, {_arms(effect)}: {points(effect.difference)}; {tested}")
        mixed = both.interaction
        print(f"interaction, for these levels: {points(mixed.difference)}; p = {mixed.p:.3g}")


def few(found: Comparison) -> None:
    """Says so where the difference cannot be significant."""
    if not found.can_reach:
        print("so few templates differ (fewer than 6) that no outcome could reach p <= 0.05")


def points(figure: Figure) -> str:
    """A difference in percentage points, with interval, method and n."""
    value, low, high = ("-" if x is None else f"{100 * x:+.1f}" for x in (figure.value, figure.low, figure.high))
    return f"{value} points, 95 % interval {low} to {high} ({figure.method}, {_n(figure)})"


def _share(figure: Figure) -> str:
    from harnesslab.report.figures import percent

    if figure.value is None or figure.low is None or figure.high is None:
        return percent(figure.value)
    ends = f"{100 * figure.low:.0f} to {100 * figure.high:.0f}"
    return f"{percent(figure.value)} [{ends}; {figure.method}, {_n(figure)}]"


def _n(figure: Figure) -> str:
    return f"unreliable: n = {figure.n}" if figure.unreliable else f"n = {figure.n}"


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
