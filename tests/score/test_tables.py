from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from synthetic import event, sweep

from harnesslab.errors import UserError
from harnesslab.score import compare, summarise
from harnesslab.store.columns import ORACLE, TRIAL, CellRow, Columns, TaskRow, TrialStatus
from harnesslab.types import Weights
from harnesslab_kernels import events as ev

ARMS = {("small", "abort"): 0.2, ("small", "loop"): 0.4, ("big", "abort"): 0.5, ("big", "loop"): 0.7}


@pytest.fixture(scope="module")
def columns():
    return sweep(ARMS, bases=24, repeats=4)


def tiny(statuses, *, greedy=False, bases=None, null=(), events=None):
    """One cell; statuses[t] lists the trials of task t."""
    tasks = tuple(
        TaskRow(
            "s", f"t{t}", bases[t] if bases else f"t{t}", "", "one", np.zeros(0, ORACLE), ("idle",) if t in null else ()
        )
        for t in range(len(statuses))
    )
    rows = [(0, t, r, s, 0, b"", 1.0, np.nan, 0.0, np.nan) for t, row in enumerate(statuses) for r, s in enumerate(row)]
    blobs = [events if events is not None else np.zeros(0, ev.EVENT) for _ in rows]
    offsets = np.concatenate([[0], np.cumsum([len(b) for b in blobs])]).astype(np.int64)
    cells = (CellRow("k", "m", "h", "s", {"greedy": greedy}),)
    return Columns(cells, tasks, np.array(rows, TRIAL), np.concatenate(blobs), offsets, ("",))


P, F, M = TrialStatus.PASSED, TrialStatus.FAILED, TrialStatus.MISSING


def only(columns):
    return summarise(columns).cells[0]


def test_pass_k_is_the_mean_over_tasks():
    cell = only(tiny([[P, P, P], [P, P, F], [F, F, F], [P, F, F]]))
    assert [f.value for f in cell.pass_k] == pytest.approx([0.5, (1 + 1 / 3) / 4, 0.25])
    assert [f.value for f in cell.pass_at_k] == pytest.approx([0.5, (1 + 1 + 2 / 3) / 4, 0.75])
    assert cell.left_out == (0, 0, 0)


def test_an_unfinished_sweep_says_so_before_all_figures():
    columns = tiny([[P, P], [P, M], [F]])
    assert summarise(columns).unfinished == "", "nobody said what was planned"
    assert summarise(replace(columns, planned={"k": 5})).unfinished == ""
    summary = summarise(replace(columns, planned={"k": 6, "another": 3}))
    assert summary.unfinished.startswith("Not finished: 5 of 6 trials have ended (m/h/s 5 of 6)")
    assert summary.cells[0].planned == 6


def test_missing_is_not_failed():
    cell = only(tiny([[P, P], [P, M], [F, M], [M, M]]))
    assert cell.trials == 4
    assert cell.pass_k[0].value == pytest.approx(2 / 3)
    assert (cell.missing.trials, cell.missing.share) == (4, 0.5)
    assert cell.missing.worst == pytest.approx(1.5 / 4)
    assert cell.missing.best == pytest.approx(3.5 / 4)
    assert cell.left_out == (1, 3)
    assert cell.pass_k[1].value == 1.0
    assert cell.pass_k_missing_failed == pytest.approx((1.5 / 4, 1 / 4))


def test_all_missing_gives_no_figures_and_no_crash():
    cell = only(tiny([[M], [M]]))
    assert cell.trials == 0
    assert cell.pass_k[0].value is None
    assert cell.budget.tokens.value is None


def test_greedy_cells_show_no_pass_k_beyond_one():
    cell = only(tiny([[P, P], [F, F]], greedy=True))
    assert cell.pass_k[0].value == 0.5
    assert cell.pass_k[1].value is None
    assert cell.pass_k_missing_failed == (0.5, None)


