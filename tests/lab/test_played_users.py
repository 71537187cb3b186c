"""Sweeps in which a model plays the users: part of the cell's identity, on an account of its own, and replayable."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from harnesslab import config
from harnesslab.engine.scripted import ScriptedEngine
from harnesslab.errors import EngineFailure, UserError
from harnesslab.lab.replay import replay
from harnesslab.lab.sweep import Options, run_sweep
from harnesslab.models.entry import ModelEntry
from harnesslab.plan import Plan, make_plan
from harnesslab.store.columns import TrialStatus
from harnesslab.store.sqlite import Store
from harnesslab.trace.events import unpack_events
from harnesslab.types import LEAVE, Completion, Engine, EventKind, Request

GRID = """
name = "played"
models = ["qwen2.5-coder-0.5b"]
suites = [{ name = "servicedesk-retail", n = 3 }]
user = "qwen2.5-coder-1.5b"
[harness.loop]
layers = []
"""


def plan_of(text: str = GRID, *, scripted: bool = False) -> Plan:
    return make_plan(config.parse(text, Path("played.toml")), scripted=scripted)


def agent(request: Request) -> str:
    return "It is done." if len(request.prompt.messages) > 3 else "What is your email?"


def customer(request: Request) -> str:
    return LEAVE if len(request.prompt.messages) > 4 else "It is a@b.example."


async def start(entry: ModelEntry) -> Engine:
    return ScriptedEngine(customer if entry.name.endswith("1.5b") else agent, model=entry.name)


def test_a_models_dialogue_is_run_counted_and_replayed(tmp_path: Path) -> None:
    result = run_sweep(plan_of(), tmp_path, config_text=GRID, options=Options(show=False, start=start))
    assert (result.finished, result.missing) == (3, 0)
    with Store.open(tmp_path, readonly=True) as store:
        _, ids = store.columns_and_ids()
        for id in ids:
            facts = store.trial(id).facts
            assert facts["user"]["generated"] > 0
            assert str(facts["answer"]).split("\n\x1e\n") == ["What is your email?", "It is done."]
            assert replay(store, id) is None, "it does not depart"


def test_the_player_is_part_of_the_cell() -> None:
    (alone,), (played,) = (plan_of(t).cells for t in (GRID.replace('user = "qwen2.5-coder-1.5b"', ""), GRID))
    assert alone.key != played.key
    assert "user" not in alone.facts
    assert played.facts["user"]["model"]["sha256"]
    (orders,) = plan_of(GRID.replace('{ name = "servicedesk-retail", n = 3 }', '"servicedesk", "orders"')).cells[1:]
    assert "user" not in orders.facts, "its tasks have no user"


def test_a_player_that_dies_is_not_taken_for_the_engine_under_test(tmp_path: Path) -> None:
    deaths = []

    class Dying(ScriptedEngine):
        async def complete(self, request: Request) -> Completion:
            if not deaths:
                deaths.append(1)
                raise EngineFailure("worker-died")
            return await super().complete(request)

    started = []

    async def starting(entry: ModelEntry) -> Engine:
        started.append(entry.name)
        await asyncio.sleep(0)
        if entry.name.endswith("1.5b"):
            return Dying(customer, model=entry.name)
        return await start(entry)

    result = run_sweep(plan_of(), tmp_path, options=Options(show=False, start=starting))
    assert (result.finished, result.missing) == (3, 0)
    assert started.count("qwen2.5-coder-0.5b") == 1
    assert started.count("qwen2.5-coder-1.5b") == 2


def test_a_suite_without_users_has_nothing_to_play() -> None:
    with pytest.raises(UserError, match=r"no suite here has users that qwen2.5-coder-1.5b could play"):
        plan_of(GRID.replace("servicedesk-retail", "orders"))


def test_the_scripted_engine_leaves_users_to_their_script() -> None:
    plan = plan_of(scripted=True)
    assert plan.user is None
    assert "speak by script" in plan.warnings[0]


def test_scripted_users_talk_in_a_sweep(tmp_path: Path) -> None:
    """The scripted engine plays the oracles' calls and last words; the customers answer, and some trials pass."""
    text = """
    models = ["qwen2.5-coder-0.5b"]
    suites = [{ name = "servicedesk", n = 12 }]
    repeats = 2
    name = "talk"
    [harness.loop]
    layers = []
    """
    plan = plan_of(text, scripted=True)
    result = run_sweep(plan, tmp_path, scripted=True, options=Options(show=False))
    assert (result.finished, result.missing) == (24, 0)
    with Store.open(tmp_path, readonly=True) as store:
        _, ids = store.columns_and_ids()
        trials = [store.trial(id) for id in ids]
        kinds = [int(k) for t in trials for k in unpack_events(t.events)["kind"]]
    assert EventKind.USER in kinds
    assert {t.status for t in trials} == {TrialStatus.PASSED, TrialStatus.FAILED}
