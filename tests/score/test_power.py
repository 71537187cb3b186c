from __future__ import annotations

import numpy as np
import pytest
from benchmarks.coverage import rejections, task_rates
from synthetic import sweep

from harnesslab.score.power import Assumed, assumed_of, detectable
from harnesslab.score.sample import samples


@pytest.mark.parametrize(("bases", "repeats", "rate", "icc"), [(10, 8, 0.2, 0.5), (24, 4, 0.3, 0.3), (50, 1, 0.5, 0.0)])
def test_the_detectable_difference_is_detected_in_four_of_five_sweeps(bases, repeats, rate, icc):
    """Both arms keep half of a task's variance for themselves, as assumed."""
    found = detectable(bases, 1, repeats, Assumed(rate, icc, 0.5))
    rng = np.random.default_rng(3)
    runs = 400
    common = rng.random((runs, bases)) < 0.5  # in half of the tasks both arms have one rate, up to the difference
    place = rng.random((runs, bases))
    own = np.where(common, place, rng.random((runs, bases)))
    a, b = (_rates_at(p, icc, u) for p, u in ((rate, place), (rate + found, own)))
    d = rng.binomial(repeats, b) - rng.binomial(repeats, a)
    assert 0.72 < rejections(d.astype(float), 499) < 0.88


def _rates_at(p, icc, place):
    """Beta rates at these quantiles."""
    _, shape = task_rates(np.random.default_rng(0), p, icc, 1)
    if shape is None:
        return np.full(place.shape, p)
    from scipy.stats import beta

    return beta.ppf(place, *shape)


def test_more_tasks_help_more_than_more_repeats():
    at = Assumed(icc=0.5)
    start, tasks, repeats = (detectable(b, 1, r, at) for b, r in ((20, 4), (40, 4), (20, 8)))
    assert tasks < repeats < start


def test_a_handful_of_templates_can_show_nothing():
    assert detectable(7, 4, 8, Assumed()) is None
    assert detectable(8, 1, 1, Assumed(rate=0.5)) is None


def test_rates_are_read_off_stored_trials():
    columns = sweep({("m", "a"): 0.3, ("m", "b"): 0.5}, bases=60, repeats=8, icc=0.4)
    found = assumed_of(samples(columns))
    assert found.rate == pytest.approx(0.4, abs=0.08)
    assert found.icc == pytest.approx(0.4, abs=0.12)
    assert 0.4 < found.alike <= 1.0  # difficulty is the tasks', so the arms share much of it
    assert found.trials == 960


def test_too_little_is_no_ground():
    assert assumed_of(samples(sweep({("m", "a"): 0.3}, bases=4))) == Assumed()
    single = assumed_of(samples(sweep({("m", "a"): 0.3}, bases=30, repeats=1)))
    assert (single.icc, single.trials) == (Assumed().icc, 30)
