"""How often the intervals and tests of `harnesslab.score` are right, by simulation.

    python -m benchmarks.coverage [--runs 4000] [--write]

Success rates of tasks are beta with mean p and an intraclass correlation; what is simulated are the shipped functions.
Tables: coverage of pass^k, other methods in its place, A/A comparisons (two arms without any difference in the mean),
differences, costs per success, tokens of a layer, interactions of two. Prints them, and name=value lines of the
extremes; --write puts them into docs/metrics.md.

Limits (`Covered`): 93 to 97 % with at least 50 base tasks, and at least 5 of them times pass^k, and 5 times 1 - pass^k.
Elsewhere at least 93 %, at 20 and fewer base tasks 90 %, or marked unreliable. A/A: at most 5.5 % with p <= .05.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab.score.estimate import cost_per, difference, mean_difference, proportion
from harnesslab_kernels.intervals import t_quantile, wilson

Floats = NDArray[np.float64]
Random = np.random.Generator

RATES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
ICCS = (0.0, 0.3, 0.8)
BASES = (6, 12, 20, 50, 100)
DRAWS = ((1, 1), (2, 1), (4, 1), (8, 1), (4, 4), (6, 4), (8, 4))  # (repeats, k)
LEVEL = 0.95
FLIPS = 1_999  # of each A/A test; the report's 20,000 only make p less grainy
PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
BEGIN, END = "<!-- by python -m benchmarks.coverage --write -->\n", "<!-- end -->\n"


# --- pass^k


@dataclass(frozen=True, slots=True)
class Covered:
    """What `runs` intervals of one kind did; shares from 0 to 1."""

    bases: int
    truth: float
    held: float
    marked: float

    @property
    def core(self) -> bool:
        """Where 93 to 97 % is asked for."""
        return self.bases >= 50 and min(self.truth, 1.0 - self.truth) * self.bases >= 5.0 - 1e-9

    def outside(self, slack: float = 0.0) -> bool:
        """Whether the limits are broken by more than `slack` (for chance)."""
        if self.core:
            return not 0.93 - slack <= self.held <= 0.97 + slack
        return self.held < (0.90 if self.bases <= 20 else 0.93) - slack and self.marked < 0.5


def task_rates(rng: Random, p: float, icc: float, size: Any) -> tuple[Floats, tuple[float, float] | None]:
    """Success rates of tasks and the beta's two parameters; without correlation all are p."""
    if icc == 0:
        return np.full(size, p), None
    a, b = p * (1 - icc) / icc, (1 - p) * (1 - icc) / icc
    return rng.beta(a, b, size), (a, b)


def true_pass_k(p: float, shape: tuple[float, float] | None, k: int) -> float:
    return p**k if shape is None else float(np.prod([(shape[0] + i) / (sum(shape) + i) for i in range(k)]))


def drawn_pass_k(
    rng: Random, bases: int, repeats: int, k: int, p: float, icc: float, runs: int
) -> tuple[Floats, float]:
    """(float64[runs, bases] of C(c,k)/C(n,k), the true pass^k)."""
    rates, shape = task_rates(rng, p, icc, (runs, bases))
    passed = rng.binomial(repeats, rates)
    values = np.prod([np.maximum(passed - i, 0) / (repeats - i) for i in range(k)], axis=0)
    return values, true_pass_k(p, shape, k)


def coverage(bases: int, repeats: int, k: int, p: float, icc: float, runs: int, rng: Random) -> Covered:
    values, truth = drawn_pass_k(rng, bases, repeats, k, p, icc, runs)
    ones = np.ones(bases)
    figures = [proportion(v, ones, bases * repeats, LEVEL, rare=k > 1) for v in values]
    held = np.mean([f.low <= truth + 1e-12 and truth <= f.high + 1e-12 for f in figures])  # type: ignore[operator]
    return Covered(bases, truth, float(held), float(np.mean([f.unreliable for f in figures])))


def grid() -> Iterator[tuple[int, int, int, float]]:
    """Rows of the coverage table: bases, repeats, k, ICC. With one trial per task a correlation changes nothing."""
    for bases, (repeats, k), icc in product(BASES, DRAWS, ICCS):
        if repeats > 1 or icc == 0:
            yield bases, repeats, k, icc


# --- other methods, to show why they were not taken


