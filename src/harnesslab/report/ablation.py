"""The tables of a harness taken apart: layers, gains over the baselines, token budgets, the harness chosen."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from harnesslab.report.figures import DASH, amount, p_text, percent, points, signed
from harnesslab.report.grids import Grid
from harnesslab.score.ablation import verdict
from harnesslab.score.summary import Ablation, CellSummary, Choice, Comparison, Effect, Figure, Gain, Summary

BASELINES = ("abort", "loop", "best-of-n")
_SHOWN = ((2, "1/8"), (5, "1/4"), (11, "1/2"), (17, "3/4"), (23, "all"))  # positions in a curve of 24 budgets

Group = tuple[str, tuple[tuple[str, ...], ...]]


def ablation_grids(summary: Summary) -> list[Grid]:
    """All tables that an ablation adds to a report; none where the sweep holds none."""
    if not summary.ablations:
        return []
    grids = [layers(summary), gains(summary), budgets(summary)]
    return [*grids, chosen(summary)] if summary.choices else grids


# --- what each layer does


def layers(summary: Summary) -> Grid:
    """One row per layer and place it was taken out of, or stands in alone."""
    groups: list[Group] = []
    says: list[str] = []
    for one in summary.ablations:
        for title, effects in _places(one, summary):
            groups.append((f"{one.model} · {one.suite} · {title}", tuple(map(_effect, effects))))
            says.append(f"{one.model} · {one.suite}, {title}: {_verdicts(effects)}")
        says += _interactions(one)
    return Grid(
        "What each layer does: with it minus without it",
        "In points of pass^1 and tokens per trial, paired by task and repeat. p adj.: Benjamini-Hochberg among all "
        "rows; acted: share of trials in which the layer stepped in; n: templates; least: the smallest effect that so "
        "many templates, as noisy as these, show in 4 of 5 sweeps. *: uses what the suite's author wrote for layers.",
        ("layer", "points", "p adj.", "tokens", "acted", "n", "least"),
        (16, 14, 6, 20, 6, 4, 6),
        tuple(groups),
        tuple(says),
    )


def _places(one: Ablation, summary: Summary) -> list[tuple[str, list[Effect]]]:
    harness = {c.label: c.harness for c in summary.cells}
    placed = ((("alone over loop" if e.alone else f"taken out of {harness[e.points.b]}"), e) for e in one.effects)
    return [(title, [e for _, e in group]) for title, group in groupby(placed, key=lambda found: found[0])]


def _effect(effect: Effect) -> tuple[str, ...]:
    return (
        f"{effect.layer} *" if effect.informed else effect.layer,
        signed(effect.points.difference),
        p_text(effect.points.p_adjusted),
        _tokens(effect.tokens),
        percent(effect.acted),
        str(effect.points.base_tasks),
        _least(effect),
    )


def _least(effect: Effect) -> str:
    return DASH if effect.detectable is None else f"{100 * effect.detectable:.0f}"


def _tokens(figure: Figure) -> str:
    """`+1.2k [-0.9k,+1.5k]`."""
    if figure.value is None:
        return DASH
    if figure.low is None or figure.high is None:
        return _short(figure.value)
    mark = "~" if figure.unreliable else " "
    return f"{_short(figure.value)}{mark}[{_short(figure.low)},{_short(figure.high)}]"


def _short(tokens: float) -> str:
    size = abs(tokens)
    text = f"{size:.0f}" if size < 999.5 else f"{size / 1e3:.1f}k" if size < 9950 else f"{size / 1e3:.0f}k"
    return "0" if text == "0" else f"{'-' if tokens < 0 else '+'}{text}"


def _verdicts(effects: Sequence[Effect]) -> str:
    idle = [e for e in effects if e.acted == 0.0 and e.verdict == "nothing seen"]

    def named(kind: str) -> list[Effect]:
        found = [e for e in effects if e.verdict == kind and e not in idle]
        return sorted(found, key=lambda e: -abs(e.points.difference.value or 0.0))

    def listed(found: Sequence[Effect]) -> str:
        return ", ".join(f"{e.layer} {points(e.points.difference.value or 0.0)}" for e in found)

    said = []
    if found := named("helps"):
        said.append(f"Help: {listed(found)}.")
    if found := named("hurts"):
        said.append(f"Hurt: {listed(found)}.")
    if found := named("unsure"):
        said.append(f"Unsure (the interval leaves 0 out, the adjusted p does not): {listed(found)}.")
    if found := named("nothing seen"):
        seen = ", ".join(f"{e.layer} ({_least(e)})" for e in found)
        said.append(f"Nothing seen (in brackets the least effect that would have been): {seen}.")
    if idle:
        said.append(f"Never stepped in: {', '.join(e.layer for e in idle)}.")
    return " ".join(said)


def _interactions(one: Ablation) -> list[str]:
    said = []
    for found in one.interactions:
        pair = " and ".join(found.layers)
        if found.p is None:
            said.append(f"{one.model} · {one.suite}: how {pair} interact is not known; it takes {found.missing}.")
        else:
            said.append(
                f"{one.model} · {one.suite}: together, {pair} add {signed(found.difference)} points to what each adds "
                f"without the other (p = {p_text(found.p)}, not adjusted)."
            )
    return said


# --- gains over the baselines


def gains(summary: Summary) -> Grid:
    """Every cell against the three baselines, with what it spends."""
    groups = tuple(
        (f"{one.model} · {one.suite}", tuple(_gain(gain) for gain in one.gains)) for one in summary.ablations
    )
    return Grid(
        "Gains over the baselines, and what they spend",
        "In points of pass^1. best-of-n is the equal-compute control: compare it with rows that spend as much. "
        "*: with layers that use what the suite's author wrote.",
        ("harness", *(f"over {name}" for name in BASELINES), "tok/trial"),
        (24, 14, 14, 14, 9),
        groups,
        tuple(line for one in summary.ablations for line in _informed(one)),
    )


def _gain(gain: Gain) -> tuple[str, ...]:
    name = f"{gain.harness} *" if gain.informed else gain.harness
    return (name, *(signed(gain.over[b]) if b in gain.over else DASH for b in BASELINES), amount(gain.tokens))


def _informed(one: Ablation) -> list[str]:
    """Gains with and without what the suite's author wrote, where there are such cells."""
    by_label = {gain.cell: gain for gain in one.gains}
    said = []
    for gain in one.gains:
        if not gain.informed or gain.cell in one.arms:
            continue
        baseline = next((b for b in ("loop", "abort", "best-of-n") if b in gain.over), None)
        uses = (
            f"{one.model} · {one.suite}: {gain.harness} uses what the suite's author wrote ({', '.join(gain.informed)})"
        )
        plain = by_label.get(gain.plain)
        if baseline is None or plain is None or baseline not in plain.over:
            said.append(f"{uses}; no cell is the same without it, so what that is worth is not known.")
        else:
            with_it, without = (signed(g.over[baseline]) for g in (gain, plain))
            said.append(f"{uses}: {with_it} over {baseline}; without it ({plain.harness}) {without}.")
    return said


