"""What scoring hands to reports: frozen values only. Formulas are in docs/metrics.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harnesslab.types import NOTHING


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its interval.

    Attributes:
        value: None where the figure does not exist (no oracle call, no episode, greedy repeats, nothing measured).
        low, high: the interval; None where there is no value.
        n: base tasks behind it, the units that are resampled.
        method: how the interval was made, by the names of docs/metrics.md; "" where there is none.
        unreliable: too few base tasks (or cells) for what was checked by simulation; read it as a rough guide.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    method: str = ""
    unreliable: bool = False


NO_FIGURE = Figure(None)


@dataclass(frozen=True, slots=True)
class Missing:
    """Trials the lab failed to run: no part of any other figure.

    Attributes:
        worst, best: pass^1 if all of them had failed, or passed; None where the bounds need no showing.
    """

    trials: int
    share: float
    worst: float | None = None
    best: float | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """Of all attempts to call a tool, the share that got at least this far; each rung requires the one before."""

    attempts: int
    parseable: Figure
    known: Figure
    valid: Figure
    executed: Figure
    matched: Figure
    reached: Figure  # of emitted calls: a tool ran, whatever it answered; not a rung


@dataclass(frozen=True, slots=True)
class Recovery:
    """Counts over all trials of a cell; `recovered` is the share of episodes that ended so."""

    failures: int
    episodes: int
    recovered: Figure
    endings: Mapping[str, int]  # recovered, abandoned, exhausted
    paths: Mapping[str, int]  # adaptive, identical, alternating, periodic, no-progress, unfollowed
    degenerate: Figure  # share of episodes that something followed
    redundant: int
    loops: Mapping[str, int]  # identical, alternating, periodic, no-progress
    errors: Mapping[str, tuple[int, int]]  # by the error that opened them: episodes, and of them recovered


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """Costs. Per success: failures' costs included. `curve` is ((tokens, success), ...) on the suite's common grid.

    Attributes:
        seconds: wall time of trials, waiting for each other included.
        standalone: seconds of the model as if each trial ran alone.
        measured: seconds of the model that were spent here.
    """

    tokens: Figure
    calls: Figure
    seconds: Figure
    standalone: Figure
    measured: Figure
    joules: Figure
    tokens_per_trial: float | None
    cached: float | None  # share of prompt tokens not computed again
    after_error: Figure  # share of tokens spent after the first failed action
    curve: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """One kind of cost in both ledgers, summed over trials; None where it is not known of all of them."""

    measured: float | None
    standalone: float | None

    @property
    def saved(self) -> float | None:
        """`saved_by_lab`: what reuse across trials and batching saved; negative where company cost more."""
        if self.measured is None or self.standalone is None:
            return None
        return self.standalone - self.measured


@dataclass(frozen=True, slots=True)
class Ledger:
    """Tokens computed, and seconds of the model."""

    tokens: Cost
    seconds: Cost


@dataclass(frozen=True, slots=True)
class PassRate:
    """Replies that parse as emitted, and trials in which every reply did."""

    replies: Figure
    trials: Figure


@dataclass(frozen=True, slots=True)
class NullSplit:
    """What agents that do nothing score on these tasks, and what the cell scores where they fail."""

    agents: Mapping[str, float]  # "idle", "refuse", ...: share of the tasks they pass
    tasks: int  # tasks that none of them passes
    pass_1: Figure  # on those


@dataclass(frozen=True, slots=True)
class Departures:
    """Where the calls of failed trials leave the oracle's, by alignment; of foreign trials, which have no world.

    Attributes:
        failed: trials that failed.
        kinds: of them, how they depart: "none", "arguments", "unexpected", "not made".
        median_call: number of the call, from 1, at which the middle one of those that depart does; None if none do.
    """

    failed: int
    kinds: Mapping[str, int]
    median_call: float | None


@dataclass(frozen=True, slots=True)
class TierSummary:
    tier: str
    tasks: int
    trials: int
    pass_1: Figure
    first_attempt: Figure


@dataclass(frozen=True, slots=True)
class CellSummary:
    """Everything about one cell.

    Attributes:
        trials: that count; missing ones are in `missing`.
        planned: how many it is to have, missing ones with them; None where nobody said.
        repeats: K, the planned repeats of a task as far as stored trials show.
        pass_k, pass_at_k: K figures, k = 1..K. In a greedy cell those of k > 1 have no value.
        left_out: K counts of tasks with fewer than k trials, which pass^k leaves out.
        pass_k_missing_failed: K values under the other convention, missing trials counted as failures.
        departures: of imported trials whose oracle is known, else None.
        imported: the format of the file the trials came from; "" for our own.
        ceiling: pass^1 if the best of each trial's attempts were chosen; None where there was no choice.
    """

    key: str
    model: str
    harness: str
    suite: str
    trials: int
    missing: Missing
    tasks: int
    base_tasks: int
    repeats: int
    greedy: bool
    pass_k: tuple[Figure, ...]
    pass_at_k: tuple[Figure, ...]
    left_out: tuple[int, ...]
    pass_k_missing_failed: tuple[float | None, ...]
    first_attempt: Figure
    ladder: Ladder
    recovery: Recovery
    budget: BudgetUse
    ledger: Ledger
    parse: PassRate
    null: NullSplit
    tiers: tuple[TierSummary, ...]
    departures: Departures | None = None
    imported: str = ""
    ceiling: float | None = None
    planned: int | None = None

    @property
    def label(self) -> str:
        return f"{self.model}/{self.harness}/{self.suite}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Paired difference of pass^1, B minus A, on the tasks both have run.

    Attributes:
        kind: "harness" (same model and suite), "model" (same harness and suite), else "other".
        p: by `test`, two-sided; p_adjusted: Benjamini-Hochberg within the report's comparisons of this kind.
        test: "sign-flip" over base tasks, or "mcnemar" where each arm has one trial per base task.
        tasks, base_tasks: paired ones; discordant: base tasks in which the arms differ.
        can_reach: whether so many discordant base tasks can give p <= 1 - level at all.
    """

    kind: str
    a: str
    b: str
    difference: Figure
    p: float
    p_adjusted: float
    tasks: int
    base_tasks: int
    discordant: int
    can_reach: bool
    test: str = "sign-flip"


