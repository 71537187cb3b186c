"""The sentences under a report's tables: what a reader could otherwise take for more than it is."""

from __future__ import annotations

from collections.abc import Sequence

from harnesslab.score.summary import CellSummary, Comparison, Figure

_MUCH_MORE = 1.5


def notes_on(cells: Sequence[CellSummary], comparisons: Sequence[Comparison], level: float) -> tuple[str, ...]:
    """Notes of a whole report, most important first."""
    notes = [*_missing(cells), *_null(cells), *_short(cells), *_unreliable(cells)]
    notes += _powerless(comparisons, level)
    notes += _ceilings(cells) + _greedy(cells) + _alone(cells) + _slow(cells) + _energy(cells) + _no_success(cells)
    return tuple(notes)


def _name(cell: CellSummary) -> str:
    return f"{cell.model}/{cell.harness}/{cell.suite}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def _missing(cells: Sequence[CellSummary]) -> list[str]:
    lost = [c for c in cells if c.missing.trials]
    if not lost:
        return []

    def arm(cell: CellSummary) -> str:
        bounds = ""
        if cell.missing.worst is not None:
            bounds = f", pass^1 from {_percent(cell.missing.worst)} to {_percent(cell.missing.best)} with them"
        return f"{_name(cell)} {cell.missing.trials} ({100 * cell.missing.share:.1f} %{bounds})"

    return [f"Missing trials, which count neither way: {'; '.join(arm(c) for c in lost)}."]


def _null(cells: Sequence[CellSummary]) -> list[str]:
    notes = []
    for suite in dict.fromkeys(c.suite for c in cells):
        mine = [c for c in cells if c.suite == suite and c.tasks]
        if not mine:
            continue
        widest = max(mine, key=lambda c: c.tasks)
        if not widest.null.agents:
            continue
        agents = ", ".join(f"{name} {_percent(share)}" for name, share in widest.null.agents.items())
        if any(widest.null.agents.values()):
            rest = "; ".join(f"{c.model}/{c.harness} {_percent(c.null.pass_1.value)}" for c in mine)
            notes.append(
                f"{suite}: agents that do nothing score: {agents}. "
                f"pass^1 on the {widest.null.tasks} tasks they fail: {rest}."
            )
        else:
            notes.append(f"{suite}: agents that do nothing score: {agents}.")
    return notes


def _short(cells: Sequence[CellSummary]) -> list[str]:
    short = [c for c in cells if c.left_out and c.left_out[-1] and not c.greedy]
    if not short:
        return []
    arms = "; ".join(f"{_name(c)} {c.left_out[-1]} of {c.tasks} tasks with fewer than {c.repeats}" for c in short)
    return [f"Too few trials for the highest k, so left out of it: {arms}."]


def _unreliable(cells: Sequence[CellSummary]) -> list[str]:
    few = [c for c in cells if _headline(c) and any(f.unreliable for f in _headline(c))]
    if not few:
        return []
    return [
        "Intervals marked ~ are unreliable: n, the base tasks behind them, is below 10: "
        + ", ".join(f"{_name(c)} n={min(f.n for f in _headline(c))}" for c in few)
        + "."
    ]


def _headline(cell: CellSummary) -> list[Figure]:
    return [f for f in (*cell.pass_k[:1], *cell.pass_k[-1:]) if f.value is not None]


def _powerless(comparisons: Sequence[Comparison], level: float) -> list[str]:
    weak = sum(not c.can_reach for c in comparisons)
    if not weak:
        return []
    few = "fewer than 6" if abs(level - 0.95) < 1e-9 else "too few"
    return [
        f"{weak} of {len(comparisons)} comparisons have {few} base tasks in which the arms differ: they cannot reach "
        f"p = {1 - level:.2f}, whatever the truth. More tasks help, more repeats do not."
    ]


def _ceilings(cells: Sequence[CellSummary]) -> list[str]:
    return [
        f"{_name(c)} would reach {_percent(c.ceiling)} if an oracle chose among its attempts: a ceiling, not a score."
        for c in cells
        if c.ceiling is not None
    ]


def _greedy(cells: Sequence[CellSummary]) -> list[str]:
    if any(c.greedy for c in cells):
        return ["Greedy cells show no pass^k for k > 1: their repeats would be copies."]
    return []


def _alone(cells: Sequence[CellSummary]) -> list[str]:
    unknown = [c for c in cells if c.trials and c.ledger.seconds.standalone is None and not c.imported]
    if unknown:
        arms = "" if len(unknown) == len(cells) else f" of {', '.join(dict.fromkeys(c.model for c in unknown))}"
        return [f"The standalone seconds{arms} are not known, so s/ok is a dash: only the llama engine is calibrated."]
    return []


def _slow(cells: Sequence[CellSummary]) -> list[str]:
    """Sharing a machine's work makes it less, not more: where it became more, two machines were compared."""
    models = {
        c.model: None
        for c in cells
        if c.ledger.seconds.measured and c.ledger.seconds.standalone
        if c.ledger.seconds.measured > _MUCH_MORE * c.ledger.seconds.standalone
    }
    if models:
        return [
            f"Trials of {', '.join(models)} took more seconds here than they would have alone: some ran on a slower "
            "machine than the calibrated one, or beside other work. Compare no seconds of these models."
        ]
    return []


def _energy(cells: Sequence[CellSummary]) -> list[str]:
    unmeasured = [c for c in cells if c.budget.joules.value is None and c.budget.tokens.value is not None]
    if unmeasured:
        return ["Energy was not measured" + (" in some cells." if len(unmeasured) < len(cells) else ".")]
    return []


def _no_success(cells: Sequence[CellSummary]) -> list[str]:
    barren = [_name(c) for c in cells if c.trials and c.pass_k and c.pass_k[0].value == 0.0]
    if barren:
        return [f"No success, so no cost per success: {', '.join(barren)}."]
    return []
