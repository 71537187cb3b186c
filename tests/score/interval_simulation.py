"""How often the intervals of `harnesslab.score.estimate` hold the truth, by simulation.

`python -m tests.score.interval_simulation` prints the tables of docs/metrics.md.
"""

from __future__ import annotations

import sys
from itertools import product

import numpy as np

from harnesslab.score.estimate import cost_per, difference, proportion
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


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