@dataclass(frozen=True, slots=True)
class HarnessByModel:
    """How much more the second harness gains over the first at the second model than at the first one.

    The other fields are those of `Comparison`; p is a sign-flip test, adjusted within the report's interactions.
    """

    models: tuple[str, str]
    harnesses: tuple[str, str]
    suite: str
    difference: Figure  # of pass^1, from -2 to 2
    p: float
    p_adjusted: float
    tasks: int
    base_tasks: int
    discordant: int
    can_reach: bool


@dataclass(frozen=True, slots=True)
class Place:
    """One arm of a ranking.

    Attributes:
        best: share of redraws of base tasks in which it has the highest pass^1; ties are shared.
        alike: arms from which its paired difference is not told apart: p_adjusted > 1 - level.
    """

    name: str
    pass_1: Figure
    best: float
    alike: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Arms of one suite by pass^1.

    Attributes:
        kind: "harness": the arms are the harnesses of one model, `fixed`; "model": the models in one harness.
    """

    kind: str
    fixed: str
    suite: str
    places: tuple[Place, ...]
    base_tasks: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What one layer does: of two cells that differ by it alone, the one with it minus the one without.

    Attributes:
        layer: its name on the trace.
        informed: whether it uses what the suite's author wrote for layers.
        alone: whether it stands alone over `loop`; else it was taken out of a harness.
        points: the paired difference of pass^1; `a` is without, `b` with, p is adjusted among all effects of a report.
        tokens: the paired difference of tokens per trial.
        acted: share of the trials with it in which it stepped in; `per_trial`: how often in the mean.
        detectable: the smallest true difference of pass^1 that as many and as noisy base tasks show in 4 of 5 sweeps.
        verdict: "helps", "hurts", "unsure" (the interval leaves 0 out, the adjusted p does not), "nothing seen".
    """

    layer: str
    informed: bool
    alone: bool
    points: Comparison
    tokens: Figure
    acted: float | None
    per_trial: float | None
    detectable: float | None
    verdict: str


