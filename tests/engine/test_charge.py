"""Who pays for a step, and the fit behind it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnesslab.engine.calibrate import fit
from harnesslab.engine.charge import parts_of
from harnesslab.types import TILE, Weights

WEIGHTS = Weights(batch=0.01, prefill=0.01, decode=0.03, context=7e-5, context_tiled=5e-6, draw=1e-4)

feeds = st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 500), st.booleans()), min_size=1, max_size=8)


@given(st.floats(0, 100), feeds, st.sampled_from([None, WEIGHTS]))
def test_the_parts_of_a_step_add_up_to_its_seconds(seconds, fed, weights):
    parts = parts_of(seconds, fed, weights)
    assert sum(parts) == pytest.approx(seconds)
    assert all(part >= 0 for part in parts)


def test_without_weights_every_token_counts_alike():
    assert parts_of(10.0, [(0, 4, False), (90, 1, True)], None) == pytest.approx([8.0, 2.0])


def test_with_weights_each_pays_in_proportion_to_its_cost_alone():
    """A decoded token after a long context is dearer than a prompt token."""
    prompt, decode = parts_of(1.0, [(0, 1, False), (1000, 1, True)], WEIGHTS)
    assert prompt / decode == pytest.approx((0.01 + 0.01) / (0.03 + 1000 * 7e-5))
    assert WEIGHTS.of_feed(500, TILE, drawn=False) < WEIGHTS.of_feed(500, TILE - 1, drawn=False)


weights = st.lists(st.sampled_from([0.0, 0.01, 0.5, 3.0]), min_size=3, max_size=3).filter(any)


@given(weights)
def test_a_fit_finds_weights_that_explain_the_seconds_and_none_below_zero(truth):
    rows = [(1.0, 8.0, 28.0), (1.0, 32.0, 496.0), (1.0, 64.0, 2016.0), (1.0, 64.0, 130000.0)]
    assert fit(rows, [float(np.dot(row, truth)) for row in rows]) == pytest.approx(truth, abs=1e-6)


def test_noise_never_makes_a_weight_negative():
    """The larger batch was the faster one: a straight line through both would start above and fall."""
    assert (fit([(1.0, 8.0), (1.0, 32.0)], [0.5, 0.4]) >= 0).all()