# --- success within a budget


def budgets(summary: Summary) -> Grid:
    """Success within five token budgets, for the models and suites of ablations."""
    wanted = {(one.model, one.suite) for one in summary.ablations}
    groups: list[Group] = []
    for (model, suite), cells in groupby(summary.cells, key=lambda c: (c.model, c.suite)):
        shown = [c for c in cells if c.budget.curve]
        if (model, suite) in wanted and shown:
            tokens = ("(tokens)", *(amount(shown[0].budget.curve[i][0]) for i, _ in _SHOWN))
            groups.append((f"{model} · {suite}", (tokens, *map(_within, shown))))
    return Grid(
        "Success within a token budget",
        "Share of trials, in the mean over tasks, that passed with no more tokens than this; the budgets are parts of "
        "what the suite's dearest trial spent.",
        ("harness", *(name for _, name in _SHOWN)),
        (30, *(8,) * len(_SHOWN)),
        tuple(groups),
    )


def _within(cell: CellSummary) -> tuple[str, ...]:
    return (cell.harness, *(percent(cell.budget.curve[i][1]) for i, _ in _SHOWN))


# --- chosen on one half, judged on the other


def chosen(summary: Summary) -> Grid:
    """Each model's best harness on half of the templates, against the baselines on the other half."""
    labels = {c.label: f"{c.model}/{c.harness}" for c in summary.cells}
    groups: list[Group] = []
    says: list[str] = []
    for one in summary.choices:
        name, best = labels[one.chosen], one.candidates[one.chosen]
        title = f"{name} · {one.suite}: best of {len(one.candidates)} on {one.selection} templates ({percent(best)})"
        groups.append((title, tuple(_confirmed(c, labels) for c in one.confirmed)))
        says += _said(one, labels, summary.level)
    rows = sum(len(one.confirmed) for one in summary.choices)
    return Grid(
        "The harness chosen on half of the templates, judged on the other half",
        "Chosen minus the baseline, in points of pass^1 on templates that had no part in choosing it. p adj.: "
        f"Benjamini-Hochberg among these {rows} rows; differ: templates in which the two differ.",
        ("over", "difference", "p", "p adj.", "differ"),
        (40, 15, 6, 6, 9),
        tuple(groups),
        tuple(says),
    )


def _confirmed(c: Comparison, labels: dict[str, str]) -> tuple[str, ...]:
    mark = "" if c.can_reach else "!"
    differ = f"{c.discordant}{mark} of {c.base_tasks}"
    return (labels[c.a], signed(c.difference), p_text(c.p), p_text(c.p_adjusted), differ)


_BEATS = {
    "helps": "beats",
    "hurts": "loses to",
    "unsure": "may differ from (the interval leaves 0 out, the adjusted p does not)",
    "nothing seen": "is not shown to differ from",
}


def _said(one: Choice, labels: dict[str, str], level: float) -> list[str]:
    by_verdict: dict[str, list[str]] = {}
    for c in one.confirmed:
        by_verdict.setdefault(verdict(c, level), []).append(labels[c.a])
    return [f"{labels[one.chosen]} {_BEATS[kind]}: {', '.join(found)}." for kind, found in by_verdict.items()]
