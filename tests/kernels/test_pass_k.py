from __future__ import annotations

import math

import numpy as np
import pytest
import twins
from hypothesis import given, settings
from hypothesis import strategies as st

from harnesslab_kernels.pass_k import pass_k

tasks = st.lists(st.integers(0, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=1, max_size=8)


@settings(deadline=None)
@given(tasks, st.integers(1, 12))
def test_both_figures_are_ratios_of_binomials(sample, k_max):
    n, c = np.array(sample, dtype=np.int64).T
    hat, at = pass_k(n.copy(), c.copy(), k_max)
    for row, (trials, passed) in enumerate(sample):
        for k in range(1, k_max + 1):
            expected = twins.pass_hat(trials, passed, k), twins.pass_at(trials, passed, k)
            found = hat[row, k - 1], at[row, k - 1]
            if expected[0] is None:
                assert all(math.isnan(f) for f in found)
            else:
                assert found == pytest.approx(expected, abs=1e-12)


def test_large_counts_do_not_overflow():
    hat, _ = pass_k(np.array([100_000]), np.array([90_000]), 8)
    assert hat[0, 7] == pytest.approx(0.9**8, rel=1e-3)


def test_pass_k_is_unbiased():
    rng = np.random.default_rng(1)
    c = rng.binomial(6, 0.7, 40_000)
    hat, at = pass_k(np.full(len(c), 6), c, 3)
    assert hat[:, 2].mean() == pytest.approx(0.7**3, abs=0.005)
    assert at[:, 2].mean() == pytest.approx(1 - 0.3**3, abs=0.005)
