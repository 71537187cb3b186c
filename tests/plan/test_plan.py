"""What a plan promises: identity is content, arms share random streams, and a sweep stopped early is paired."""

from __future__ import annotations

from pathlib import Path

import pytest

from harnesslab import config
from harnesslab.errors import UserError
from harnesslab.plan import Plan, expand, make_plan

TEXT = """
name = "t"
models = ["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"]
suites = [{ name = "orders", n = 9 }]
repeats = 2
[harness.loop]
layers = []
[harness.guarded]
layers = ["validate", "retry"]
"""


def plan_of(text: str = TEXT) -> Plan:
    return make_plan(config.parse(text, Path("t.toml")), scripted=True)


def ids(plan: Plan) -> set[str]:
    return {t.id for t in plan.trials}


def test_every_trial_of_the_grid_is_planned_once() -> None:
    plan = plan_of()
    assert len(plan.cells) == 4
    assert len(plan.tasks) == 9
    assert len(plan.trials) == len(ids(plan)) == 4 * 9 * 2
    assert {(t.cell, t.task, t.repeat) for t in plan.trials} == {
        (c, t, r) for c in range(4) for t in range(9) for r in range(2)
    }


def test_the_same_config_gives_the_same_plan() -> None:
    assert [t.id for t in plan_of().trials] == [t.id for t in plan_of().trials]


def test_a_plan_grows_and_keeps_what_was_there() -> None:
    small = ids(plan_of())
    assert small < ids(plan_of(TEXT.replace("repeats = 2", "repeats = 3")))
    assert small < ids(plan_of(TEXT + '[harness.abort]\nlayers = ["abort"]\n'))
    assert ids(plan_of(TEXT.replace(', "qwen2.5-coder-1.5b"', ""))) < small


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("repeats = 2", "repeats = 2\nseed = 5"),
        ('"retry"]', '{ name = "retry", budget = 1 }]'),
        ('"validate", "retry"', '"retry", "validate"'),
    ],
)
def test_content_changes_identity(old: str, new: str) -> None:
    before, after = plan_of(), plan_of(TEXT.replace(old, new))
    changed = [b.label for b, a in zip(before.cells, after.cells, strict=True) if b.key != a.key]
    assert changed
    assert all("guarded" in label for label in changed) or "seed" in new


def test_a_suites_advice_is_part_of_the_cells_that_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    off = TEXT.replace('"validate"', '{ name = "validate", advice = false }')
    assert [("advice" in c.facts) for c in plan_of().cells] == [c.harness == "guarded" for c in plan_of().cells]
    assert not any("advice" in c.facts for c in plan_of(off).cells)
    assert plan_of(TEXT.replace("n = 9", "n = 12")).cells[0].facts == plan_of().cells[0].facts
    before = plan_of()
    monkeypatch.setattr("harnesslab.suites.orders.advice.PREREQUISITES", ())
    changed = {b.harness for b, a in zip(before.cells, plan_of().cells, strict=True) if b.key != a.key}
    assert changed == {"guarded"}


def test_sampling_and_budget_change_identity() -> None:
    assert not ids(plan_of()) & ids(plan_of(TEXT + "[sampling]\ntemperature = 0.3\n"))
    assert not ids(plan_of()) & ids(plan_of(TEXT + "[budget]\nturns = 3\n"))


ABLATED = """
presets = ["abort", "loop"]
ablate = "guarded"
""" + TEXT.replace("[harness.loop]\nlayers = []\n", "").replace('"validate", "retry"', '"retry", "rewind"')


def harnesses(plan: Plan) -> list[str]:
    return list(dict.fromkeys(c.harness for c in plan.cells))


def test_presets_are_harnesses_by_name() -> None:
    named = plan_of('presets = ["loop"]\n' + TEXT.replace("[harness.loop]\nlayers = []\n", ""))
    assert ids(named) == ids(plan_of())


def test_an_ablation_adds_what_is_not_there_and_nothing_twice() -> None:
    """Of two layers, "without one" and "the other alone" are one cell."""
    plan = plan_of(ABLATED)
    assert harnesses(plan) == ["abort", "loop", "guarded", "guarded-retry", "guarded-rewind"]
    assert ids(plan_of(ABLATED.replace('ablate = "guarded"', ""))) < ids(plan)
    again = plan_of(ABLATED.replace('"guarded"', '{ harness = "guarded", layers = ["rewind"], alone = false }', 1))
    assert harnesses(again) == ["abort", "loop", "guarded", "guarded-rewind"]
    assert ids(again) < ids(plan)


def test_a_stack_of_the_config_keeps_its_name_in_an_ablation() -> None:
    plan = plan_of(ABLATED + '[harness.mine]\nlayers = ["retry"]\n')
    assert harnesses(plan) == ["abort", "loop", "guarded", "mine", "guarded-retry"]


def test_names_are_not_identity() -> None:
    assert ids(plan_of()) == ids(plan_of(TEXT.replace("harness.loop", "harness.plain").replace('"t"', '"u"')))


def test_arms_share_streams_and_repeats_do_not() -> None:
    streams: dict[tuple[int, int], set[tuple[int, int]]] = {}
    for t in plan_of().trials:
        streams.setdefault((t.task, t.repeat), set()).add((t.stream, t.repeat))
    assert all(len(found) == 1 for found in streams.values())
    assert len(set.union(*streams.values())) == len(streams)