@dataclass(frozen=True, slots=True)
class Interaction:
    """Whether two layers do more (or less) together than each adds without the other.

    Attributes:
        difference: (both - without the first) - (without the second - without both), in shares of pass^1, -2 to 2.
        p: sign-flip test over base tasks; None where cells are missing.
        cells: labels of the four; empty where some are missing.
        missing: what the sweep does not hold, in words; "" where it holds all.
    """

    layers: tuple[str, str]
    difference: Figure
    p: float | None
    cells: tuple[str, ...]
    missing: str


@dataclass(frozen=True, slots=True)
class Gain:
    """One cell against the baselines of its model and suite.

    Attributes:
        over: baseline ("abort", "loop", "best-of-n") -> this cell minus it, pass^1; itself and absent ones left out.
        tokens: per trial.
        informed: its layers that use what the suite's author wrote.
        plain: label of the same harness without that; "" if no cell is.
    """

    cell: str
    harness: str
    over: Mapping[str, Figure]
    tokens: float | None
    informed: tuple[str, ...]
    plain: str


@dataclass(frozen=True, slots=True)
class Ablation:
    """A harness taken apart, and layers tried alone, with one model on one suite.

    Attributes:
        effects: of layers taken out of a harness, then of those alone.
        interactions: of the two layers with the largest effects, for each harness taken apart; else of those alone.
        arms: labels of the cells that a layer was taken out of or stands alone in, not those of baselines.
    """

    model: str
    suite: str
    effects: tuple[Effect, ...]
    interactions: tuple[Interaction, ...]
    gains: tuple[Gain, ...]
    arms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A model's best harness on one part of the base tasks, and what it does on the others.

    Attributes:
        chosen: label of the cell with the highest pass^1 on the selection part.
        candidates: label -> pass^1 on the selection part, best first.
        selection, confirmation: base tasks in each part.
        confirmed: other cells (`a`) against the chosen one (`b`) on the confirmation part; p adjusted among them.
    """

    model: str
    suite: str
    chosen: str
    candidates: Mapping[str, float]
    selection: int
    confirmation: int
    confirmed: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole report.

    Attributes:
        notes: sentences a reader must not miss, most important first.
        unfinished: what the sweep still lacks, in a sentence that comes before all figures; "" where nothing.
        conventions: how the figures are defined, by name.
        ledger: of all cells.
        meter: where the wall time of the runs went, in seconds by the names of docs/metrics.md; they add up to it.
        counts: what the engines had to do to their cells, by the names of docs/metrics.md; only those that are not 0.
        unmetered_runs: runs that did not end in good order, and are not in `meter`.
        ablations: of the models and suites for which the sweep holds cells that differ by one layer.
        choices: for these, each model's best harness chosen on one part of the templates and confirmed on the other.
    """

    cells: tuple[CellSummary, ...]
    comparisons: tuple[Comparison, ...]
    rankings: tuple[Ranking, ...]
    notes: tuple[str, ...]
    conventions: Mapping[str, str]
    level: float
    seed: int
    ledger: Ledger
    meter: Mapping[str, float] = NOTHING
    counts: Mapping[str, int] = NOTHING
    unmetered_runs: int = 0
    interactions: tuple[HarnessByModel, ...] = ()
    ablations: tuple[Ablation, ...] = ()
    choices: tuple[Choice, ...] = ()
    unfinished: str = ""
