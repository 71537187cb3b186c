"""What holds for every registered layer, and for random stacks of them: taking back, swapping, signing, not peeking."""

from __future__ import annotations

import ast
import asyncio
import gc
import types as python_types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from harness_again import Spy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from probe_layers import Remembering, TakeBack
from test_harness_properties import budgets, scripts
from toy_desk import BROKEN, GET, ListRecorder, Played, call, play

import harnesslab.harness
from harnesslab.engine.scripted import ScriptedEngine
from harnesslab.harness.compose import PORTS, Harness, overrides
from harnesslab.harness.loop import run_trial
from harnesslab.harness.registry import LAYERS, layer_names
from harnesslab.suites.registry import load_suite
from harnesslab.types import Advice, Budget, EventKind, Prerequisite, Sampling, Task, TaskView, Trial

MISSING = call("get_order", order_id="O-9")
WRONG = call("ship_order", order="O-1", speed="fast")
SHIP = call("ship_order", order_id="O-2", speed="normal")
ADVICE = Advice(
    prerequisites=(Prerequisite("ship_order", "get_order", {"order_id": "order_id"}, "Look first."),),
    validators=(lambda called, _: "no such order" if called.arguments.get("order_id") == "O-9" else "",),
    checks=(lambda called, _: "ship by express" if called.arguments.get("speed") == "normal" else "",),
)
TROUBLE = [GET, MISSING, MISSING, MISSING, WRONG, BROKEN, SHIP, SHIP, GET, GET, GET, "Done."]
quick = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
stacks = st.lists(st.sampled_from(layer_names()), max_size=5)


def story(played: Played) -> Any:
    """Everything asked, done and recorded, but for the times."""
    return (
        [(r.prompt.digest, r.sampling, r.constraint, r.rng_key) for r in played.requests],
        [replace(e, start=0.0, duration=0.0, completion=_said(e.completion)) for e in played.recorder.events],
        played.answer,
        played.desk.state,
    )


def _said(completion: Any) -> Any:
    return None if completion is None else (completion.text, completion.usage)


# --- taking back


@quick
@given(scripts, stacks, budgets)
def test_what_is_taken_back_is_as_it_was_whatever_stands_around(
    script: list[str], stack: list[str], budget: Budget
) -> None:
    """History, the tokens of its prompt, and the world: after a cut and a restore they are what they were."""
    TakeBack.seen, TakeBack.desk = [], Remembering()
    play(script, [*stack, "probe_layers:TakeBack"], budget=budget, advice=ADVICE, desk=TakeBack.desk)
    assert TakeBack.seen
    for before, after in TakeBack.seen:
        assert after.messages == before.messages
        assert after.world == before.world
        if after.tools == before.tools:  # a layer may offer others meanwhile: the prompt is then another
            assert after.tokens == before.tokens


def test_the_law_above_can_fail() -> None:
    """Rewind's note goes to the message before the checkpoint: a layer that stands outside it would see it stay."""
    TakeBack.seen, TakeBack.desk = [], Remembering()
    play([MISSING, "Done."], ["probe_layers:TakeBack", "rewind"], desk=TakeBack.desk)
    assert any(after.messages != before.messages for before, after in TakeBack.seen)


# --- order


def ports(name: str) -> set[str]:
    return {port for port in PORTS if overrides(LAYERS[name].layer, port)}


@quick
@given(scripts, stacks.filter(lambda stack: len(stack) > 1), st.integers(0, 3), st.sampled_from([0, 600]))
def test_neighbours_that_share_no_port_may_be_swapped(script: list[str], stack: list[str], at: int, n_ctx: int) -> None:
    """Each port has its own chain, so the order between layers of different ports is no order at all."""
    at %= len(stack) - 1
    assume(not ports(stack[at]) & ports(stack[at + 1]))
    swapped = [*stack[:at], stack[at + 1], stack[at], *stack[at + 2 :]]
    first, second = (play(script, layers, n_ctx=n_ctx, advice=ADVICE) for layers in (stack, swapped))
    assert story(first) == story(second)


# --- signing


@pytest.mark.parametrize("name", layer_names())
def test_a_layer_signs_what_it_does_with_its_own_name(name: str) -> None:
    """Interventions, and the replies and executions they cost, are the layer's or the agent's: nobody else's."""
    for script in (TROUBLE, [MISSING, "Done."], [BROKEN] * 4, [SHIP, SHIP, "Done."]):
        played = play(script, [name], advice=ADVICE)
        assert {e.layer for e in played.recorder.events} <= {"", name}
        assert {e.layer for e in played.of(EventKind.LAYER)} <= {name}


@quick
@given(scripts, stacks)
def test_in_a_stack_everything_is_signed_by_one_of_its_layers(script: list[str], stack: list[str]) -> None:
    played = play(script, stack, advice=ADVICE)
    assert {e.layer for e in played.recorder.events} <= {"", *stack}


# --- not peeking


@pytest.mark.parametrize("name", layer_names())
def test_no_layer_reaches_the_oracle_or_the_goal_check_of_a_real_task(name: str) -> None:
    """Walks from the trial and from the layer itself, through closures and private attributes."""
    task = load_suite("orders", seed=3, n=1).tasks[0]
    Spy.seen = None
    harness = Harness.parse("x", [name, "harness_again:Spy"])
    engine = ScriptedEngine(lambda request: "Done." if len(request.prompt.messages) > 4 else GET)
    world = task.environment(3, 0)
    asyncio.run(run_trial(task.view, world, None, engine, harness, Sampling(), ListRecorder(), 1))
    assert Spy.seen is not None
    for thing in reachable(Spy.seen):
        assert not isinstance(thing, Task)
        assert not hasattr(thing, "oracle"), type(thing)
        assert not (hasattr(thing, "check") and hasattr(thing, "view")), type(thing)


def reachable(root: Any) -> list[Any]:
    """Objects that hold data; modules, classes and functions' globals lead everywhere and are no path of a layer's."""
    stop = (type, python_types.ModuleType, python_types.CodeType, python_types.BuiltinFunctionType)
    seen: dict[int, Any] = {}
    todo = [root]
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, stop):
            continue
        seen[id(thing)] = thing
        if isinstance(thing, python_types.FunctionType):
            todo += [cell.cell_contents for cell in thing.__closure__ or () if cell.cell_contents is not None]
        else:
            todo += gc.get_referents(thing)
    return list(seen.values())


FORBIDDEN = {"oracle", "oracle_answer", "check", "base"}


def test_nothing_a_layer_is_given_has_an_oracle_by_type() -> None:
    for given_to_layers in (Trial, TaskView, Advice):
        assert not FORBIDDEN & set(dir(given_to_layers))
        assert not FORBIDDEN & set(getattr(given_to_layers, "__annotations__", ()))
    assert set(dir(Task)) >= FORBIDDEN


def test_no_file_of_the_room_names_what_it_may_not_read() -> None:
    for path in Path(harnesslab.harness.__file__).parent.rglob("*.py"):
        read = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        assert not read & (FORBIDDEN - {"base"}), path
