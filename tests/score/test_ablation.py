"""What each layer does, told from cells that differ by it alone, whatever they are called."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from grids import both, facts, grid
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harnesslab.harness import presets
from harnesslab.score import Figure, stacks, summarise
from harnesslab.score.ablation import verdict
from harnesslab.score.estimate import difference, mean_difference
from harnesslab.score.power import detectable_given
from harnesslab.score.summary import Comparison
from harnesslab.store.columns import TrialStatus

ARMS = {
    "abort": (["abort"], 0.2),
    "loop": ([], 0.3),
    "best-of-n": (["best-of-n"], 0.4),
    "full": (["rewind", "validate", "told"], 0.95),
    "full-rewind": (["validate", "told"], 0.3),
    "full-validate": (["rewind", "told"], 0.95),
    "full-told": (["rewind", "validate"], 0.6),
    "full-advice": (["rewind", "validate", "told!"], 0.6),
    "loop+rewind": (["rewind"], 0.9),
    "loop+told": (["told"], 0.3),
}


@pytest.fixture(scope="module")
def columns():
    return grid(ARMS, bases=30, repeats=2)


@pytest.fixture(scope="module")
def one(columns):
    (found,) = summarise(columns).ablations
    return found


def effects(one):
    return {("alone" if e.alone else e.points.b.split("/")[1], e.layer): e for e in one.effects}


def test_layers_are_told_from_what_is_stored_and_not_from_names(columns):
    renamed = replace(columns, cells=tuple(replace(c, harness=f"h{i}") for i, c in enumerate(columns.cells)))
    before, after = (summarise(c).ablations[0] for c in (columns, renamed))
    assert [(e.layer, e.alone) for e in after.effects] == [(e.layer, e.alone) for e in before.effects]
    assert [e.points.difference for e in after.effects] == [e.points.difference for e in before.effects]


def test_every_layer_taken_out_and_alone_is_an_effect_of_it(one):
    found = effects(one)
    assert list(found) == [
        ("full", "rewind"),
        ("full", "validate"),
        ("full", "told"),
        ("alone", "rewind"),
        ("alone", "told"),
    ]
    assert found["full", "rewind"].points.a == "small/full-rewind/orders"
    assert found["full", "rewind"].verdict == "helps"
    assert found["full", "validate"].verdict == "nothing seen"
    assert found["alone", "rewind"].verdict == "helps"
    assert [e.informed for e in found.values()] == [False, False, True, False, True]


def test_effects_are_the_paired_comparison_adjusted_among_all_of_them(one):
    raw = sorted(e.points.p for e in one.effects)
    for e in one.effects:
        assert e.points.p <= e.points.p_adjusted <= min(1.0, e.points.p * len(raw))
    assert max(e.points.p_adjusted for e in one.effects) == pytest.approx(max(raw))


def test_tokens_and_interventions_are_of_the_cell_with_the_layer(one, columns):
    for e in one.effects:
        assert (e.acted, e.per_trial) == (1.0, 1.0)
        without, within = (
            next(c for c in summarise(columns).cells if c.label == label).budget.tokens_per_trial
            for label in (e.points.a, e.points.b)
        )
        assert e.tokens.value == pytest.approx(within - without)
        assert e.tokens.low < e.tokens.value < e.tokens.high


def test_scoring_and_harnesses_mean_the_same_baselines():
    assert {layers: name for name, layers in presets.BASELINES.items()} == stacks.BASELINES


def test_a_layer_that_never_steps_in_did_not_act(columns):
    silent = replace(columns, layers=("", *(f"{name}?" for name in columns.layers[1:])))
    assert {e.acted for e in summarise(silent).ablations[0].effects} == {0.0}


def test_the_interaction_of_the_two_largest_needs_its_four_cells(one, columns):
    (found,) = one.interactions
    assert set(found.layers) == {"rewind", "told"}
    assert found.p is None
    assert found.difference.value is None
    assert found.missing == "full without rewind and told"
    more = grid({**ARMS, "v": (["validate"], 0.3)}, bases=30, repeats=2)
    (there,) = summarise(more).ablations[0].interactions
    assert there.missing == ""
    rates = {c.label: c.pass_k[0].value for c in summarise(more).cells}
    a, b, c, d = (rates[label] for label in there.cells)
    assert there.difference.value == pytest.approx(a - b - c + d)
    assert there.difference.low < there.difference.value < there.difference.high
    assert 0.0 < there.p <= 1.0


def test_gains_are_over_each_baseline_there_is_and_with_and_without_advice(one):
    gains = {g.harness: g for g in one.gains}
    assert set(gains["full"].over) == {"abort", "loop", "best-of-n"}
    assert set(gains["loop"].over) == {"abort", "best-of-n"}
    assert gains["full"].over["loop"].value > 0.4
    assert gains["full"].informed == ("told",)
    assert gains["full"].plain == "small/full-advice/orders"
    assert gains["full-advice"].informed == ()
    assert gains["loop+told"].plain == ""
    assert gains["full-told"].informed == ()


def test_of_several_best_of_n_the_one_that_spends_alike_is_compared(columns):
    facts_of = [*(c.facts for c in columns.cells)]
    twice = dict(facts_of[2], layers=[dict(facts_of[2]["layers"][0], params={"n": 9})])
    cells = list(columns.cells)
    cells[9] = replace(cells[9], harness="best-of-9", facts=twice)
    events = columns.events.copy()
    trial = np.repeat(np.arange(len(columns.trials)), np.diff(columns.offsets))
    events["generated"][columns.trials["cell"][trial] == 9] += 5000
    (found,) = summarise(replace(columns, cells=tuple(cells), events=events)).ablations
    full = next(g for g in found.gains if g.harness == "full")
    assert full.over["best-of-n"].value == pytest.approx(
        difference_of(columns, "small/best-of-n/orders", "small/full/orders")
    )


def difference_of(columns, a, b):
    rates = {c.label: c.pass_k[0].value for c in summarise(columns).cells}
    return rates[b] - rates[a]


def test_arms_are_left_out_of_the_comparisons_of_harnesses(one, columns):
    compared = {label for c in summarise(columns).comparisons for label in (c.a, c.b)}
    assert compared == {f"small/{h}/orders" for h in ("abort", "loop", "best-of-n", "full", "full-advice")}
    assert not compared & set(one.arms)
    assert len(one.arms) == 5


def test_cells_that_differ_in_more_than_their_layers_are_no_pair(columns):
    cells = tuple(replace(c, facts={**c.facts, "seed": i}) for i, c in enumerate(columns.cells))
    assert summarise(replace(columns, cells=cells)).ablations == ()


def test_the_one_repeat_of_a_greedy_cell_stands_for_all(columns):
    """A layer that draws makes a greedy harness random: its repeats are compared with the one that the other has."""
    cells = list(columns.cells)
    cells[1] = replace(cells[1], facts={**cells[1].facts, "greedy": True})  # loop
    trials = columns.trials.copy()
    trials["status"][(trials["cell"] == 1) & (trials["repeat"] > 0)] = TrialStatus.MISSING
    summary = summarise(replace(columns, cells=tuple(cells), trials=trials))
    means = {c.harness: (c.pass_k[0].value, c.budget.tokens_per_trial) for c in summary.cells}
    alone = effects(summary.ablations[0])["alone", "rewind"]
    assert alone.points.difference.value == pytest.approx(means["loop+rewind"][0] - means["loop"][0])
    assert alone.tokens.value == pytest.approx(means["loop+rewind"][1] - means["loop"][1])


def test_cells_that_were_told_different_things_are_no_pair(columns):
    cells = list(columns.cells)
    cells[5] = replace(cells[5], facts={**cells[5].facts, "advice": "other"})  # full-validate
    (found,) = summarise(replace(columns, cells=tuple(cells))).ablations
    assert ("full", "validate") not in effects(found)
    assert ("full", "told") in effects(found)


def test_baselines_alone_and_foreign_cells_are_no_ablation(columns):
    few = grid({k: ARMS[k] for k in ("abort", "loop", "best-of-n", "full")}, bases=12, repeats=1)
    assert summarise(few).ablations == ()
    bare = tuple(replace(c, facts={"greedy": False}) for c in columns.cells)
    assert summarise(replace(columns, cells=bare)).ablations == ()


def test_a_sweep_stored_before_layers_had_names_of_their_own_is_read(columns):
    old = tuple(replace(c, facts={k: v for k, v in c.facts.items() if k != "called"}) for c in columns.cells)
    assert summarise(replace(columns, cells=old)).ablations == summarise(columns).ablations


def test_models_are_apart_and_a_half_run_arm_is_compared_on_what_it_ran(columns):
    other = grid(ARMS, model="big", bases=30, repeats=2)
    trials = other.trials.copy()
    trials["status"][(trials["cell"] == 3) & (trials["task"] > 9)] = TrialStatus.MISSING
    found = summarise(both(columns, replace(other, trials=trials))).ablations
    assert [a.model for a in found] == ["small", "big"]
    assert {e.points.base_tasks for e in found[1].effects if not e.alone} == {10}
    assert facts([])["layers"] == []


def comparison(low, high, p):
    return Comparison("harness", "a", "b", Figure((low + high) / 2, low, high, 30), p, p, 30, 30, 20, True)


@pytest.mark.parametrize(
    ("low", "high", "p", "says"),
    [
        (0.1, 0.2, 0.01, "helps"),
        (-0.2, -0.1, 0.01, "hurts"),
        (0.01, 0.2, 0.2, "unsure"),
        (-0.1, 0.2, 0.01, "nothing seen"),
        (0.0, 0.2, 0.01, "nothing seen"),
    ],
)
def test_verdicts(low, high, p, says):
    assert verdict(comparison(low, high, p), 0.95) == says


def test_the_detectable_effect_is_detected_in_four_of_five_sweeps():
    """By simulation: base tasks normal around the effect that the formula names for their spread."""
    rng = np.random.default_rng(5)
    spread, bases = 0.3, 30
    noise = rng.normal(0.0, spread, (2000, bases))
    w = np.ones(bases)
    named = np.mean([detectable_given(difference(d, w, 0.95), 0.95) for d in noise[:200]])
    seen = np.mean([difference(d + named, w, 0.95).low > 0 for d in noise])
    assert seen == pytest.approx(0.8, abs=0.05)
    assert detectable_given(difference(np.zeros(30), w, 0.95), 0.95) == pytest.approx(0.116, abs=1e-3)
    assert detectable_given(Figure(None), 0.95) is None


@given(st.lists(st.floats(-500, 500).filter(lambda x: x == 0 or abs(x) > 1e-3), min_size=2, max_size=30))
def test_the_mean_difference_is_a_t_interval_with_two_base_tasks_more_in_its_variance(values):
    d = np.array(values)
    found = mean_difference(2 * d, np.full(len(d), 2.0), 0.95)
    assert found.value == pytest.approx(d.mean(), abs=1e-9)
    if not d.any():
        assert found.low is None
        return
    typical = np.mean(d[d != 0] ** 2)
    squares = np.sum((d - d.mean()) ** 2) + 2 * typical
    error = np.sqrt(squares / (len(d) - 1) / len(d))
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, len(d) - 1) * error)
    assert found.value - found.low == pytest.approx(found.high - found.value)
    assert found.unreliable == (len(d) < 10 or (d != 0).sum() < 20)
