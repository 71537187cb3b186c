"""Intervals hold what they say, and equal arms are told apart no oftener: a few corners here, the whole tables behind
`-m slow` and, by `python -m benchmarks.coverage`, in docs/metrics.md.
"""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks import coverage as simulation

CHANCE = 0.012  # of 1,500 runs: about two standard errors


def rng():
    return np.random.default_rng(4)


@pytest.mark.parametrize(
    ("bases", "repeats", "k", "p", "icc"),
    [
        (20, 1, 1, 0.05, 0.0),
        (20, 8, 1, 0.05, 0.8),
        (20, 4, 1, 0.5, 0.3),
        (50, 2, 1, 0.1, 0.3),
        (50, 8, 1, 0.05, 0.3),
        (50, 8, 1, 0.8, 0.0),
        (50, 4, 4, 0.7, 0.0),
        (50, 4, 4, 0.2, 0.0),
        (100, 8, 4, 0.2, 0.3),
        (100, 4, 4, 0.2, 0.0),
        (100, 8, 4, 0.5, 0.0),
    ],
)
def test_intervals_of_pass_k_keep_the_limits(bases, repeats, k, p, icc):
    found = simulation.coverage(bases, repeats, k, p, icc, 1500, rng())
    assert not found.outside(CHANCE), found
    assert found.marked == 0


def test_too_few_base_tasks_are_marked():
    assert simulation.coverage(9, 4, 1, 0.5, 0.3, 50, rng()).marked == 1
    assert simulation.coverage(10, 4, 1, 0.5, 0.3, 50, rng()).marked == 0


def test_the_simulation_can_fail():
    """At 20 tasks and p = .05 a third of the percentile bootstrap's intervals is [0, 0]; Wilson on trials is blind to
    tasks."""
    found = simulation.rivals(20, 1, 0.05, 0.0, 400, rng())
    assert found["percentile bootstrap"] < 0.75 < 0.93 < found["ours"]
    assert simulation.rivals(20, 8, 0.5, 0.8, 400, rng())["Wilson on trials"] < 0.75


@pytest.mark.parametrize("kind", simulation.AA_KINDS)
def test_equal_arms_are_rejected_in_at_most_five_and_a_half_per_cent(kind):
    d = simulation.aa_differences(kind, 30, 4, 0.3, 10_000, rng())
    assert d.mean() == pytest.approx(0, abs=0.02)
    assert simulation.rejections(d[:, :12]) <= 0.055  # 12 base tasks: every sign pattern is tried, fast
    assert simulation.rejections(d[:600], 499) <= 0.055 + 0.01


def test_unequal_arms_are_rejected():
    d = simulation.aa_differences("independent", 30, 4, 0.3, 200, rng()) + 1.0
    assert simulation.rejections(d) > 0.8


@pytest.mark.parametrize(("pa", "pb", "shared"), [(0.05, 0.15, 0.0), (0.2, 0.6, 0.6)])
def test_intervals_of_differences_cover(pa, pb, shared):
    assert simulation.paired(20, 4, pa, pb, 0.3, shared, 500, rng()) >= 0.93


def test_the_tables_replace_what_stood_there(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{simulation.BEGIN}old\n{simulation.END}after\n")
    simulation.write([["one"], ["two"]], page)
    assert page.read_text() == f"before\n{simulation.BEGIN}\none\n\ntwo\n\n{simulation.END}after\n"


@pytest.mark.slow
def test_the_whole_table():
    draw = rng()
    for bases, repeats, k, icc in simulation.grid():
        for p in simulation.RATES:
            found = simulation.coverage(bases, repeats, k, p, icc, 10_000, draw)
            assert not found.outside(0.006), (bases, repeats, k, icc, p, found)


@pytest.mark.slow
@pytest.mark.parametrize("kind", simulation.AA_KINDS)
@pytest.mark.parametrize("bases", [20, 50, 100])
def test_equal_arms_with_the_shipped_number_of_flips(kind, bases):
    for repeats, icc in ((1, 0.0), (4, 0.0), (4, 0.5)):
        d = simulation.aa_differences(kind, bases, repeats, icc, 10_000, rng())
        assert simulation.rejections(d) <= 0.055, (kind, bases, repeats, icc)
