"""A report's tables as plain text cells, laid out once for the terminal and the HTML page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from harnesslab.report.figures import (
    DASH,
    amount,
    amount_with_interval,
    counted,
    p_text,
    percent,
    share,
    signed,
    signed_amount,
    third,
    with_interval,
)
from harnesslab.score.summary import CellSummary, Comparison, Figure, HarnessByModel, Ledger, Place, Summary

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Grid:
    """One table.

    Attributes:
        title: what it shows; `caption`: how to read it.
        head: column heads; the first column is left-aligned text, the others are figures.
        widths: characters of each column in an 80-column terminal.
        groups: (heading, rows); every row has as many cells as `head`.
        says: what it comes to, in sentences.
    """

    title: str
    caption: str
    head: tuple[str, ...]
    widths: tuple[int, ...]
    groups: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    says: tuple[str, ...] = ()


def headline(summary: Summary) -> Grid:
    """The first table: one row per cell."""
    k = max((c.repeats for c in summary.cells), default=1)
    many = k > 1
    head = ["harness", "pass^1", *([f"pass^{k}"] if many else []), "first", "recov.", "parse", "tok/ok", "s/ok"]
    widths = [14, 13, *([13] if many else []), 6, 6, 6, 7, 7]
    energy = any(c.budget.joules.value is not None for c in summary.cells)
    if energy and not many:
        head.append("J/ok")
        widths.append(7)

    def row(cell: CellSummary) -> tuple[str, ...]:
        last = cell.pass_k[k - 1] if len(cell.pass_k) >= k else Figure(None)
        figures = [
            cell.harness,
            with_interval(cell.pass_k[0]) if cell.pass_k else DASH,
            *([with_interval(last)] if many else []),
            share(cell.first_attempt),
            share(cell.recovery.recovered),
            share(cell.parse.replies),
            amount(cell.budget.tokens.value),
            amount(cell.budget.standalone.value),
        ]
        if energy and not many:
            figures.append(amount(cell.budget.joules.value))
        return tuple(figures)

    return Grid(
        "Results",
        f"Shares with {100 * summary.level:.0f} % intervals (wilson-t, exact; clustered by template). first: "
        "first-attempt tool-call accuracy; recov.: episodes of failure that recovered; parse: replies that parse as "
        "emitted; tok/ok, s/ok: tokens, and seconds as if each trial ran alone, per success, failures included.",
        tuple(head),
        tuple(widths),
        _by_model_and_suite(summary.cells, row),
    )


def every_k(summary: Summary) -> Grid | None:
    """pass^k at each k, to three digits, at most eight of them; None where no cell has any."""
    repeats = max((c.repeats for c in summary.cells), default=0)
    if not any(f.value is not None for c in summary.cells for f in c.pass_k):
        return None
    ks = list(range(1, repeats + 1))
    if repeats > 8:
        ks = sorted({2**i for i in range(7) if 2**i < repeats} | {repeats})

    def row(cell: CellSummary) -> tuple[str, ...]:
        return (cell.harness, *(third(cell.pass_k[k - 1].value if k <= len(cell.pass_k) else None) for k in ks))

    return Grid(
        "pass^k",
        "The mean over tasks of C(c,k)/C(n,k): the chance that k attempts at a task all succeed.",
        ("harness", *(f"k = {k}" for k in ks)),
        (14, *(7,) * len(ks)),
        _by_model_and_suite(summary.cells, row),
    )


def costs(summary: Summary) -> Grid | None:
    """Costs of imported trials per success; None where nothing tells any."""
    found = [c for c in summary.cells if c.imported and c.budget.calls.value is not None]
    if not found:
        return None

    def row(cell: CellSummary) -> tuple[str, ...]:
        use = cell.budget
        spent = (use.tokens, use.calls, use.seconds)
        return (cell.harness, *(amount(f.value) for f in spent), share(use.after_error))

    return Grid(
        "Cost per success, failures included",
        "seconds: from a trial's start to its end; after error: share of tokens spent after a trial's first failure.",
        ("harness", "tokens", "calls", "seconds", "after error"),
        (14, 9, 9, 9, 12),
        _by_model_and_suite(found, row),
    )


def departures(summary: Summary) -> Grid | None:
    """Where failed trials leave the expected calls; None where no cell can say."""
    found = [c for c in summary.cells if c.departures is not None and c.departures.failed]
    if not found:
        return None

    def row(cell: CellSummary) -> tuple[str, ...]:
        assert cell.departures is not None
        kinds = cell.departures.kinds
        return (
            cell.harness,
            amount(cell.departures.failed),
            *(amount(kinds[name]) for name in ("arguments", "unexpected", "not made", "none")),
            amount(cell.departures.median_call),
        )

    return Grid(
        "First departure of failed trials from the expected calls",
        "By alignment. arguments: the right tool, other arguments; unexpected: a call that changes the world and is "
        "not expected; not made: an expected call is missing; none: every call as expected; at call: the middle one.",
        ("harness", "failed", "arguments", "unexpected", "not made", "none", "at call"),
        (14, 7, 10, 11, 9, 6, 8),
        _by_model_and_suite(found, row),
    )


def ledgers(summary: Summary) -> Grid:
    """What trials cost here, what they would have cost alone, and what the lab saved; per cell and in all."""

    def figures(ledger: Ledger) -> tuple[str, ...]:
        costs = (ledger.tokens, ledger.seconds)
        return tuple(signed_amount(v) for cost in costs for v in (cost.measured, cost.standalone, cost.saved))

    def row(cell: CellSummary) -> tuple[str, ...]:
        return (cell.harness, *figures(cell.ledger), amount(cell.budget.measured.value))

    groups = _by_model_and_suite(summary.cells, row)
    total = ("in all", (("all cells", *figures(summary.ledger), DASH),))
    return Grid(
        "Two ledgers of cost",
        "Tokens computed and seconds of the model. here: measured, every token and second once, for the trial that had "
        "it computed; alone: as if each trial ran alone, without memo and with nothing cached but its own; saved: by "
        "the lab. s/ok here: measured seconds per success.",
        ("harness", "tok here", "alone", "saved", "s here", "alone", "saved", "s/ok here"),
        (14, 9, 8, 8, 8, 8, 8, 9),
        (*groups, total),
    )


_METER = {
    "trials": "replies of trials",
    "dropped": "work for trials that were not kept",
    "copying": "engines saving and restoring their cells",
    "scheduling": "engines choosing what to compute next",
    "idle": "engines waiting for the lab",
    "loading": "loading and calibrating models",
    "unread": "engines that keep no such books, or died",
    "lab": "the lab: planning, storing, ending",
}
_COUNTS = {
    "evicted": "idle sequences evicted to make room",
    "restore_failed": "parked states not restored, so computed again",
    "preempted": "requests sent back to the queue for want of cells",
    "astray": "cells that the books and llama.cpp disagree about",
}


def meter(summary: Summary) -> Grid | None:
    """Where the wall time of the runs went; None where no run has ended."""
    wall = sum(summary.meter.values())
    if not wall:
        return None
    of_row = {k: summary.meter.get(k, 0.0) for k in _METER}  # runs of older builds lack some
    rows = [(text, amount(of_row[k]), percent(of_row[k] / wall)) for k, text in _METER.items()]
    runs = "1 run" if summary.unmetered_runs == 1 else f"{summary.unmetered_runs} runs"
    left_out = f" {runs} did not end in good order and left no books."
    counts = "; ".join(f"{summary.counts[k]} {text}" for k, text in _COUNTS.items() if summary.counts.get(k))
    return Grid(
        "Where the time went",
        "Measured: the rows add up to the wall time of the runs."
        + (left_out if summary.unmetered_runs else "")
        + (f" Engines: {counts}." if counts else ""),
        ("", "seconds", "share"),
        (44, 9, 6),
        (("all runs", (*rows, ("wall time", amount(wall), percent(1.0)))),),
    )


def tiers(summary: Summary) -> Grid:
    """pass^1 and first attempts by tier, a row per cell and tier."""

    def rows(cell: CellSummary) -> list[tuple[str, ...]]:
        return [
            (
                cell.harness,
                tier.tier,
                str(tier.tasks),
                str(tier.trials),
                with_interval(tier.pass_1),
                with_interval(tier.first_attempt),
            )
            for tier in cell.tiers
        ]

    by_cell = _by_model_and_suite(summary.cells, rows)
    return Grid(
        "By tier",
        "",
        ("harness", "tier", "tasks", "trials", "pass^1", "first attempt"),
        (14, 14, 6, 7, 16, 16),
        tuple((title, tuple(row for cell in cells for row in cell)) for title, cells in by_cell),
    )


def failures(summary: Summary) -> Grid:
    """Where attempts fail, and what happens then."""

    def row(cell: CellSummary) -> tuple[str, ...]:
        ladder, recovery = cell.ladder, cell.recovery
        rungs = (ladder.parseable, ladder.known, ladder.valid, ladder.executed, ladder.matched)
        ends = recovery.endings
        return (
            cell.harness,
            amount(ladder.attempts),
            *(share(r) for r in rungs),
            amount(ends["recovered"]),
            amount(ends["abandoned"]),
            amount(ends["exhausted"]),
            share(recovery.degenerate),
            amount(recovery.redundant),
        )

    return Grid(
        "Where calls fail, and what then",
        "Of all attempts to call a tool, the share that parsed, named a known tool, fitted its schema, ran without "
        "error, matched an oracle call. Episodes of failure by how they ended: recov., aband. (answered anyway), exh. "
        "(ran out); loops: of those with a next action, the share that went in circles; again: repeats that told "
        "nothing new. Intervals: --format json.",
        ("harness", "tries", "parse", "known", "valid", "ran", "match", "recov.", "aband.", "exh.", "loops", "again"),
        (12, 5, 5, 5, 5, 5, 5, 6, 6, 5, 5, 5),
        _by_model_and_suite(summary.cells, row),
    )


def by_error(summary: Summary) -> Grid | None:
    """Recovery by what went wrong; None where nothing did."""
    if not any(c.recovery.episodes for c in summary.cells):
        return None
    names = list(summary.cells[0].recovery.errors)

    def row(cell: CellSummary) -> tuple[str, ...]:
        found = (cell.recovery.errors[name] for name in names)
        return (cell.harness, *(f"{cured} of {n}" if n else DASH for n, cured in found))

    return Grid(
        "Episodes of failure that recovered, by the error that opened them",
        "",
        ("harness", "unparseable", "unknown tool", "invalid args", "tool error", "other"),
        (14, 12, 12, 12, 12, 11),
        _by_model_and_suite(summary.cells, row),
    )


def differences(summary: Summary, kind: str) -> Grid | None:
    """Paired differences of one kind, "harness" or "model"; None where there are none."""
    found = [c for c in summary.comparisons if c.kind == kind and c.tasks]
    if not found:
        return None
    by_label = {c.label: c for c in summary.cells}
    apart = " (an ablation's arms are in its own table)" if kind == "harness" and summary.ablations else ""

    def heading(c: Comparison) -> str:
        cell = by_label[c.a]
        return f"{cell.model if kind == 'harness' else cell.harness} · {cell.suite}"

    def arm(label: str) -> str:
        return by_label[label].harness if kind == "harness" else by_label[label].model

    def row(c: Comparison) -> tuple[str, ...]:
        return (f"{arm(c.a)} → {arm(c.b)}", *_test_cells(c))

    return Grid(
        f"{'Harness' if kind == 'harness' else 'Model'} effect: paired difference of pass^1, second minus first",
        f"In percentage points, with {100 * summary.level:.0f} % intervals: adjusted-t over base tasks. p: "
        f"{_tests(found)}; p adj.: Benjamini-Hochberg among these {len(found)} comparisons{apart}; differ: base tasks "
        f"in which the arms differ (!: too few to reach p = {1 - summary.level:.2f}).",
        ("arms", "difference", "p", "p adj.", "differ"),
        (40, 15, 6, 6, 9),
        _group(found, heading, row),
    )


def _tests(found: Sequence[Comparison]) -> str:
    names = {"sign-flip": "sign-flip test over base tasks", "mcnemar": "McNemar's exact test"}
    return " or ".join(names[test] for test in sorted({c.test for c in found}, reverse=True))


def interactions(summary: Summary) -> Grid | None:
    """Whether a harness helps one model more than another; None where there are no two models in two harnesses."""
    found = [i for i in summary.interactions if i.tasks]
    if not found:
        return None

    def heading(i: HarnessByModel) -> str:
        return f"{i.models[0]} → {i.models[1]} · {i.suite}"

    def row(i: HarnessByModel) -> tuple[str, ...]:
        return (f"{i.harnesses[0]} → {i.harnesses[1]}", *_test_cells(i))

    return Grid(
        "Interaction: the harness effect at the second model less that at the first",
        "In percentage points of pass^1, for these levels: against the sweep's first model and harness. Columns as "
        f"above; p adj. among these {len(found)} interactions.",
        ("harness effect", "difference", "p", "p adj.", "differ"),
        (40, 15, 6, 6, 9),
        _group(found, heading, row),
    )


def _test_cells(c: Comparison | HarnessByModel) -> tuple[str, ...]:
    mark = "" if c.can_reach else "!"
    return signed(c.difference), p_text(c.p), p_text(c.p_adjusted), f"{c.discordant}{mark} of {c.base_tasks}"


def rankings(summary: Summary, kind: str) -> Grid | None:
    """Arms by pass^1, of kind "harness" or "model", and which differences are noise; None where two arms are all."""
    found = [r for r in summary.rankings if r.kind == kind and len(r.places) > 2]
    if not found:
        return None

    def row(place: Place, of: int) -> tuple[str, ...]:
        alike = {0: "none", of - 1: "all others"}.get(len(place.alike), ", ".join(place.alike))
        return place.name, with_interval(place.pass_1), percent(place.best), alike

    return Grid(
        "Harnesses by pass^1, and which differences are noise"
        if kind == "harness"
        else "Models by pass^1, and which differences are noise",
        "best in: share of 2,000 redraws of base tasks with the highest pass^1, ties shared. not told apart: p adj. "
        f"of the paired difference above {1 - summary.level:.2f}, so their order is noise.",
        (kind, "pass^1", "best in", "not told apart from"),
        (24, 14, 8, 30),
        tuple((f"{r.fixed} · {r.suite}", tuple(row(p, len(r.places)) for p in r.places)) for r in found),
    )


def shares_with_intervals(summary: Summary) -> Grid:
    """The headline's other shares, each with interval and base tasks."""

    def row(cell: CellSummary) -> tuple[str, ...]:
        return cell.harness, *map(counted, (cell.first_attempt, cell.recovery.recovered, cell.parse.replies))

    return Grid(
        "How calls went, with intervals",
        "n: base tasks behind the figure. Shares: wilson-t; all or none: exact, on base tasks.",
        ("harness", "first attempt", "recovered", "replies that parse"),
        (14, 20, 20, 20),
        _by_model_and_suite(summary.cells, row),
    )


