from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnesslab.score.estimate import cost_per, difference, proportion


def test_all_failed_is_never_an_interval_of_nothing():
    figure = proportion(np.zeros(20), np.ones(20), 160, 0.95)
    assert (figure.value, figure.low, figure.method) == (0.0, 0.0, "exact")
    assert figure.high == pytest.approx(1 - 0.025 ** (1 / 20))
    mirrored = proportion(np.ones(20), np.ones(20), 160, 0.95)
    assert (mirrored.low, mirrored.high) == (pytest.approx(0.025 ** (1 / 20)), 1.0)


def test_clustering_widens_an_interval():
    together = proportion(np.array([4.0, 0.0] * 10), np.full(20, 4.0), 80, 0.95)
    apart = proportion(np.full(20, 2.0), np.full(20, 4.0), 80, 0.95)
    assert together.value == apart.value == 0.5
    assert together.high - together.low > 1.8 * (apart.high - apart.low)


def test_few_base_tasks_are_marked_and_one_says_nothing():
    assert proportion(np.array([1.0, 0.0, 1.0]), np.ones(3), 3, 0.95).unreliable
    one = proportion(np.array([1.0]), np.array([2.0]), 2, 0.95)
    assert (one.low, one.high, one.unreliable) == (0.0, 1.0, True)
    assert proportion(np.zeros(0), np.zeros(0), 0, 0.95).value is None


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30))
def test_an_interval_holds_its_figure(pairs):
    w = np.array([a + b for a, b in pairs], dtype=float)
    x = np.array([a for a, _ in pairs], dtype=float)
    figure = proportion(x, w, w.sum(), 0.95)
    if w.sum() == 0:
        assert figure.value is None
    else:
        assert 0 <= figure.low <= figure.value <= figure.high <= 1


def test_cost_per_success_counts_the_failures_costs():
    figure = cost_per(np.array([100.0, 300.0]), np.array([1.0, 1.0]), 0.95)
    assert figure.value == 200
    assert figure.low < 200 < figure.high
    assert cost_per(np.array([100.0]), np.array([0.0]), 0.95).value is None
    assert cost_per(np.array([np.nan, 1.0]), np.ones(2), 0.95).value is None


def test_difference_without_discordant_base_tasks_is_bounded_on_both_sides():
    figure = difference(np.zeros(30), np.ones(30), 0.95)
    assert figure.value == 0
    assert -figure.low == figure.high == pytest.approx(1 - 0.025 ** (1 / 30))


@given(st.lists(st.integers(-4, 4), min_size=2, max_size=30))
def test_difference_changes_sign_with_its_arms(d):
    there = difference(np.array(d) / 4, np.ones(len(d)), 0.95)
    back = difference(-np.array(d) / 4, np.ones(len(d)), 0.95)
    assert back.value == pytest.approx(-there.value)
    assert (back.low, back.high) == (pytest.approx(-there.high), pytest.approx(-there.low))
