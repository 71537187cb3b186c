"""Energy is divided among the trials alive, slice by slice, and adds up to the meter."""

from __future__ import annotations

import numpy as np
import pytest
import twins
from hypothesis import given, settings
from hypothesis import strategies as st

from harnesslab.telemetry.ledger import EnergyLedger
from harnesslab_kernels.energy import attribute, integrate

moments = st.integers(0, 40).map(lambda v: v / 4)
lives = st.lists(st.tuples(moments, moments).map(sorted), max_size=7)
readings = st.lists(st.tuples(moments, st.integers(0, 50)), min_size=1, max_size=8, unique_by=lambda r: r[0])


def arrays(readings, lives):
    times, spent = np.array(sorted(readings), dtype=float).T
    start, end = np.array(lives, dtype=float).reshape(-1, 2).T
    return times, np.cumsum(spent), start, end


@settings(deadline=None)
@given(readings, lives)
def test_the_kernel_is_its_twin(readings, lives):
    times, joules, start, end = arrays(readings, lives)
    charged, idle = attribute(times, joules, start, end)
    expected, nobody = twins.attribute(times.tolist(), joules.tolist(), start.tolist(), end.tolist())
    assert charged.tolist() == pytest.approx(expected, abs=1e-9)
    assert idle == pytest.approx(nobody, abs=1e-9)


@settings(deadline=None)
@given(readings, lives)
def test_trials_and_idle_add_up_to_the_meter(readings, lives):
    times, joules, start, end = arrays(readings, lives)
    charged, idle = attribute(times, joules, start, end)
    assert charged.sum() + idle == pytest.approx(joules[-1] - joules[0], abs=1e-9)
    assert (charged >= -1e-12).all()


@settings(deadline=None)
@given(lives, st.integers(1, 30))
def test_the_books_of_a_sweep_say_the_same(lives, watts):
    """With a reading at each begin and end the ledger that telemetry keeps charges what the kernel does."""
    times = sorted({0.0, 11.0, *(t for life in lives for t in life)})
    joules = [watts * t for t in times]
    ledger, marks, billed = EnergyLedger(), {}, {}
    for when, reading in zip(times, joules, strict=True):
        ledger.read(reading)
        for i, (begin, _) in enumerate(lives):
            if begin == when:
                marks[i] = ledger.begin()
        for i, (_, end) in enumerate(lives):
            if end == when:
                billed[i] = ledger.end(marks[i])
    charged, idle = attribute(
        *arrays([(t, 0) for t in times], lives)[:1], np.array(joules), *arrays([(0, 0)], lives)[2:]
    )
    assert charged.tolist() == pytest.approx([billed[i] for i in range(len(lives))], abs=1e-9)
    assert idle == pytest.approx(ledger.idle, abs=1e-9)


def test_power_is_integrated_by_trapezoids():
    assert integrate(np.array([0.0, 1.0, 3.0]), np.array([10.0, 30.0, 30.0])).tolist() == [0.0, 20.0, 80.0]