def test_variants_of_a_template_are_one_unit_of_chance():
    statuses = [[P]] * 20 + [[F]] * 20
    apart = only(tiny(statuses)).pass_k[0]
    together = only(tiny(statuses, bases=[f"b{t // 4}" for t in range(40)])).pass_k[0]
    assert (apart.n, together.n) == (40, 10)
    assert together.high - together.low > apart.high - apart.low


def test_null_split():
    null = only(tiny([[P], [P], [F], [F]], null=(0, 1))).null
    assert null.agents["idle"] == 0.5
    assert null.agents["refuse"] == 0.0
    assert (null.tasks, null.pass_1.value) == (2, 0.0)


def test_costs_include_those_of_failures_and_joules_are_none_where_unmeasured():
    reply = event(ev.REPLY, prompt=90, generated=10)
    cell = only(tiny([[P], [F], [F], [P]], events=reply))
    assert cell.budget.tokens.value == pytest.approx(200)
    assert cell.budget.seconds.value == pytest.approx(2)
    assert cell.budget.joules.value is None
    assert cell.budget.curve[-1] == (100, 0.5)
    assert cell.budget.curve[-2][1] == 0.0


WEIGHTS = Weights(batch=1.0, prefill=0.1, decode=2.0, context=0.001, context_tiled=0.0001, draw=0.5)


def test_both_ledgers_and_what_the_lab_saved():
    """Two trials of one task: the first computes a prompt and its reply, the second takes both from the memo."""
    first = event(ev.REPLY, prompt=100, own=0, cached=20, generated=3)
    second = event(ev.REPLY, prompt=110, own=103, cached=103, generated=1, forced=1)
    trial = np.concatenate([first, second])
    shared = trial.copy()
    shared["flags"] = ev.MEMO
    columns = replace(tiny([[P, P]], events=trial), weights={"m": WEIGHTS})
    events = np.concatenate([trial, shared])
    trials = columns.trials.copy()
    trials["measured"] = (30.0, 0.0)
    cell = only(replace(columns, events=events, trials=trials))
    alone_tokens = 100 + 3 + 7 + 1
    assert (cell.ledger.tokens.measured, cell.ledger.tokens.standalone) == (80 + 3 + 7 + 1, 2 * alone_tokens)
    prompts = 2 * 1.0 + 0.1 * (100 + 7) + 0.0001 * (100 * 99 / 2) + 0.001 * (7 * 103 + 7 * 6 / 2)
    replies = 3 * 2.0 + 0.1 * 1 + 0.001 * (100 + 101 + 102 + 110) + 0.5 * (4 + 1)
    assert cell.ledger.seconds.standalone == pytest.approx(2 * (prompts + replies))
    assert cell.ledger.seconds.saved == pytest.approx(2 * (prompts + replies) - 30.0)
    assert cell.budget.standalone.value == pytest.approx(prompts + replies)
    assert cell.budget.measured.value == pytest.approx(15.0)


@pytest.mark.parametrize(("times", "told"), [(1.2, False), (2.0, True)])
def test_seconds_of_two_machines_are_told_apart(times, told):
    """Calibrated on the faster one, a trial that ran on the other seems to have lost by sharing."""
    trial = event(ev.REPLY, prompt=100, own=0, generated=3)
    columns = replace(tiny([[P]], events=trial), weights={"m": WEIGHTS})
    alone = summarise(columns).cells[0].ledger.seconds.standalone
    trials = columns.trials.copy()
    trials["measured"] = times * alone
    notes = summarise(replace(columns, trials=trials)).notes
    assert any("Compare no seconds of these models" in note for note in notes) == told


