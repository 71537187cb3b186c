from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
import twins
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binomtest

from harnesslab_kernels.budget import success_curve
from harnesslab_kernels.intervals import (
    benjamini_hochberg,
    clopper_pearson,
    exact_bound,
    mcnemar,
    t_quantile,
    wilson,
)
from harnesslab_kernels.resample import sign_flips


@given(st.floats(0, 1), st.floats(0.5, 500), st.floats(0.5, 15))
def test_wilsons_ends_are_where_the_score_test_just_rejects(p, n, quantile):
    low, high = wilson(p, n, quantile)
    assert 0 <= low <= p + 1e-12
    assert p - 1e-12 <= high <= 1
    for end in (low, high):
        if 0 < end < 1:
            assert (end - p) ** 2 == pytest.approx(quantile**2 * end * (1 - end) / n, abs=1e-9)


@given(st.integers(1, 1000))
def test_the_exact_bound_leaves_half_the_rest_on_one_side(n):
    assert (1 - exact_bound(n, 0.95)) ** n == pytest.approx(0.025)


@given(st.integers(1, 60), st.data())
def test_clopper_pearson_is_scipys(n, data):
    x = data.draw(st.integers(0, n) | st.floats(0.01, n - 0.01))
    low, high = clopper_pearson(x, n, 0.95)
    assert low == pytest.approx(beta.ppf(0.025, x, n - x + 1) if x > 0 else 0, abs=1e-9)
    assert high == pytest.approx(beta.ppf(0.975, x + 1, n - x) if x < n else 1, abs=1e-9)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_binomial_test(one, other):
    expected = binomtest(one, one + other).pvalue if one + other else 1.0
    assert mcnemar(one, other) == pytest.approx(expected)


@settings(deadline=None)
@given(st.integers(0, 8), st.integers(0, 8))
def test_mcnemar_is_the_sign_flip_test_of_whole_tasks(one, other):
    d = np.array([1.0] * one + [-1.0] * other + [0.0])
    assert sign_flips(d[np.newaxis], 10, np.array([1]))[0] == pytest.approx(mcnemar(one, other))


@pytest.mark.parametrize(
    ("level", "df", "value"),
    [(0.95, 1, 12.7062047), (0.95, 4, 2.7764451), (0.95, 19, 2.0930241), (0.99, 9, 3.2498355), (0.9, 49, 1.6765509)],
)
def test_t_quantiles_of_the_tables(level, df, value):
    assert t_quantile(level, df) == pytest.approx(value, rel=1e-7)


def test_t_becomes_normal():
    assert t_quantile(0.95, 1e7) == pytest.approx(NormalDist().inv_cdf(0.975), rel=1e-5)
    assert t_quantile(0.95, 0) == math.inf


@given(st.lists(st.floats(0, 1), max_size=12))
def test_benjamini_hochberg_is_the_step_up_procedure(p):
    assert benjamini_hochberg(p).tolist() == pytest.approx(twins.benjamini_hochberg(p))


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=20))
def test_the_curve_counts_successes_within_each_budget(trials):
    tokens = np.array([t for t, _ in trials])
    passed = np.array([p for _, p in trials])
    grid = np.arange(0, 60, 7)
    curve = success_curve(tokens, passed, np.full(len(trials), 1 / len(trials)), grid)
    assert curve.tolist() == pytest.approx([sum(p and t <= b for t, p in trials) / len(trials) for b in grid])