def bootstrap_interval(values: Floats, rng: Random) -> tuple[float, float]:
    drawn = values[rng.integers(0, len(values), (1000, len(values)))].mean(axis=1)
    return float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def t_interval(values: Floats, rng: Random) -> tuple[float, float]:
    half = t_quantile(LEVEL, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def shipped(values: Floats, repeats: int) -> tuple[float, float]:
    figure = proportion(values, np.ones(len(values)), len(values) * repeats, LEVEL)
    assert figure.low is not None
    assert figure.high is not None
    return figure.low, figure.high


def rivals(bases: int, repeats: int, p: float, icc: float, runs: int, rng: Random) -> dict[str, float]:
    """Coverage of pass^1 by method."""
    values, truth = drawn_pass_k(rng, bases, repeats, 1, p, icc, runs)
    methods = {
        "percentile bootstrap": lambda v: bootstrap_interval(v, rng),
        "t on tasks": lambda v: t_interval(v, rng),
        "Wilson on trials": lambda v: wilson(float(v.mean()), bases * repeats, 1.96),
        "ours": lambda v: shipped(v, repeats),
    }
    found = {name: [method(v) for v in values] for name, method in methods.items()}  # type: ignore[no-untyped-call]
    return {name: float(np.mean([lo <= truth <= hi for lo, hi in every])) for name, every in found.items()}


# --- A/A: two arms whose mean rates are equal


def _binomial(rng: Random, rates: Floats, repeats: int) -> Floats:
    return (rng.random((*rates.shape, repeats)) < rates[..., None]).astype(np.float64)


def aa_differences(kind: str, bases: int, repeats: int, icc: float, runs: int, rng: Random) -> Floats:
    """float64[runs, bases]: B minus A of each base task, summed over repeats.

    Kinds: "independent" streams; "shared 60 %" and "shared 90 %": that share of the trials is one and the same in both
    arms; "effects": each task favours an arm of its own, at random; "skewed effects": a quarter of the tasks gains 30
    points, the others lose 10; "fixed effects": half of the tasks gains 20 points, half loses them.
    """
    rates, _ = task_rates(rng, 0.3, icc, (runs, bases))
    other = rates
    if kind == "effects":
        other, _ = task_rates(rng, 0.3, icc or 0.3, (runs, bases))
    elif kind == "skewed effects":
        rates = 0.2 + 0.4 * rates
        other = rates + np.where(rng.random((runs, bases)) < 0.25, 0.3, -0.1)
    elif kind == "fixed effects":
        rates = 0.2 + 0.6 * rates
        other = rates + np.where(np.arange(bases) % 2, 0.2, -0.2)
    first, second = _binomial(rng, rates, repeats), _binomial(rng, other, repeats)
    if kind.startswith("shared"):
        same = rng.random(first.shape) < int(kind.split()[1]) / 100
        second = np.where(same, first, second)
    return np.asarray((second - first).sum(axis=-1))


AA_KINDS = ("independent", "shared 60 %", "shared 90 %", "effects", "skewed effects", "fixed effects")


def rejections(differences: Floats, flips: int = FLIPS) -> float:
    """Share of rows with p <= .05."""
    from harnesslab_kernels.resample import sign_flips

    return float((sign_flips(differences, flips, np.arange(len(differences))) <= 0.05).mean())


def paired(bases: int, repeats: int, pa: float, pb: float, icc: float, shared: float, runs: int, rng: Random) -> float:
    """Coverage of a difference's interval; `shared` of the trials draw one number in both arms."""
    a, b = (task_rates(rng, p, icc, (runs, bases))[0] for p in (pa, pb))
    first = rng.random((runs, bases, repeats))
    second = np.where(rng.random(first.shape) < shared, first, rng.random(first.shape))
    d = (second < b[..., None]).mean(axis=2) - (first < a[..., None]).mean(axis=2)
    ones = np.ones(bases)
    figures = [difference(row, ones, LEVEL) for row in d]
    return float(np.mean([f.low <= pb - pa <= f.high for f in figures]))  # type: ignore[operator]


# --- costs


def costs(bases: int, repeats: int, p: float, icc: float, runs: int, rng: Random) -> tuple[float, float]:
    """(coverage of tokens per success, share without an interval, which count neither way).

    Log-normal costs, dearer when failed, with an effect of the task.
    """

    def draw(n: int) -> tuple[Floats, Floats]:
        rates, _ = task_rates(rng, p, icc, n)
        c = rng.binomial(repeats, rates)
        trial = rng.lognormal(0, 0.4, (n, repeats)) * np.where(np.arange(repeats) < c[:, None], 1, 2)
        return rng.lognormal(0, 0.5, n) * trial.sum(axis=1), c.astype(float)

    cost, success = draw(200_000)
    truth = cost.sum() / success.sum()
    figures = [cost_per(*draw(bases), LEVEL) for _ in range(runs)]
    held = [f.low <= truth <= f.high for f in figures if f.low is not None and f.high is not None]
    return float(np.mean(held)), 1.0 - len(held) / runs


# --- layers: their tokens, and the interaction of two


def spending(bases: int, repeats: int, acting: float, runs: int, rng: Random) -> tuple[float, float]:
    """(coverage of a layer's tokens per trial, share marked unreliable).

    It steps in in a share of trials that differs by task, and then costs a log-normal amount less a saving, both
    in proportion to the task's size.
    """
    rates, _ = task_rates(rng, acting, 0.3, (runs, bases))
    size = rng.lognormal(0, 0.5, (runs, bases))
    acts = rng.random((runs, bases, repeats)) < rates[..., None]
    spent = acts * size[..., None] * (rng.lognormal(0, 0.7, acts.shape) - 0.5)
    truth = acting * np.exp(0.5**2 / 2) * (np.exp(0.7**2 / 2) - 0.5)
    figures = [mean_difference(d, np.ones(bases), LEVEL) for d in spent.mean(axis=2)]
    held = [f.low <= truth <= f.high for f in figures if f.low is not None and f.high is not None]
    return float(np.mean(held)), float(np.mean([f.unreliable for f in figures]))


def interactions(bases: int, repeats: int, cell_rates: tuple[float, ...], icc: float, runs: int, rng: Random) -> float:
    """Coverage of the interaction of two layers; `cell_rates` of both, without one, without the other, without both."""
    signs = np.array((1, -1, -1, 1))
    truth = float(signs @ np.array(cell_rates))
    held = 0
    for _ in range(runs):
        shared = rng.random((bases, repeats))
        own = rng.random((4, bases, repeats))
        drawn = np.where(rng.random((4, bases, repeats)) < 0.6, shared, own)
        rates = np.array([task_rates(rng, p, icc, bases)[0] for p in cell_rates])
        passed = (drawn < rates[..., None]).mean(axis=2)
        figure = difference(signs @ passed, np.ones(bases), LEVEL, reach=2.0)
        held += bool(figure.low <= truth <= figure.high)  # type: ignore[operator]
    return held / runs


# --- tables


def row_of(*cells: object) -> str:
    return "| " + " | ".join(str(c) for c in cells) + " |"


def head_of(*cells: object) -> list[str]:
    return [row_of(*cells), "|---" * len(cells) + "|"]


def pass_k_table(runs: int, rng: Random) -> list[str]:
    lines = [
        f"Coverage of 95 % intervals of pass^k in %, {runs} runs per cell; in brackets the % of runs marked unreliable "
        "if any; bold where 93 to 97 % is asked for",
        "",
        *head_of("base tasks", "repeats", "k", "ICC", *(f"p = {p}" for p in RATES)),
    ]
    every = []
    for bases, repeats, k, icc in grid():
        found = [coverage(bases, repeats, k, p, icc, runs, rng) for p in RATES]
        every += found
        lines.append(row_of(bases, repeats, k, "any" if repeats == 1 else icc, *(_covered(c) for c in found)))
        print(lines[-1], flush=True)
    core, rest = [c.held for c in every if c.core], [c.held for c in every if not c.core]
    small = [c.held for c in every if c.bases <= 20]
    print(f"core_worst={min(core):.4f}\ncore_widest={max(core):.4f}\nelsewhere_worst={min(rest):.4f}")
    print(f"small_worst={min(small):.4f}\noutside={sum(c.outside() for c in every)} of {len(every)}")
    return lines


def _covered(found: Covered) -> str:
    mark = f" ({100 * found.marked:.0f})" if found.marked else ""
    text = f"{100 * found.held:.1f}{mark}"
    return f"**{text}**" if found.core else text


def rivals_table(runs: int, rng: Random) -> list[str]:
    corners = ((20, 1, 0.05, 0.0), (20, 8, 0.05, 0.8), (20, 8, 0.5, 0.8), (50, 4, 0.2, 0.3), (50, 8, 0.8, 0.8))
    lines = [f"Other methods in its place: coverage of pass^1 in %, {runs} runs per cell", ""]
    found = [rivals(*corner, runs, rng) for corner in corners]
    lines += head_of("base tasks", "repeats", "p", "ICC", *found[0])
    for corner, row in zip(corners, found, strict=True):
        lines.append(row_of(*corner, *(f"{100 * c:.1f}" for c in row.values())))
        print(lines[-1], flush=True)
    return lines


def aa_table(runs: int, rng: Random) -> list[str]:
    lines = [f"A/A: % of {runs} comparisons of equal arms with p <= .05", ""]
    lines += head_of("base tasks", "repeats", "ICC", *AA_KINDS)
    worst = 0.0
    for bases, repeats, icc in product((20, 50, 100), (1, 4), (0.0, 0.5)):
        found = [rejections(aa_differences(kind, bases, repeats, icc, runs, rng)) for kind in AA_KINDS]
        worst = max(worst, *found)
        lines.append(row_of(bases, repeats, icc, *(f"{100 * c:.1f}" for c in found)))
        print(lines[-1], flush=True)
    print(f"aa_worst={worst:.4f}")
    return lines


def difference_table(runs: int, rng: Random) -> list[str]:
    arms = ((0.05, 0.05), (0.05, 0.15), (0.3, 0.3), (0.2, 0.6), (0.5, 0.95))
    lines = [
        f"Paired difference, A / B as shown: coverage in %, {runs} runs per cell (shared: share of trials in which "
        "both arms draw one number)",
        "",
        *head_of("base tasks", "repeats", "ICC", "shared", *(f"{a} / {b}" for a, b in arms)),
    ]
    for bases, repeats, icc, shared in product((20, 50), (1, 4), (0.0, 0.5), (0.0, 0.6)):
        found = [paired(bases, repeats, a, b, icc, shared, runs, rng) for a, b in arms]
        lines.append(row_of(bases, repeats, icc, shared, *(f"{100 * c:.1f}" for c in found)))
        print(lines[-1], flush=True)
    return lines


def cost_table(runs: int, rng: Random) -> list[str]:
    rates = (0.1, 0.5, 0.9)
    lines = [f"Tokens per success: coverage in %, {runs} runs per cell; in brackets the % of runs without interval", ""]
    lines += head_of("base tasks", "repeats", "ICC", *(f"p = {p}" for p in rates))
    for bases, repeats, icc in product((20, 50), (1, 4), (0.0, 0.5)):
        found = [costs(bases, repeats, p, icc, runs, rng) for p in rates]
        lines.append(
            row_of(bases, repeats, icc, *(f"{100 * c:.1f}" + (f" ({100 * no:.1f})" if no else "") for c, no in found))
        )
        print(lines[-1], flush=True)
    return lines


def spending_table(runs: int, rng: Random) -> list[str]:
    lines = [
        f"Tokens of a layer: coverage in %, {runs} runs per cell, and in brackets the % of runs marked unreliable, by "
        "the share of trials it steps in (amounts log-normal, less a saving)",
        "",
        *head_of("base tasks", "repeats", "5 %", "30 %", "80 %"),
    ]
    for bases, repeats in product((12, 20, 30, 50), (1, 4)):
        found = [spending(bases, repeats, acting, runs, rng) for acting in (0.05, 0.3, 0.8)]
        lines.append(row_of(bases, repeats, *(f"{100 * c:.1f} ({100 * u:.0f})" for c, u in found)))
        print(lines[-1], flush=True)
    return lines


def interaction_table(runs: int, rng: Random) -> list[str]:
    quads = ((0.3, 0.3, 0.3, 0.3), (0.6, 0.4, 0.4, 0.3), (0.5, 0.5, 0.5, 0.2), (0.1, 0.05, 0.05, 0.05))
    lines = [
        f"Interaction of two layers: coverage in %, {runs} runs per cell, 60 % of the trials of all four cells drawing "
        "one number",
        "",
        *head_of("base tasks", "repeats", "ICC", *(" / ".join(map(str, q)) for q in quads)),
    ]
    for bases, repeats, icc in product((12, 30), (1, 4), (0.0, 0.5)):
        found = [interactions(bases, repeats, quad, icc, runs, rng) for quad in quads]
        lines.append(row_of(bases, repeats, icc, *(f"{100 * c:.1f}" for c in found)))
        print(lines[-1], flush=True)
    return lines


def write(tables: list[list[str]], page: Path = PAGE) -> None:
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    body = "\n".join("\n".join(table) + "\n" for table in tables)
    page.write_text(f"{before}{BEGIN}\n{body}\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=4000, help="per cell of pass^k; of the other tables 1,000")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/metrics.md")
    options = parser.parse_args()
    few = min(1000, options.runs)
    plan: list[tuple[Callable[[int, Random], list[str]], int]] = [
        (pass_k_table, options.runs),
        (rivals_table, few),
        (aa_table, 10 * few),
        (difference_table, few),
        (cost_table, few),
        (spending_table, 2 * few),
        (interaction_table, few),
    ]
    tables = [make(runs, np.random.default_rng((options.seed, i))) for i, (make, runs) in enumerate(plan)]
    if options.write:
        write(tables)


if __name__ == "__main__":
    main()
