"""What a foreign file does not tell: figures that would need it have no value, and a note says why.

A cell's facts hold `untold`: {topic: "TRIALS of TRIALS"}, how many of its trials tell of the topic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from harnesslab.score.summary import NO_FIGURE, CellSummary, NullSplit
from harnesslab.store.columns import CellRow

_LACKS = {
    "verdict": ("whether a trial passed", "pass^k, pass@k, costs per success"),
    "oracle": ("the expected calls", "first attempts, matched calls, first departure"),
    "null": ("whether an agent that does nothing would pass", "null split"),
    "repeats": ("which trials repeat one task", "pass^k beyond k = 1: each trial is a task of its own"),
    "parse": ("calls as the model wrote them", "pass rate, parseable calls"),
    "known": ("which tools exist", "calls of known tools"),
    "schemas": ("which arguments fit", "valid calls"),
    "tokens": ("the tokens of a trial", "cost in tokens, budget curve"),
    "reply-tokens": ("the tokens of each reply", "share spent after the first error"),
    "cache": ("which prompt tokens came from a cache", "cached share"),
    "seconds": ("how long a trial took", "seconds per success"),
}


def untold_of(cell: CellRow) -> Mapping[str, str]:
    found: Mapping[str, str] = cell.facts.get("untold", {})
    return found


def without(cell: CellSummary, untold: Mapping[str, str]) -> CellSummary:
    """The cell less every figure that its trials cannot give. A dash in a table, null in an export; never 0."""
    for topic in untold:
        if topic in _BLANK:
            cell = _BLANK[topic](cell)
    return cell


def notes_on_untold(cells: Sequence[tuple[CellSummary, Mapping[str, str]]]) -> list[str]:
    """One sentence for what no trial tells, and one per topic that only some trials tell."""
    nowhere, notes = [], []
    for topic, (what, figures) in _LACKS.items():
        lack = [(c, untold[topic]) for c, untold in cells if topic in untold]
        if not lack:
            continue
        if len(lack) == len(cells) and all(told.startswith("0 of") for _, told in lack):
            nowhere.append(f"{what} (no value: {figures})")
        else:
            arms = "; ".join(f"{c.label} told by {told} trials" for c, told in lack)
            notes.append(f"Not told by every trial: {what} (no value: {figures}): {arms}.")
    return [*([f"Not told: {'; '.join(nowhere)}."] if nowhere else []), *notes]


def _verdict(cell: CellSummary) -> CellSummary:
    none = (NO_FIGURE,) * cell.repeats
    return replace(
        cell,
        pass_k=none,
        pass_at_k=none,
        pass_k_missing_failed=(None,) * cell.repeats,
        budget=replace(
            cell.budget,
            tokens=NO_FIGURE,
            calls=NO_FIGURE,
            seconds=NO_FIGURE,
            standalone=NO_FIGURE,
            measured=NO_FIGURE,
            joules=NO_FIGURE,
            curve=(),
        ),
        null=replace(cell.null, pass_1=NO_FIGURE),
        tiers=tuple(replace(t, pass_1=NO_FIGURE) for t in cell.tiers),
        departures=None,
    )


def _oracle(cell: CellSummary) -> CellSummary:
    return replace(
        cell,
        first_attempt=NO_FIGURE,
        ladder=replace(cell.ladder, matched=NO_FIGURE),
        tiers=tuple(replace(t, first_attempt=NO_FIGURE) for t in cell.tiers),
        departures=None,
    )


def _null(cell: CellSummary) -> CellSummary:
    return replace(cell, null=NullSplit(MappingProxyType({}), 0, NO_FIGURE))


def _parse(cell: CellSummary) -> CellSummary:
    return replace(
        cell,
        ladder=replace(cell.ladder, parseable=NO_FIGURE),
        parse=replace(cell.parse, replies=NO_FIGURE, trials=NO_FIGURE),
    )


def _tokens(cell: CellSummary) -> CellSummary:
    return replace(
        cell, budget=replace(cell.budget, tokens=NO_FIGURE, tokens_per_trial=None, after_error=NO_FIGURE, curve=())
    )


_BLANK: dict[str, Callable[[CellSummary], CellSummary]] = {
    "verdict": _verdict,
    "oracle": _oracle,
    "null": _null,
    "parse": _parse,
    "known": lambda c: replace(c, ladder=replace(c.ladder, known=NO_FIGURE)),
    "schemas": lambda c: replace(c, ladder=replace(c.ladder, valid=NO_FIGURE)),
    "tokens": _tokens,
    "reply-tokens": lambda c: replace(c, budget=replace(c.budget, after_error=NO_FIGURE)),
    "cache": lambda c: replace(c, budget=replace(c.budget, cached=None)),
}