def test_what_a_server_keeps_to_itself_is_a_dash_and_not_a_number():
    reply = event(ev.REPLY, prompt=90, own=-1, generated=10)
    summary = summarise(replace(tiny([[P], [F]], events=reply), weights={"m": WEIGHTS}))
    ledger = summary.cells[0].ledger
    assert (ledger.tokens.measured, ledger.tokens.standalone, ledger.tokens.saved) == (None, None, None)
    assert (ledger.seconds.measured, ledger.seconds.standalone) == (None, None)
    assert summary.ledger == ledger
    assert summary.cells[0].budget.standalone.value is None
    assert any("standalone seconds are not known" in note for note in summary.notes)


def test_the_ledgers_of_cells_add_up():
    summary = summarise(sweep(ARMS, bases=12, repeats=2, weights=WEIGHTS))
    for name in ("tokens", "seconds"):
        for side in ("measured", "standalone", "saved"):
            parts = [getattr(getattr(cell.ledger, name), side) for cell in summary.cells]
            assert getattr(getattr(summary.ledger, name), side) == pytest.approx(sum(parts))
    assert summary.ledger.seconds.standalone > 0


def test_energy_is_shown_where_it_was_measured():
    cell = only(sweep({("m", "h"): 0.5}, joules=True))
    assert cell.budget.joules.value == pytest.approx(40 * cell.budget.seconds.value)


def test_every_pair_of_one_factor_is_compared_and_adjusted_within_its_kind(columns):
    found = summarise(columns).comparisons
    assert [c.kind for c in found] == ["harness", "harness", "model", "model"]
    assert all(c.p <= c.p_adjusted <= 1 for c in found)
    assert {(c.a, c.b) for c in found[:2]} == {
        ("small/abort/orders", "small/loop/orders"),
        ("big/abort/orders", "big/loop/orders"),
    }


def test_compare_by_name_and_both_ways(columns):
    there = compare(columns, "small/abort", "big/loop/orders")[0]
    back = compare(columns, "big/loop", "small/abort")[0]
    assert there.kind == "other"
    assert there.difference.value == pytest.approx(-back.difference.value)
    assert there.p == pytest.approx(back.p)
    with pytest.raises(UserError, match="unknown cell"):
        compare(columns, "small/abort", "small/lop")


def test_a_cell_equals_itself(columns):
    same = compare(columns, "small/loop", "small/loop")[0]
    assert (same.difference.value, same.p, same.discordant, same.can_reach) == (0.0, 1.0, 0, False)


def test_within_a_model_repeats_are_paired():
    columns = sweep({("m", "a"): 0.5, ("m", "b"): 0.5}, bases=6, repeats=2, icc=0)
    trials = columns.trials.copy()
    trials["status"] = P
    trials["status"][(trials["cell"] == 0) & (trials["repeat"] == 0)] = M
    trials["status"][(trials["cell"] == 1) & (trials["repeat"] == 0)] = F
    found = compare(replace(columns, trials=trials), "m/a", "m/b")[0]
    assert found.difference.value == 0.0
    assert found.discordant == 0


def test_the_one_repeat_of_a_greedy_cell_stands_for_all():
    columns = sweep({("m", "a"): 0.5, ("m", "b"): 0.5}, bases=6, repeats=4, icc=0)
    trials = columns.trials
    trials = trials[(trials["cell"] == 1) | (trials["repeat"] == 0)].copy()
    trials["status"] = F
    trials["status"][(trials["cell"] == 1) & (trials["repeat"] > 0)] = P
    cells = (replace(columns.cells[0], facts={"greedy": True}), columns.cells[1])
    kept = replace(columns, cells=cells, trials=trials, offsets=np.zeros(len(trials) + 1, np.int64))
    assert compare(kept, "m/a", "m/b")[0].difference.value == pytest.approx(0.75)


