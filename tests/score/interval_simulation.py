"""How often the intervals of `harnesslab.score.estimate` hold the truth, by simulation.

`python -m tests.score.interval_simulation` prints the tables of docs/metrics.md.
"""

from __future__ import annotations

import sys
from itertools import product

import numpy as np

from harnesslab.score.estimate import cost_per, difference, mean_difference, proportion
from harnesslab_kernels.resample import sign_flip

RATES = (0.05, 0.2, 0.5, 0.8, 0.95)
ICCS = (0.0, 0.3, 0.8)


def task_rates(rng, p, icc, size):
    """Success rates of tasks: beta with mean p and intraclass correlation icc, its two parameters or None."""
    if icc == 0:
        return np.full(size, p), None
    a, b = p * (1 - icc) / icc, (1 - p) * (1 - icc) / icc
    return rng.beta(a, b, size), (a, b)


def true_pass_k(p, shape, k):
    return p**k if shape is None else float(np.prod([(shape[0] + i) / (sum(shape) + i) for i in range(k)]))


def coverage(bases, repeats, k, p, icc, runs, rng):
    """(share of runs whose interval holds pass^k, share marked unreliable, mean width)."""
    rates, shape = task_rates(rng, p, icc, (runs, bases))
    passed = rng.binomial(repeats, rates)
    values = np.prod([np.maximum(passed - i, 0) / (repeats - i) for i in range(k)], axis=0)
    truth, ones = true_pass_k(p, shape, k), np.ones(bases)
    figures = [proportion(v, ones, bases * repeats, 0.95, rare=k > 1) for v in values]
    held = np.mean([f.low <= truth <= f.high for f in figures])
    return (
        float(held),
        float(np.mean([f.unreliable for f in figures])),
        float(np.mean([f.high - f.low for f in figures])),
    )


def paired(bases, repeats, pa, pb, icc, shared, runs, rng):
    """(coverage of the difference's interval, share of runs with p <= .05); `shared` of the trials draw one number."""
    held = rejected = 0
    for run in range(runs):
        a, b = (task_rates(rng, p, icc, bases)[0] for p in (pa, pb))
        first = rng.random((bases, repeats))
        second = np.where(rng.random((bases, repeats)) < shared, first, rng.random((bases, repeats)))
        d = (second < b[:, None]).mean(axis=1) - (first < a[:, None]).mean(axis=1)
        figure = difference(d, np.ones(bases), 0.95)
        held += figure.low <= pb - pa <= figure.high
        rejected += sign_flip(d, 1999, run) <= 0.05
    return held / runs, rejected / runs


def costs(bases, repeats, p, icc, runs, rng):
    """Coverage of tokens per success: log-normal costs, dearer when failed, with an effect of the task."""

    def draw(n):
        rates, _ = task_rates(rng, p, icc, n)
        c = rng.binomial(repeats, rates)
        trial = rng.lognormal(0, 0.4, (n, repeats)) * np.where(np.arange(repeats) < c[:, None], 1, 2)
        return rng.lognormal(0, 0.5, n) * trial.sum(axis=1), c.astype(float)

    cost, success = draw(200_000)
    truth = cost.sum() / success.sum()
    figures = [cost_per(*draw(bases), 0.95) for _ in range(runs)]
    shown = [f for f in figures if f.value is not None]
    return sum(f.low is None or f.low <= truth <= f.high for f in shown) / len(shown)


def spending(bases, repeats, acting, runs, rng):
    """(coverage of a layer's tokens per trial, share marked unreliable).

    It steps in in a share of trials that differs by task, and then costs a log-normal amount less a saving, both
    in proportion to the task's size.
    """
    rates, _ = task_rates(rng, acting, 0.3, (runs, bases))
    size = rng.lognormal(0, 0.5, (runs, bases))
    acts = rng.random((runs, bases, repeats)) < rates[..., None]
    spent = acts * size[..., None] * (rng.lognormal(0, 0.7, acts.shape) - 0.5)
    truth = acting * np.exp(0.5**2 / 2) * (np.exp(0.7**2 / 2) - 0.5)
    figures = [mean_difference(d, np.ones(bases), 0.95) for d in spent.mean(axis=2)]
    held = [f.low is None or f.low <= truth <= f.high for f in figures]
    return float(np.mean(held)), float(np.mean([f.unreliable for f in figures]))