def test_a_sweep_stopped_anywhere_is_paired_but_for_one_block() -> None:
    plan = plan_of(TEXT.replace('{ name = "orders", n = 9 }', '"orders"').replace("repeats = 2", "repeats = 8"))
    block = max(len(trials) for _, trials in plan.segments(plan.trials))
    assert block < len(plan.trials) / 3
    done = {"qwen2.5-coder-0.5b": 0, "qwen2.5-coder-1.5b": 0}
    for trial in plan.trials:
        done[plan.cells[trial.cell].entry.name] += 1
        assert abs(done["qwen2.5-coder-0.5b"] - done["qwen2.5-coder-1.5b"]) <= block


def test_harnesses_of_one_task_and_repeat_are_neighbours() -> None:
    trials = [*plan_of().trials]
    for first, second in zip(trials[::2], trials[1::2], strict=True):
        assert (first.task, first.repeat) == (second.task, second.repeat)
        assert first.cell != second.cell


def test_the_first_tasks_come_from_every_tier() -> None:
    plan = plan_of(TEXT.replace('{ name = "orders", n = 9 }', '"orders"'))
    tiers = [t.task.tier for t in plan.tasks]
    assert len(set(tiers[:3])) == len(set(tiers)) == 3


def test_greedy_repeats_are_not_run_twice() -> None:
    plan = plan_of(TEXT + "[sampling]\ntemperature = 0\n")
    assert {t.repeat for t in plan.trials} == {0}
    assert any("greedily" in w for w in plan.warnings)
    assert all(c.greedy for c in plan.cells)


@pytest.mark.parametrize(
    ("layer", "repeats"),
    [
        ('"rewind"', 2),
        ('{ name = "rewind", temperatures = [] }', 1),
        ('{ name = "rewind", temperatures = [0] }', 1),
        ('{ name = "rewind", budget = 0 }', 1),
        ('"improve"', 2),
        ('{ name = "improve", rounds = 0 }', 1),
        ('"retry"', 1),
    ],
)
def test_greedy_repeats_are_run_where_a_layer_draws(layer: str, repeats: int) -> None:
    plan = plan_of(TEXT.replace('"retry"', layer) + "[sampling]\ntemperature = 0\n")
    found = {(c.harness, c.repeats, c.greedy) for c in plan.cells}
    assert found == {("loop", 1, True), ("guarded", repeats, repeats == 1)}


def test_tiers_are_chosen_and_unknown_ones_refused() -> None:
    tier = plan_of().tasks[0].task.tier
    chosen = plan_of(TEXT.replace("n = 9", f'n = 2, tiers = ["{tier}"]'))
    assert [t.task.tier for t in chosen.tasks] == [tier, tier]
    with pytest.raises(UserError, match="known:"):
        plan_of(TEXT.replace("n = 9", 'tiers = ["nope"]'))


def test_n_tasks_of_a_tier_are_n_though_the_suite_usually_draws_fewer() -> None:
    chosen = plan_of(TEXT.replace("n = 9", 'n = 20, tiers = ["policy"]'))
    assert [t.task.tier for t in chosen.tasks] == ["policy"] * 20
    with pytest.raises(UserError, match="1 to 240"):
        plan_of(TEXT.replace("n = 9", 'n = 99, tiers = ["policy"]'))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"validate"', '"valdate"', "did you mean 'validate'"),
        ("qwen2.5-coder-1.5b", "qwen2.5-coder-15b", "did you mean 'qwen2.5-coder-1.5b'"),
        ('name = "orders"', 'name = "order"', "did you mean 'orders'"),
        ('"retry"', '{ name = "retry", bugdet = 1 }', "did you mean 'budget'"),
        ("layers = []", 'layers = ["validate", "retry"]', "the same cell"),
        ("n = 9 }", 'n = 9 }, "orders"', "listed twice"),
        ("repeats = 2", 'repeats = 2\npresets = ["lop"]', "did you mean 'loop'"),
        ("repeats = 2", 'repeats = 2\npresets = ["loop"]', "two harnesses are called loop"),
        ("repeats = 2", 'repeats = 2\nablate = "guardd"', "did you mean 'guarded'"),
        ("repeats = 2", 'repeats = 2\nablate = "loop"', "no layers to take out"),
        ("[harness.loop]", 'ablate = "guarded"\n[harness.abort]\nlayers = ["rewind"]\n[harness.loop]', "other layers"),
    ],
)
def test_bad_names_are_one_line(old: str, new: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as error:
        plan_of(TEXT.replace(old, new))
    assert "\n" not in str(error.value)


def test_an_unknown_dialect_is_said_before_a_file_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file has no known hash: a plan fetches it to know what it is."""
    models = tmp_path / "models.toml"
    models.write_text(f'[own]\nfile = "m.gguf"\ndialect = "hermse"\nsources = [{{ path = "{tmp_path}/none" }}]\n')
    monkeypatch.setenv("HARNESSLAB_MODELS", str(models))
    text = TEXT.replace('"qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"', '"own"')
    with pytest.raises(UserError, match=r"unknown dialect of model own: 'hermse'\. did you mean 'hermes'"):
        make_plan(config.parse(text, Path("t.toml")))


def test_quant_sets() -> None:
    assert expand("m:{Q4_K_M, Q8_0}") == ["m:Q4_K_M", "m:Q8_0"]
    assert expand("dir/m.gguf") == ["dir/m.gguf"]
