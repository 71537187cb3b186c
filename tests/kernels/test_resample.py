from __future__ import annotations

import numba
import numpy as np
import pytest
import twins
from hypothesis import given, settings
from hypothesis import strategies as st

from harnesslab_kernels.resample import EXACT_UP_TO, bootstrap_sums, sign_flips

eighths = st.integers(-8, 8).map(lambda v: v / 8)


def sign_flip(differences, replicates, seed):
    (p,) = sign_flips(differences[np.newaxis], replicates, np.array([seed]))
    return p


@settings(deadline=None)
@given(st.lists(eighths, min_size=1, max_size=9))
def test_sign_flip_tries_every_pattern_when_there_are_few(differences):
    assert sign_flip(np.array(differences), 100, 0) == pytest.approx(twins.sign_flip(differences))


def test_five_discordant_base_tasks_cannot_reach_five_per_cent_and_six_can():
    assert sign_flip(np.array([1.0] * 5 + [0.0] * 50), 100, 0) == pytest.approx(2 / 2**5)
    assert sign_flip(np.array([1.0] * 6), 100, 0) == pytest.approx(2 / 2**6)


def test_many_discordant_base_tasks_are_sampled_and_agree_with_the_normal_limit():
    rng = np.random.default_rng(2)
    d = rng.normal(0.2, 1.0, 200)
    assert len(d) > EXACT_UP_TO
    z = abs(d.sum()) / np.sqrt(d @ d)
    from statistics import NormalDist

    assert sign_flip(d, 20_000, 1) == pytest.approx(2 * (1 - NormalDist().cdf(z)), abs=0.01)
    assert sign_flip(d, 20_000, 1) == sign_flip(d, 20_000, 1)
    assert sign_flip(np.ones(40), 999, 3) == 1 / 1000


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=7), st.integers(0, 2**31))
def test_bootstrap_draws_whole_base_tasks(rows, seed):
    assert bootstrap_sums(np.array(rows, dtype=float), 5, seed).tolist() == twins.bootstrap_sums(rows, 5, seed)


def test_bootstrap_draws_every_base_task_about_equally_often():
    drawn = bootstrap_sums(np.eye(7), 20_000, 11)
    assert drawn.sum(axis=1) == pytest.approx(7)
    assert drawn.mean(axis=0) == pytest.approx(1.0, abs=0.03)
    assert drawn.var(axis=0) == pytest.approx(6 / 7, abs=0.05)


def test_a_grid_is_its_rows_and_the_thread_count_changes_nothing():
    rng = np.random.default_rng(4)
    grid = rng.normal(0.1, 1.0, (7, 60)) * (rng.random((7, 60)) < 0.7)
    grid[3, 9:] = 0.0
    before = numba.get_num_threads()
    found = []
    try:
        for threads in (1, min(2, before)):
            numba.set_num_threads(threads)
            found.append((sign_flips(grid, 500, np.arange(7)).tolist(), bootstrap_sums(grid, 50, 3).tolist()))
    finally:
        numba.set_num_threads(before)
    assert found[0] == found[1]
    assert found[0][0] == [sign_flip(row, 500, i) for i, row in enumerate(grid)]
    assert found[0][0][3] == pytest.approx(twins.sign_flip(grid[3, :9]))


@settings(deadline=None, max_examples=25)
@given(st.lists(eighths.filter(bool), min_size=17, max_size=80), st.integers(0, 2**31))
def test_random_signs_are_those_of_the_twin(differences, seed):
    assert sign_flip(np.array(differences), 40, seed) == twins.sign_flip_drawn(differences, 40, seed)