def interactions(bases, repeats, cell_rates, icc, runs, rng):
    """Coverage of the interaction of two layers; `cell_rates` of both, without one, without the other, without both."""
    truth = float(np.dot((1, -1, -1, 1), cell_rates))
    held = 0
    for _ in range(runs):
        shared = rng.random((bases, repeats))
        own = rng.random((4, bases, repeats))
        drawn = np.where(rng.random((4, bases, repeats)) < 0.6, shared, own)
        rates = np.array([task_rates(rng, p, icc, bases)[0] for p in cell_rates])
        passed = (drawn < rates[..., None]).mean(axis=2)
        figure = difference(np.array((1, -1, -1, 1)) @ passed / 2, np.ones(bases), 0.95)
        held += 2 * figure.low <= truth <= 2 * figure.high
    return held / runs


def main(runs):
    rng = np.random.default_rng(20)
    print("coverage of 95 % intervals of pass^k in %, and in brackets the % of runs marked unreliable")
    print("| base tasks | repeats | k | ICC | " + " | ".join(f"p = {p}" for p in RATES) + " |")
    print("|---" * (4 + len(RATES)) + "|")
    for bases, (repeats, k), icc in product((12, 20, 50, 100), ((1, 1), (4, 1), (8, 1), (4, 4), (8, 4)), ICCS):
        found = [coverage(bases, repeats, k, p, icc, runs, rng) for p in RATES]
        cells = " | ".join(f"{100 * c:.1f} ({100 * u:.0f})" for c, u, _ in found)
        print(f"| {bases} | {repeats} | {k} | {icc} | {cells} |", flush=True)
    print("\npaired difference: coverage in %, and the % of tests with p <= .05 where both arms are equal")
    arms = ((0.05, 0.05), (0.05, 0.15), (0.3, 0.3), (0.2, 0.6), (0.5, 0.95))
    print("| base tasks | repeats | ICC | shared | " + " | ".join(f"{a} / {b}" for a, b in arms) + " |")
    print("|---" * (4 + len(arms)) + "|")
    for bases, repeats, icc, shared in product((12, 20, 50), (1, 4), (0.0, 0.5), (0.0, 0.6)):
        found = [(a == b, *paired(bases, repeats, a, b, icc, shared, runs // 2, rng)) for a, b in arms]
        cells = " | ".join(f"{100 * c:.1f}" + (f" ({100 * r:.1f})" if same else "") for same, c, r in found)
        print(f"| {bases} | {repeats} | {icc} | {shared} | {cells} |", flush=True)
    print("\ntokens per success: coverage in %")
    print("| base tasks | repeats | ICC | p = 0.1 | p = 0.5 | p = 0.9 |\n|---|---|---|---|---|---|")
    for bases, repeats, icc in product((12, 20, 50), (1, 4), (0.0, 0.5)):
        cells = " | ".join(f"{100 * costs(bases, repeats, p, icc, runs // 2, rng):.1f}" for p in (0.1, 0.5, 0.9))
        print(f"| {bases} | {repeats} | {icc} | {cells} |", flush=True)
    rng = np.random.default_rng(21)
    print("\ntokens of a layer: coverage in %, and the % of runs marked unreliable, by the share of trials it steps in")
    print("| base tasks | repeats | 5 % | 30 % | 80 % |\n|---|---|---|---|---|")
    for bases, repeats in product((12, 20, 30, 50), (1, 4)):
        found = [spending(bases, repeats, acting, runs, rng) for acting in (0.05, 0.3, 0.8)]
        cells = " | ".join(f"{100 * held:.1f} ({100 * marked:.0f})" for held, marked in found)
        print(f"| {bases} | {repeats} | {cells} |", flush=True)
    print("\ninteraction of two layers: coverage in %")
    quads = ((0.3, 0.3, 0.3, 0.3), (0.6, 0.4, 0.4, 0.3), (0.5, 0.5, 0.5, 0.2), (0.1, 0.05, 0.05, 0.05))
    print("| base tasks | repeats | ICC | " + " | ".join(" / ".join(map(str, q)) for q in quads) + " |")
    print("|---" * (3 + len(quads)) + "|")
    for bases, repeats, icc in product((12, 30), (1, 4), (0.0, 0.5)):
        cells = " | ".join(f"{100 * interactions(bases, repeats, q, icc, runs // 2, rng):.1f}" for q in quads)
        print(f"| {bases} | {repeats} | {icc} | {cells} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
