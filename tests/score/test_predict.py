from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from synthetic import sweep

from harnesslab.errors import UserError
from harnesslab.report.reliability import grids, to_json
from harnesslab.score.predict import METRICS, predict, spearman

GRID = {(m, h): 0.1 + 0.08 * i for i, (m, h) in enumerate((m, h) for m in "abcde" for h in "xy")}


@pytest.fixture(scope="module")
def columns():
    return sweep(GRID, bases=24, repeats=4)


@pytest.fixture(scope="module")
def found(columns):
    return predict([columns])


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=12),
)
def test_rank_correlation_is_scipys_on_repeated_pairs(rows):
    x, y, w = np.array(rows, dtype=float).T
    (found,) = spearman(x, y, w[:, None])
    again = [np.repeat(v, w.astype(int)) for v in (x, y)]
    if len(again[0]) < 2 or min(len(set(v.tolist())) for v in again) < 2:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(spearmanr(*again).statistic)


def test_success_on_one_half_predicts_reliability_on_the_other(found):
    by_name = {p.metric: p.correlation for p in found.predictions}
    assert set(by_name) == set(METRICS)
    assert found.k == 4
    assert by_name["pass^1"].value > 0.6
    assert by_name["pass^1"].low < by_name["pass^1"].value <= by_name["pass^1"].high <= 1
    assert by_name["pass^1"].n == 10


def test_what_is_the_same_in_every_cell_predicts_nothing():
    """All cells are equally good, so halves agree on nothing but chance."""
    found = predict([sweep(dict.fromkeys(GRID, 0.5), bases=24, repeats=4, icc=0.0)])
    assert all(abs(p.correlation.value) < 0.6 for p in found.predictions if p.correlation.value is not None)


def test_the_gap_is_pass_1_less_pass_k(found):
    assert len(found.gaps) == len(GRID)
    for gap in (*found.gaps, found.pooled):
        assert gap.attempt_over.value == pytest.approx(gap.pass_1.value - gap.pass_k.value)
        assert gap.call_over.value == pytest.approx(gap.first_attempt.value - gap.pass_k.value)
        assert 0 <= gap.attempt_over.low <= gap.attempt_over.high <= 1
    assert found.pooled.pass_1.value == pytest.approx(np.mean([g.pass_1.value for g in found.gaps]))
    assert found.pooled.pass_1.n == 24


def test_the_same_cell_in_two_sweeps_counts_once(columns, found):
    assert predict([columns, replace(columns)]) == found


def test_fewer_than_eight_cells_with_repeats_are_refused():
    seven = dict(list(GRID.items())[:7])
    with pytest.raises(UserError, match="7 of 7 cells"):
        predict([sweep(seven, bases=12)])
    with pytest.raises(UserError, match="0 of 10 cells"):
        predict([sweep(GRID, bases=12, repeats=1)])


def test_tables_and_export_name_every_metric_and_cell(found):
    what, gap = grids(found)
    assert len(what.groups[0][1]) == len(METRICS)
    assert [heading for heading, _ in gap.groups][-1] == "all cells"
    assert sum(what.widths) + len(what.widths) <= 80
    assert sum(gap.widths) + len(gap.widths) <= 81
    data = to_json(found)
    assert data["pooled"]["pass_1_over_pass_k"]["method"] == "wilson-t"
