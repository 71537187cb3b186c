"""First attempts, ladder, recovery, pass rate and budget of one cell: ratios of column sums."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from harnesslab.score.estimate import cost_per, proportion
from harnesslab.score.sample import Floats, Ints, Sample
from harnesslab.score.summary import BudgetUse, Cost, Figure, Ladder, Ledger, PassRate, Recovery
from harnesslab_kernels import counts as c

GRID_POINTS = 24


def share(sample: Sample, part: NDArray[np.int64], whole: NDArray[np.int64], level: float) -> Figure:
    """sum(part) / sum(whole), each int64[T]: summed over the trials of each task."""
    return proportion(sample.by_base(part), sample.by_base(whole), float(whole.sum()), level)


def _column(sample: Sample, index: int) -> Ints:
    return sample.counts[:, index]


def first_attempt(sample: Sample, level: float) -> Figure:
    return share(sample, _column(sample, c.FIRST_HITS), _column(sample, c.FIRST_DUE), level)


def ladder(sample: Sample, level: float) -> Ladder:
    attempts = _column(sample, c.ATTEMPTS)

    def rung(index: int) -> Figure:
        return share(sample, _column(sample, index), attempts, level)

    return Ladder(
        attempts=int(attempts.sum()),
        parseable=rung(c.CALLS),
        known=rung(c.KNOWN),
        valid=rung(c.VALID),
        executed=rung(c.EXECUTED),
        matched=rung(c.MATCHED),
        reached=share(sample, _column(sample, c.REACHED), _column(sample, c.CALLS), level),
    )


def recovery(sample: Sample, level: float) -> Recovery:
    episodes = _column(sample, c.EPISODES)
    followed = episodes - _column(sample, c.UNFOLLOWED)
    total = {name: int(_column(sample, index).sum()) for name, index in _RECOVERY.items()}

    def pick(**columns: str) -> MappingProxyType[str, int]:
        return MappingProxyType({name.replace("_", "-"): total[column] for name, column in columns.items()})

    return Recovery(
        failures=total["failures"],
        episodes=int(episodes.sum()),
        recovered=share(sample, _column(sample, c.RECOVERED), episodes, level),
        endings=pick(recovered="recovered", abandoned="abandoned", exhausted="exhausted"),
        paths=pick(
            adaptive="adaptive",
            identical="identical",
            alternating="alternating",
            periodic="periodic",
            no_progress="no-progress",
            unfollowed="unfollowed",
        ),
        degenerate=share(sample, followed - _column(sample, c.ADAPTIVE), followed, level),
        redundant=total["redundant"],
        loops=pick(
            identical="loops-identical",
            alternating="loops-alternating",
            periodic="loops-periodic",
            no_progress="loops-no-progress",
        ),
        errors=MappingProxyType(
            {
                name: (
                    int(_column(sample, c.OPENED_UNPARSEABLE + i).sum()),
                    int(_column(sample, c.CURED_UNPARSEABLE + i).sum()),
                )
                for i, name in enumerate(ERRORS)
            }
        ),
    )


ERRORS = ("unparseable", "unknown tool", "invalid arguments", "tool error", "other")
_RECOVERY = {
    "failures": c.FAILURES,
    "recovered": c.RECOVERED,
    "abandoned": c.ABANDONED,
    "exhausted": c.EXHAUSTED,
    "adaptive": c.ADAPTIVE,
    "identical": c.IDENTICAL,
    "alternating": c.ALTERNATING,
    "periodic": c.PERIODIC,
    "no-progress": c.NO_PROGRESS,
    "unfollowed": c.UNFOLLOWED,
    "redundant": c.REDUNDANT,
    "loops-identical": c.LOOPS_IDENTICAL,
    "loops-alternating": c.LOOPS_ALTERNATING,
    "loops-periodic": c.LOOPS_PERIODIC,
    "loops-no-progress": c.LOOPS_NO_PROGRESS,
}


def pass_rate(sample: Sample, level: float) -> PassRate:
    replies = _column(sample, c.REPLIES)
    return PassRate(
        replies=share(sample, _column(sample, c.PARSED), replies, level),
        trials=share(sample, _column(sample, c.ALL_PARSED), sample.n, level),
    )


def budget(sample: Sample, grid: Ints, level: float) -> BudgetUse:
    from harnesslab_kernels.budget import success_curve

    tokens = _column(sample, c.PROMPT) + _column(sample, c.GENERATED)
    passed = sample.by_base(sample.c)

    def per_success(cost: Floats | Ints) -> Figure:
        return cost_per(sample.by_base(cost), passed, level)

    n = sample.n
    weight = 1.0 / (n[sample.task] * max(1, int((n > 0).sum())))
    curve = success_curve(sample.tokens, sample.passed, weight, grid)
    prompt = int(_column(sample, c.PROMPT).sum())
    return BudgetUse(
        tokens=per_success(tokens),
        calls=per_success(_column(sample, c.TOOL_CALLS)),
        seconds=per_success(sample.seconds),
        standalone=per_success(sample.standalone),
        measured=per_success(sample.measured),
        joules=per_success(sample.joules),
        tokens_per_trial=float(sample.tokens.mean()) if len(sample.tokens) else None,
        cached=int(_column(sample, c.CACHED).sum()) / prompt if prompt else None,
        after_error=share(sample, _column(sample, c.AFTER_ERROR), tokens, level),
        curve=tuple((int(b), float(s)) for b, s in zip(grid, curve, strict=True)) if len(sample.tokens) else (),
    )


def ledger(sample: Sample) -> Ledger:
    known = not _column(sample, c.OWN_UNKNOWN).any()
    computed, alone = int(_column(sample, c.COMPUTED).sum()), int(_column(sample, c.ALONE).sum())
    return Ledger(
        tokens=Cost(computed, alone) if known else Cost(None, None),
        seconds=Cost(_total(sample.measured), _total(sample.standalone)),
    )


def ledger_of_all(ledgers: Sequence[Ledger]) -> Ledger:
    def add(costs: Sequence[Cost]) -> Cost:
        measured = [cost.measured for cost in costs]
        standalone = [cost.standalone for cost in costs]
        return Cost(_sum(measured), _sum(standalone))

    return Ledger(add([one.tokens for one in ledgers]), add([one.seconds for one in ledgers]))


def _total(seconds: Floats) -> float | None:
    return float(seconds.sum()) if np.isfinite(seconds).all() else None


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def budget_grid(samples: list[Sample]) -> Ints:
    """int64[GRID_POINTS]: equal steps up to the dearest trial of all cells of a suite, so that their curves compare."""
    cap = max((int(s.tokens.max(initial=0)) for s in samples), default=0)
    return np.ceil(np.linspace(0, cap, GRID_POINTS + 1)[1:]).astype(np.int64)
