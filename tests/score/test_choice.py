"""A harness is chosen on one half of the templates and judged on the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from grids import both, grid

from harnesslab.errors import UserError
from harnesslab.score import summarise
from harnesslab.score.choice import choose, selection
from harnesslab.store.columns import TrialStatus

SMALL = {"loop": ([], 0.3), "good": (["rewind"], 0.9), "bad": (["validate"], 0.1), "abort": (["abort"], 0.1)}
BIG = {"abort": (["abort"], 0.3), "loop": ([], 0.4)}


@pytest.fixture(scope="module")
def columns():
    return both(grid(SMALL, bases=31, variants=2, repeats=2), grid(BIG, model="big", bases=31, variants=2, repeats=2))


def test_the_halves_share_no_template_and_every_seed_splits_otherwise():
    bases = [f"b{i}" for i in range(31)]
    half = selection(bases, "s", 0)
    assert len(half) == 15
    assert half == selection(reversed(bases), "s", 0) == selection(bases * 2, "s", 0)
    assert len({selection(bases, "s", seed) for seed in range(20)}) == 20
    assert half != selection(bases, "other", 0)
    assert selection(["b1"], "s", 0) == frozenset()


def test_the_best_on_one_half_is_compared_on_the_other(columns):
    (one,) = choose(columns, "small", "big/loop")
    assert one.chosen == "small/good/orders"
    assert (one.selection, one.confirmation) == (15, 16)
    assert list(one.candidates) == sorted(one.candidates, key=lambda label: -one.candidates[label])
    (found,) = one.confirmed
    assert (found.a, found.b) == ("big/loop/orders", "small/good/orders")
    assert (found.base_tasks, found.tasks) == (16, 32)
    assert found.difference.low > 0


def test_what_happens_on_the_confirmation_half_has_no_part_in_choosing(columns):
    half = selection({t.base for t in columns.tasks}, "orders", 0)
    trials = columns.trials.copy()
    held_out = np.array([columns.tasks[t].base not in half for t in trials["task"]])
    good = trials["cell"] == 1
    trials["status"][held_out & good] = TrialStatus.FAILED
    (one,) = choose(replace(columns, trials=trials), "small", "big/loop")
    assert one.chosen == "small/good/orders"
    assert one.candidates == choose(columns, "small", "big/loop")[0].candidates
    assert one.confirmed[0].difference.value < 0
    trials["status"][~held_out & good] = TrialStatus.FAILED
    assert choose(replace(columns, trials=trials), "small", "big/loop")[0].chosen == "small/loop/orders"


def test_a_model_stands_for_its_baselines(columns):
    (one,) = choose(columns, "small", "big")
    assert [c.a for c in one.confirmed] == ["big/abort/orders", "big/loop/orders"]
    assert all(c.p <= c.p_adjusted for c in one.confirmed)


def test_the_chosen_harness_may_be_the_other_cell(columns):
    (one,) = choose(columns, "small", "small/good")
    assert one.chosen == "small/good/orders"
    assert one.confirmed == ()


@pytest.mark.parametrize(
    ("model", "other", "says"),
    [
        ("smal", "big", "did you mean 'small'"),
        ("small", "big/lop", "unknown cell"),
    ],
)
def test_mistakes_are_named(columns, model, other, says):
    with pytest.raises(UserError, match=says):
        choose(columns, model, other)


def test_nothing_to_choose_from_and_nothing_to_split():
    with pytest.raises(UserError, match="one harness"):
        choose(both(grid({"loop": ([], 0.5)}), grid(BIG, model="big")), "small", "big")
    with pytest.raises(UserError, match="too few templates"):
        choose(both(grid(SMALL, bases=1), grid(BIG, model="big", bases=1)), "small", "big")


def test_a_report_holds_the_choice_of_every_model_that_was_taken_apart(columns):
    summary = summarise(columns)
    (one,) = summary.choices
    assert one.model == "small"
    rows = [c.a for c in one.confirmed]
    assert rows == ["small/loop/orders", "small/abort/orders", "big/abort/orders", "big/loop/orders"]
