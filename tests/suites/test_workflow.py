"""The workflow suite: its chains, the schedule by which its tools fail, and that each task can be solved."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.lab.sweeping import plan_of, sweep

from harnesslab.errors import UserError
from harnesslab.lab.replay import replay
from harnesslab.score.tables import summarise
from harnesslab.store.sqlite import Store
from harnesslab.suites.agents import made, oracle, passes
from harnesslab.suites.check import check_suite, fingerprint
from harnesslab.suites.mutants import but
from harnesslab.suites.workflow.faults import BROKEN, DOWN, EXPLICIT, MOST, STALE, WRONG, Faults, spoilt
from harnesslab.suites.workflow.suite import load, load_calm
from harnesslab.suites.workflow.task import WorkflowTask, with_faults
from harnesslab.suites.workflow.tools import AS_OF, OTHER_SOURCE
from harnesslab.types import ActionResult, Environment, Status, ToolCall

LOST = {"report-stock", "umbrellas", "outdoors"}


def tasks_of(**more: Any) -> list[WorkflowTask]:
    return [t for t in load(**{"seed": 1, **more}).tasks if isinstance(t, WorkflowTask)]


def task_of(base: str, id: str = "") -> WorkflowTask:
    """A task without faults."""
    tasks = (t for t in load_calm(seed=1).tasks if isinstance(t, WorkflowTask))
    return next(t for t in tasks if t.base == base and id in ("", t.view.id))


def under(base: str, rate: float, *kinds: str, **outages: str) -> WorkflowTask:
    return with_faults(task_of(base), Faults(rate, kinds or EXPLICIT, outages))


# --- what there is


def test_the_draw_is_frozen() -> None:
    """Whoever changes a task or the schedule changes VERSION and these, and calibrates again."""
    assert fingerprint(load(seed=1)) == 5794196852743132853
    assert fingerprint(load(seed=1, split="dev")) == 5916611633227610456
    assert fingerprint(load_calm(seed=1)) == 10760719086168899971


def test_there_are_64_chains_of_32_templates_in_four_tiers() -> None:
    tasks = load_calm(seed=1).tasks
    assert Counter(t.tier for t in tasks) == {"single": 16, "short": 16, "middle": 16, "long": 16}
    assert len({t.base for t in tasks}) == 32
    assert len({t.view.id for t in tasks}) == len({t.view.prompt for t in tasks}) == 64
    assert len({t.view.system for t in tasks}) == 1
    bounds = {tier: [len(t.oracle) for t in tasks if t.tier == tier] for tier in ("single", "short", "middle", "long")}
    assert {tier: (min(n), max(n)) for tier, n in bounds.items()} == {
        "single": (1, 1),
        "short": (3, 4),
        "middle": (4, 6),
        "long": (9, 12),
    }


def test_a_prompt_fits_a_small_context() -> None:
    """System prompt, tools and request are at most 8,000 characters: about 2,000 tokens."""
    for task in tasks_of():
        tools = [
            {"type": "function", "function": {"name": t.name, "description": t.description, "parameters": t.parameters}}
            for t in task.kit.toolbox
        ]
        assert len(task.view.system) + len(task.view.prompt) + len(json.dumps(tools, default=dict)) <= 8_000
        assert len({t.name for t in task.kit.toolbox}) >= 5


@pytest.mark.parametrize("more", [{"n": 5}, {"n": 60}])
def test_a_task_is_the_same_however_many_are_drawn(more: dict[str, Any]) -> None:
    def facts(task: WorkflowTask) -> tuple[Any, ...]:
        return task.view, task.tier, task.variant, task.oracle, task.oracle_answer, task.goal, task.faults

    every = {t.view.id: facts(t) for t in tasks_of()}
    drawn = tasks_of(**more)
    assert len(drawn) == more["n"]
    assert all(facts(t) == every[t.view.id] for t in drawn if t.view.id in every)


def test_other_seeds_and_splits_draw_other_tasks() -> None:
    draws = [
        {(t.view.prompt, t.oracle_answer) for t in tasks_of(seed=s, split=p)} for s in (1, 2) for p in ("eval", "dev")
    ]
    assert not any(a & b for i, a in enumerate(draws) for b in draws[i + 1 :])


@pytest.mark.parametrize(
    ("more", "word"),
    [({"n": 0}, "1 to 320"), ({"n": 321}, "1 to 320")],
)
def test_bad_choices_answer_with_the_good_ones(more: dict[str, Any], word: str) -> None:
    with pytest.raises(UserError, match=word):
        load(seed=1, **more)


# --- solvable


def test_the_oracle_gets_through_the_faults_of_every_repeat() -> None:
    for task in tasks_of(n=120):
        for repeat in range(2):
            environment = task.environment(1, repeat)
            assert task.check(environment, oracle(task, environment)).passed, (task.view.id, repeat)
            assert len(environment.log) < task.view.budget.turns


def test_calm_holds_the_same_tasks_and_every_proof() -> None:
    """Only where no source is of any use does another end count."""
    calm = load_calm(seed=1)
    for task, twin in zip(tasks_of(), calm.tasks, strict=True):
        assert isinstance(twin, WorkflowTask)
        assert (task.view, task.kit.toolbox) == (twin.view, twin.kit.toolbox)
        assert task.rows.total == twin.rows.total
        assert (task.goal == twin.goal) is (len(task.faults.outages) < 2)
        assert not twin.varies
    assert [f for f in check_suite(load_calm(seed=1, n=12)) if not f.ok] == []


def test_the_oracle_looks_nothing_up_where_it_is_out_of_service() -> None:
    for task in tasks_of():
        bad = {tool for tool, kind in task.faults.outages.items() if kind == DOWN}
        assert not bad & {call.name for call in task.oracle}
        assert set(task.faults.outages) <= {*OTHER_SOURCE, *OTHER_SOURCE.values()}


def test_an_honest_report_is_right_where_nothing_can_be_had() -> None:
    lost = [t for t in tasks_of() if len(t.faults.outages) == 2]
    assert {t.base for t in lost} == LOST
    for task in lost:
        asked = next(i for i, call in enumerate(task.oracle) if call.name in OTHER_SOURCE.values())
        assert not passes(task, but(asked, ())), "the other source must have been asked"
        twin = task_of(task.base, task.view.id)
        assert not passes(replace(task, oracle=twin.oracle), oracle), "nobody knows the figure"
        assert not passes(replace(twin, oracle=task.oracle), oracle), "where it can be had, it must be"


# --- the schedule


def read(environment: Environment, name: str, **arguments: str) -> ActionResult:
    return environment.call(ToolCall(name, arguments))


def test_neither_a_retry_nor_a_rewind_resets_a_fault() -> None:
    environment = under("report-stock", 1.0).environment(1, 0)
    start = environment.snapshot()
    results = []
    for _ in range(MOST + 1):
        results.append(read(environment, "get_stock", item="lamp"))
        environment.restore(start)
    assert [r.ok for r in results] == [False] * MOST + [True]
    assert all(r.transient for r in results[:MOST])
    assert len(environment.log) == MOST + 1
    assert not read(environment, "get_stock", item="mug").ok, "another call has faults of its own"


def test_the_schedule_is_a_function_of_seed_task_repeat_call_and_occurrence() -> None:
    task = under("month-end", 0.5)

    def seen(task: WorkflowTask, seed: int, repeat: int, sheets: tuple[str, ...]) -> dict[str, list[bool]]:
        environment = task.environment(seed, repeat)
        found: dict[str, list[bool]] = {}
        for sheet in sheets * 3:
            found.setdefault(sheet, []).append(read(environment, "read_sheet", sheet=sheet).ok)
        return found

    sheets = ("travel", "office", "events", "repairs", "training", "marketing")
    first = seen(task, 1, 0, sheets)
    assert first == seen(task, 1, 0, sheets[::-1]), "the order of other calls does not count"
    assert len({str(seen(t, s, r, sheets)) for t, s, r in ((task, 1, 0), (task, 1, 1), (task, 2, 0))}) == 3
    assert str(first) != str(seen(under("quote", 0.5), 1, 0, sheets))


@pytest.mark.parametrize("rate", [0.0, 0.15, 0.2])
def test_faults_are_as_frequent_as_said_and_kinds_equally_so(rate: float) -> None:
    faults = Faults(rate, EXPLICIT + BROKEN + WRONG)
    drawn = Counter(faults.due(1, action, occurrence) for action in range(1, 10_001) for occurrence in range(MOST))
    assert abs(drawn.pop("", 0) / 20_000 - (1 - rate)) < 0.01
    assert set(drawn) == (set(faults.kinds) if rate else set())
    assert all(abs(n / 20_000 - rate / 6) < 0.006 for n in drawn.values())
    assert faults.due(1, 1, MOST) == ""


def test_a_call_that_fails_changes_nothing_and_one_that_is_refused_is_refused() -> None:
    task = under("reserve-by-mail", 1.0)
    environment, write = task.environment(1, 0), task.oracle[-1]
    before = environment.digest()
    refused = environment.call(replace(write, arguments={**write.arguments, "pieces": 1000}))
    assert (refused.status, refused.transient) == (Status.TOOL_ERROR, False)
    assert environment.call(replace(write, arguments={"item": "lamp"})).status is Status.INVALID_ARGUMENTS
    result = environment.call(write)
    assert result.status in (Status.TIMEOUT, Status.TOOL_ERROR)
    assert (result.transient, result.wrote, environment.digest()) == (True, False, before)
    assert made(environment, write).ok
    assert environment.digest() != before


def test_writes_are_never_answered_wrongly() -> None:
    task = under("reserve-by-mail", 1.0, *BROKEN, *WRONG)
    result = task.environment(1, 0).call(task.oracle[-1])
    assert (result.ok, result.transient) == (False, True)


def test_a_source_out_of_service_stays_so_and_the_other_is_right() -> None:
    environment = under("report-stock", 0.0, get_stock=DOWN).environment(1, 0)
    results = [read(environment, "get_stock", item="lamp") for _ in range(5)]
    assert {(r.status, r.transient, r.content) for r in results} == {
        (Status.TOOL_ERROR, False, "Error: get_stock is out of service")
    }
    right = json.loads(read(environment, "count_shelf", item="lamp").content)
    assert right["as_of"] == AS_OF
    stale = under("report-stock", 0.0, get_stock=STALE).environment(1, 0)
    (old,) = {read(stale, "get_stock", item="lamp").content for _ in range(5)}
    assert json.loads(old)["as_of"] < AS_OF
    assert json.loads(old)["pieces"] != right["pieces"]


SHEET = {"rows": [{"item": "a", "amount": 5}, {"item": "b", "amount": 95}], "count": 2, "sum": 100, "as_of": AS_OF}


@pytest.mark.parametrize("seed", range(20))
def test_what_is_wrong_can_be_told_from_the_result_alone(seed: int) -> None:
    text = json.dumps(SHEET)
    for kind in BROKEN:
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            json.loads(spoilt(kind, text, Random(seed)) or text)
    short = json.loads(spoilt("short", text, Random(seed)) or text)
    assert len(short["rows"]) < short["count"]
    stale = json.loads(spoilt("stale", text, Random(seed)) or text)
    assert stale["as_of"] < AS_OF
    assert (len(stale["rows"]), stale["count"], stale["sum"]) == (2, 2, sum(row["amount"] for row in stale["rows"]))
    assert all(new["amount"] != old["amount"] for new, old in zip(stale["rows"], SHEET["rows"], strict=True))  # type: ignore[call-overload]
    assert spoilt("stale", '{"files": ["a"], "count": 1}', Random(seed)) is None
    assert spoilt("short", '{"path": "a", "text": "b"}', Random(seed)) is None


def test_what_came_back_broken_was_not_read() -> None:
    task = under("rain-for-event", 1.0, *BROKEN)
    look = next(call for call in task.oracle if call.name == "get_forecast")
    environment = task.environment(1, 0)
    for call in task.oracle:
        environment.call(call) if call == look else made(environment, call)
    assert environment.log[-1][1].ok
    grade = task.check(environment, task.oracle_answer)
    assert [reason.split(" ")[0:2] for reason in grade.reasons] == [["never", "read"]]
    made(environment, look)
    assert task.check(environment, task.oracle_answer).passed


def test_a_copy_to_be_graded_meets_no_passing_fault() -> None:
    environment = under("report-stock", 1.0, count_shelf=DOWN).environment(1, 0)
    twin = environment.with_log([])
    assert read(twin, "get_stock", item="lamp").ok
    assert not read(twin, "count_shelf", item="lamp").ok
    assert not read(environment, "get_stock", item="lamp").ok


# --- in a sweep


GRID = """
name = "flow"
models = ["qwen2.5-coder-0.5b"]
suites = [{ name = "workflow", n = 6 }, { name = "workflow-calm", n = 6 }]
repeats = 2
[harness.loop]
layers = []
"""


def test_greedy_repeats_are_run_where_faults_differ() -> None:
    cells = plan_of(GRID + "[sampling]\ntemperature = 0.0\n").cells
    assert {cell.suite.name: cell.repeats for cell in cells} == {"workflow": 2, "workflow-calm": 1}


def test_a_sweep_with_faults_and_one_without_run_and_replay(tmp_path: Path) -> None:
    sweep(tmp_path, GRID)
    with Store.open(tmp_path, readonly=True) as store:
        cells = {cell.suite: cell for cell in summarise(store.columns()).cells}
        assert [replay(store, id) for id in store.done()] == [None] * 24
    assert cells["workflow"].recovery.episodes > cells["workflow-calm"].recovery.episodes
    assert cells["workflow"].recovery.endings["recovered"] > 0
