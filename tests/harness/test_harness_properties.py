"""What holds for random replies and random stacks of layers."""

from __future__ import annotations

import gc
import types as python_types
from typing import Any

import numpy as np
from harness_again import Spy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_desk import BROKEN, GET, TOOLBOX, ToyDesk, call, play

from harnesslab.harness.registry import layer_names
from harnesslab.harness.schemas import fits, problems
from harnesslab.suites.registry import load_suite
from harnesslab.trace.recorder import LayerTable, TrialRecorder
from harnesslab.types import Budget, EndReason, EventFlag, EventKind, Request, Task
from harnesslab_kernels import events as codes

values = st.one_of(
    st.sampled_from(["O-1", "O-2", "O-9", "x", "normal", "express", 1, 0, -3, 2.0, 1.5, True, None, [], {}, ["O-1"]]),
    st.text(max_size=4),
)
names = st.sampled_from([*TOOLBOX.names, "nothing", ""])
arguments = st.dictionaries(st.sampled_from(["order_id", "speed", "parcels", "order", "x"]), values, max_size=4)
calls = st.builds(lambda name, args: call(name, **args), names, arguments)
sensible = st.sampled_from(
    [GET, call("get_order", order_id="O-9"), call("flaky"), call("ship_order", order_id="O-2", speed="express")]
)
loose = '```json\n{"tool": "get_order", "args": {"order_id": "O-2"}}\n```'
texts = st.sampled_from(["Done.", "", BROKEN, "<tool_call>", loose])
replies = st.one_of(calls, sensible, texts, st.lists(st.one_of(calls, sensible), min_size=2, max_size=3).map("".join))
scripts = st.lists(replies, min_size=1, max_size=8)
layers = st.lists(
    st.sampled_from(
        [
            # best-of-n spends n budgets, router lets unknown tools join: test_stack_properties has both
            *(name for name in layer_names() if name not in ("best-of-n", "router")),
            *({"name": "rewind", "world": "all"}, {"name": "retry", "budget": 1}, {"name": "compact", "budget": 320}),
            *({"name": "constrain", "text": "first"}, {"name": "breaker", "repeats": 1, "no_progress": 1}),
            {"name": "prerequisites", "rules": [{"tool": "ship_order", "needs": "get_order"}]},
        ]
    ),
    max_size=4,
)
budgets = st.builds(Budget, turns=st.integers(1, 10), tokens=st.sampled_from([0, 0, 900, 4000]))
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(scripts, layers, budgets, st.sampled_from([0, 350, 600]))
def test_terminates_within_budget_and_the_books_add_up(
    script: list[str], stack: list[Any], budget: Budget, n_ctx: int
) -> None:
    played = play(script, stack, budget=budget, n_ctx=n_ctx)
    assert not n_ctx or all(
        e.completion.usage.generated + e.completion.usage.prompt <= n_ctx
        for e in played.of(EventKind.REPLY)
        if e.completion.text
    )
    replied = played.of(EventKind.REPLY)
    assert len(replied) <= budget.turns
    asked = [e.completion.usage.prompt for e in replied if not n_ctx or e.completion.usage.prompt < n_ctx]
    assert asked == [r.prompt.n_tokens for r in played.requests]  # nobody is asked where the prompt does not fit
    spent = played.spent
    assert not budget.tokens or spent.prompt + spent.generated <= budget.tokens
    assert len(played.of(EventKind.END)) == 1
    assert played.recorder.events[-1].kind is EventKind.END
    reached = len(played.desk.log)
    assert len(played.of(EventKind.EXEC)) == reached
    assert sum(e.has(EventFlag.REACHED) for e in played.of(EventKind.CALL)) == reached
    turns = [e.turn for e in played.recorder.events]
    assert turns == sorted(turns)


@quick
@given(scripts, layers.map(lambda stack: [*stack, "validate"]), st.randoms(use_true_random=False))
def test_with_validate_on_an_invalid_call_never_reaches_a_tool(script: list[str], stack: list[Any], rng: Any) -> None:
    rng.shuffle(stack)
    played = play(script, stack)
    for ran, _ in played.desk.log:
        tool = TOOLBOX.get(ran.name)
        assert tool is not None
        assert fits(tool, ran.arguments)
    for event in played.of(EventKind.CALL):
        if not event.has(EventFlag.SCHEMA_VALID):
            assert not event.has(EventFlag.REACHED)