def test_few_discordant_base_tasks_are_said_to_prove_nothing():
    rows = [[P]] * 5 + [[F]] * 20
    columns = tiny(rows)
    trials = np.concatenate([columns.trials, columns.trials])
    trials["cell"][len(rows) :] = 1
    trials["status"][len(rows) :] = F
    cells = (*columns.cells, CellRow("k2", "m", "other", "s"))
    both = replace(columns, cells=cells, trials=trials, offsets=np.zeros(len(trials) + 1, np.int64))
    summary = summarise(both)
    assert summary.comparisons[0].discordant == 5
    assert not summary.comparisons[0].can_reach
    assert summary.comparisons[0].p == pytest.approx(2 / 32)
    assert any("cannot reach" in note for note in summary.notes)


def test_rankings_know_a_clear_winner_from_a_tie():
    clear = summarise(sweep({("m", "bad"): 0.1, ("m", "good"): 0.9})).rankings[0]
    assert [p.name for p in clear.places] == ["good", "bad"]
    assert clear.places[0].best > 0.99
    assert [p.alike for p in clear.places] == [(), ()]
    tie = summarise(sweep({("m", "a"): 0.5, ("m", "b"): 0.5}, icc=0, repeats=1, bases=40)).rankings[0]
    assert sum(p.best for p in tie.places) == pytest.approx(1)
    assert max(p.best for p in tie.places) < 0.999
    assert {p.name: p.alike for p in tie.places} == {"a": ("b",), "b": ("a",)}


def test_models_are_ranked_within_each_harness(columns):
    found = [r for r in summarise(columns).rankings if r.kind == "model"]
    assert [(r.fixed, r.places[0].name) for r in found] == [("abort", "big"), ("loop", "big")]


def test_one_trial_per_base_task_is_tested_by_mcnemar():
    one = summarise(sweep({("m", "a"): 0.3, ("m", "b"): 0.6}, repeats=1, bases=40)).comparisons[0]
    assert one.test == "mcnemar"
    many = summarise(sweep({("m", "a"): 0.3, ("m", "b"): 0.6}, repeats=2)).comparisons[0]
    variants = summarise(sweep({("m", "a"): 0.3, ("m", "b"): 0.6}, repeats=1, variants=2)).comparisons[0]
    assert (many.test, variants.test) == ("sign-flip", "sign-flip")


def test_interaction_is_the_difference_of_two_harness_effects(columns):
    summary = summarise(columns)
    found = summary.interactions[0]
    effects = {c.a.split("/")[0]: c.difference.value for c in summary.comparisons if c.kind == "harness"}
    assert (found.models, found.harnesses) == (("small", "big"), ("abort", "loop"))
    assert found.difference.value == pytest.approx(effects["big"] - effects["small"])
    assert found.p == found.p_adjusted


def test_a_harness_that_helps_one_model_only_is_an_interaction():
    arms = {("small", "loop"): 0.1, ("small", "guarded"): 0.9, ("big", "loop"): 0.9, ("big", "guarded"): 0.9}
    found = summarise(sweep(arms, bases=40, icc=0)).interactions[0]
    assert found.difference.high < -0.5
    assert found.p < 0.001


def test_the_same_columns_give_the_same_summary(columns):
    assert summarise(columns) == summarise(columns)


def test_tiers_partition_the_tasks(columns):
    cell = only(columns)
    assert [t.tier for t in cell.tiers] == ["t1", "t2", "t3"]
    assert sum(t.tasks for t in cell.tiers) == cell.tasks
    assert sum(t.trials for t in cell.tiers) == cell.trials


def test_an_empty_sweep_can_be_summarised():
    cells = (CellRow("k", "m", "h", "s"),)
    summary = summarise(Columns(cells, (), np.zeros(0, TRIAL), np.zeros(0, ev.EVENT), np.zeros(1, np.int64), ("",)))
    assert summary.cells[0].trials == 0
    assert summary.comparisons == ()


def test_importing_score_and_report_loads_no_compiler():
    code = (
        "import sys, harnesslab.score, harnesslab.report.terminal, harnesslab.report.html, harnesslab.report.export;"
        "sys.exit(any(m.split('.')[0] in ('numba', 'llvmlite', 'rich', 'llama_cpp') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