def costs_with_intervals(summary: Summary) -> Grid | None:
    """Costs per success, each with interval and base tasks; None without any success."""
    kinds: list[tuple[str, Callable[[CellSummary], Figure]]] = [
        ("tokens", lambda c: c.budget.tokens),
        ("seconds alone", lambda c: c.budget.standalone),
        ("joules", lambda c: c.budget.joules),
    ]
    kinds = [(name, of) for name, of in kinds if any(of(c).value is not None for c in summary.cells)]
    if not kinds:
        return None

    def row(cell: CellSummary) -> tuple[str, ...]:
        return cell.harness, *(amount_with_interval(of(cell)) for _, of in kinds)

    return Grid(
        "Cost per success, with intervals",
        "Failures' costs included. n: base tasks. log-t: Student's t of the logarithm, by base task; not shown "
        "where its ends are more than 1,000 times apart.",
        ("harness", *(name for name, _ in kinds)),
        (12, *(22,) * len(kinds)),
        _by_model_and_suite(summary.cells, row),
    )


def _by_model_and_suite(
    cells: Sequence[CellSummary], row: Callable[[CellSummary], R]
) -> tuple[tuple[str, tuple[R, ...]], ...]:
    def heading(cell: CellSummary) -> str:
        return f"{cell.model} · {cell.suite}"

    size: dict[str, tuple[int, int, int]] = {}
    for cell in cells:
        size[heading(cell)] = max(size.get(heading(cell), (0, 0, 0)), (cell.tasks, cell.base_tasks, cell.repeats))

    def titled(cell: CellSummary) -> str:
        tasks, bases, repeats = size[heading(cell)]
        of = f" of {bases} templates" if bases != tasks else ""
        return f"{heading(cell)} · {tasks} tasks{of} x {repeats}"

    return _group(sorted(cells, key=lambda c: list(size).index(heading(c))), titled, row)


def _group(
    items: Iterable[T], heading: Callable[[T], str], row: Callable[[T], R]
) -> tuple[tuple[str, tuple[R, ...]], ...]:
    return tuple((title, tuple(row(i) for i in group)) for title, group in groupby(items, key=heading))
