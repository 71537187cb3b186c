"""`summarise`: a sweep's columns -> everything its report shows."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from harnesslab.score.ablation import ablations
from harnesslab.score.behaviour import (
    budget,
    budget_grid,
    first_attempt,
    ladder,
    ledger,
    ledger_of_all,
    pass_rate,
    recovery,
)
from harnesslab.score.choice import choices
from harnesslab.score.departure import departures
from harnesslab.score.interaction import interactions
from harnesslab.score.notes import notes_on
from harnesslab.score.paired import all_pairs
from harnesslab.score.ranking import rankings
from harnesslab.score.reliability import (
    is_greedy,
    missing_as_failed,
    missing_of,
    null_split,
    pass_1,
    pass_figures,
)
from harnesslab.score.sample import Ints, Sample, samples, scan_trials
from harnesslab.score.summary import CellSummary, Summary, TierSummary
from harnesslab.score.unfinished import unfinished
from harnesslab.score.untold import notes_on_untold, untold_of, without
from harnesslab.store.columns import Columns

MISSING_SHOWN = 0.02  # above, worst and best cases are shown

CONVENTIONS = MappingProxyType(
    {
        "pass^k": "missing trials dropped; tasks with fewer than k trials left out of pass^k, their count shown",
        "pass^k, missing as failed": "missing trials counted as failed ones",
        "interval of a share": "wilson-t: Wilson with effective n from base-task clusters and Student's t; "
        "all-zero, all-one, and pass^k (k > 1) of fewer than 3.5 successes or failures: exact, Clopper-Pearson on base "
        "tasks",
        "interval of a cost per success": "log-t: Student's t on the log scale, clustered by base task",
        "interval of a difference": "adjusted-t: Student's t on base tasks after adding one for each arm",
        "p": "two-sided: sign-flip over base tasks, all repeats of one flipping together; with one trial per base task "
        "McNemar's exact test; adjusted: Benjamini-Hochberg within the harness effects, the model effects and the "
        "interactions of the report",
        "interaction": "for these levels: against the sweep's first model and first harness",
        "effect of a layer": "two cells that differ by it alone, with minus without, paired by task and repeat; "
        "p adjusted among all effects of the report",
        "chosen harness": "chosen on half of the templates, by a seeded hash; compared on the other half only",
        "tokens": "prompt tokens, computed or cached, plus generated tokens, summed over replies",
        "seconds per success": "standalone seconds: of the model, as if every trial ran alone; tools not in it",
        "measured ledger": "the engine's work: a step's seconds divided over its requests in proportion to what each "
        "would have cost alone; a reply from the memo costs nothing",
        "standalone ledger": "each trial as if it ran alone: memo hits at full cost, cached only what it computed "
        "itself; seconds by weights fitted when the engine starts",
        "wall seconds": "from a trial's start to its end, waiting included; memo hits at their original's time",
    }
)


def summarise(columns: Columns, *, seed: int = 0, level: float = 0.95) -> Summary:
    """Scores a sweep. The same columns and seed give the same summary.

    Args:
        seed: of the random sign patterns and redraws.
        level: of every interval, 0.95 for 95 %.
    """
    imported = any("imported" in c.facts for c in columns.cells)
    scanned = scan_trials(columns, departures=imported)
    every = samples(columns, scanned)
    by_suite: dict[str, list[Sample]] = {}
    for s in every:
        by_suite.setdefault(s.cell.suite, []).append(s)
    grids = {suite: budget_grid(group) for suite, group in by_suite.items()}
    uneven = {suite: len({_missing_share(s) for s in group}) > 1 for suite, group in by_suite.items()}
    cells = tuple(
        replace(_cell(s, grids[s.cell.suite], uneven[s.cell.suite], level), planned=columns.planned.get(s.cell.key))
        for s in every
    )
    judged = [s for s in every if "verdict" not in untold_of(s.cell)]
    if imported:
        cells = _imported(cells, every, scanned.departures)
    untold = [untold_of(s.cell) for s in every]
    cells = tuple(without(c, lacks) for c, lacks in zip(cells, untold, strict=True))
    apart = ablations(columns, every, seed=seed, level=level)
    arms = {label for one in apart for label in one.arms}
    plain = [s for s in judged if s.cell.label not in arms]
    comparisons = all_pairs(judged, seed=seed, level=level, arms=arms)
    return Summary(
        cells=cells,
        comparisons=comparisons,
        rankings=rankings(plain, comparisons, seed=seed, level=level),
        notes=(*notes_on(cells, comparisons, level), *notes_on_untold(list(zip(cells, untold, strict=True)))),
        conventions=CONVENTIONS,
        level=level,
        seed=seed,
        ledger=ledger_of_all([cell.ledger for cell in cells if cell.trials]),
        meter=columns.meter,
        counts=columns.counts,
        unmetered_runs=columns.unmetered_runs,
        interactions=interactions(plain, seed=seed, level=level),
        ablations=apart,
        unfinished=unfinished(columns),
        choices=choices(judged, dict.fromkeys((one.model, one.suite) for one in apart), seed=seed, level=level),
    )


def _imported(
    cells: tuple[CellSummary, ...], every: tuple[Sample, ...], found: NDArray[np.int32]
) -> tuple[CellSummary, ...]:
    """The same cells, the imported ones marked, with their first departures; `found` is of all trials."""
    return tuple(
        replace(
            c,
            departures=departures(s, found[s.trial]),
            imported=str(s.cell.facts["imported"]),
        )
        if "imported" in s.cell.facts
        else c
        for c, s in zip(cells, every, strict=True)
    )


def _missing_share(sample: Sample) -> float:
    return float(sample.missing.sum() / max(1, sample.planned.sum()))


def _cell(sample: Sample, grid: Ints, uneven: bool, level: float) -> CellSummary:
    repeats = max(int(sample.planned.max(initial=0)), int(sample.repeat.max(initial=-1)) + 1)
    hat, at = pass_figures(sample, repeats, level)
    return CellSummary(
        key=sample.cell.key,
        model=sample.cell.model,
        harness=sample.cell.harness,
        suite=sample.cell.suite,
        trials=len(sample.task),
        missing=missing_of(sample, bounds=uneven or _missing_share(sample) > MISSING_SHOWN),
        tasks=len(sample.tasks),
        base_tasks=sample.bases,
        repeats=repeats,
        greedy=is_greedy(sample),
        pass_k=hat,
        pass_at_k=at,
        left_out=tuple(int((sample.n < k).sum()) for k in range(1, repeats + 1)),
        pass_k_missing_failed=missing_as_failed(sample, repeats),
        first_attempt=first_attempt(sample, level),
        ladder=ladder(sample, level),
        recovery=recovery(sample, level),
        budget=budget(sample, grid, level),
        ledger=ledger(sample),
        parse=pass_rate(sample, level),
        null=null_split(sample, level),
        tiers=_tiers(sample, level),
        ceiling=sample.cell.ceiling,
    )


def _tiers(sample: Sample, level: float) -> tuple[TierSummary, ...]:
    names = np.array([t.tier for t in sample.tasks], dtype=object)
    found = []
    for tier in sorted(set(names.tolist())):
        part = sample.only(names == tier)
        found.append(
            TierSummary(tier, len(part.tasks), len(part.task), pass_1(part, level), first_attempt(part, level))
        )
    return tuple(found)