def test_the_property_above_can_fail() -> None:
    played = play([call("get_order", x=1), "Done."])
    assert played.of(EventKind.CALL)[0].has(EventFlag.REACHED)


@quick
@given(names, arguments)
def test_problems_are_found_exactly_where_a_call_does_not_fit(name: str, args: dict[str, Any]) -> None:
    tool = TOOLBOX.get(name)
    if tool is not None:
        assert bool(problems(tool, args)) is not fits(tool, args)


@quick
@given(scripts, st.sampled_from(["safe", "all"]))
def test_rewind_puts_world_and_history_back_exactly(script: list[str], world: str) -> None:
    """A redraw sees the checkpoint's messages, a note added to the last, and the checkpoint's world."""
    desk = ToyDesk()
    digests: list[int] = []

    def reply(_: Request) -> str:
        digests.append(desk.digest())
        return script[min(len(digests), len(script)) - 1]

    played = play(reply, [{"name": "rewind", "world": world}], desk=desk)
    for event in played.of(EventKind.LAYER):
        redrawn = event.turn  # turns are numbered from 1, replies from 0, and every turn has one reply
        if event.payload["kept"] or redrawn >= len(played.requests):
            continue
        before, after = (played.requests[i].prompt.messages for i in (redrawn - 1, redrawn))
        assert len(after) == len(before)
        assert after[:-1] == before[:-1]
        assert "(Note: " in after[-1].content
        assert digests[redrawn] == digests[redrawn - 1]


@quick
@given(scripts)
def test_rewind_in_world_safe_never_takes_a_write_back(script: list[str]) -> None:
    played = play(script, ["rewind"])
    for ran, result in played.desk.log:
        if result.wrote:
            assert played.desk.state[str(ran.arguments["order_id"])] == "shipped"


def test_a_layer_that_never_stops_is_stopped_by_the_budget() -> None:
    assert play([GET], ["harness_again:Hunger"], budget=Budget(turns=5)).answer.reason is EndReason.TURNS


def test_a_layer_has_no_path_to_oracle_or_goal_check() -> None:
    """Everything reachable from what a layer is given, private attributes and closures included."""
    Spy.seen = None
    play([GET, "Done."], ["harness_again:Spy"])
    assert Spy.seen is not None
    assert not isinstance(Spy.seen, Task)
    for thing in _reachable(Spy.seen):
        assert not hasattr(thing, "oracle"), type(thing)
        assert not (hasattr(thing, "check") and hasattr(thing, "view")), type(thing)


def test_a_real_suites_world_leads_to_no_oracle_either() -> None:
    task = load_suite("orders", seed=3, n=6).tasks[-1]
    for thing in _reachable(task.environment(3, 0)):
        assert not hasattr(thing, "oracle"), type(thing)
        assert not (hasattr(thing, "check") and hasattr(thing, "view")), type(thing)


def test_the_walk_above_would_find_an_oracle() -> None:
    class Leaky(ToyDesk):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = [python_types.SimpleNamespace(oracle=())]

    play([GET, "Done."], ["harness_again:Spy"], desk=Leaky())
    assert any(hasattr(thing, "oracle") for thing in _reachable(Spy.seen))


def _reachable(root: Any) -> list[Any]:
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


@quick
@given(scripts, layers)
def test_packed_records_add_up_to_the_same_totals(script: list[str], stack: list[Any]) -> None:
    """The recorder of the trace room gets what the list gets: tokens of all REPLY records are the trial's totals."""
    played = play(script, stack)
    recorder = TrialRecorder(LayerTable())
    for event in played.recorder.events:
        fields = {name: getattr(event, name) for name in event.__dataclass_fields__}
        recorder.event(**fields)
    packed = np.frombuffer(recorder.finish(())[0], dtype=codes.EVENT)
    replied = packed[packed["kind"] == codes.REPLY]
    spent = played.spent
    assert (replied["prompt"].sum(), replied["generated"].sum()) == (spent.prompt, spent.generated)
    others = packed[packed["kind"] != codes.REPLY]
    assert not others["prompt"].any()
    assert not others["generated"].any()
