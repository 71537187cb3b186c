"""Where failed trials of the order desk were lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.lab.sweeping import contents, sweep

from harnesslab.cli._steps import print_steps
from harnesslab.engine import dialects
from harnesslab.engine.scripted import ScriptedEngine
from harnesslab.harness.compose import Harness
from harnesslab.harness.loop import run_trial
from harnesslab.lab.attempt import graded
from harnesslab.lab.no_return import Lost, Point, Watched, point_of
from harnesslab.store.sqlite import Store
from harnesslab.suites.orders.suite import load
from harnesslab.suites.task import WorldTask
from harnesslab.trace.events import unpack_events
from harnesslab.trace.recorder import LayerTable, TrialRecorder
from harnesslab.types import Environment, Grade, Sampling, Task, ToolCall
from harnesslab_kernels.events import CALL, EXEC, REPLY

WRITE = dialects.get("hermes").format_call


def task_of(base: str) -> Task:
    return next(task for task in load(seed=1).tasks if task.base == base)


def lose(task: Task, said: Sequence[str | ToolCall], layers: Sequence[Any] = ()) -> tuple[Point, str]:
    """Runs a trial in which a model says these replies one after the other, which must fail.

    Returns:
        Where it was lost, and the event there: the second reply is "reply 2", a call that ran in turn 3 "exec 3".
    """
    replies = iter(said)

    def policy(request: object) -> str:
        reply = next(replies)
        return reply if isinstance(reply, str) else WRITE(reply)

    environment, recorder = task.environment(0, 0), TrialRecorder(LayerTable())
    watched = Watched(environment)
    assert isinstance(watched, Environment)
    harness = Harness.parse("test", list(layers))
    run = run_trial(task.view, watched, None, ScriptedEngine(policy), harness, Sampling(), recorder, 1, 0)
    answer = asyncio.run(run)
    assert not (graded(task, environment, watched, answer)[0].passed and answer.reason == "answered")
    events = unpack_events(recorder.finish(task.oracle)[0])
    point = point_of(task, watched, events, answer)
    event = events[point.event]
    if event["kind"] == REPLY:
        return point, f"reply {int((events['kind'][: point.event + 1] == REPLY).sum())}"
    return point, {EXEC: "exec", CALL: "call"}.get(int(event["kind"]), "end") + f" {event['turn']}"


def test_an_oracle_may_be_followed_late_and_by_other_ways() -> None:
    """A wrong quantity in the right order can still be mended; that it was not is a stall, not a point of no return."""
    task = task_of("set-quantity")
    (right,) = task.oracle
    wrong = ToolCall(right.name, {**right.arguments, "quantity": 1})
    assert lose(task, [wrong, "Done."]) == (Point(Lost.STALL, 0), "reply 1")


def test_a_write_to_another_row_is_a_point_of_no_return() -> None:
    task, other = task_of("set-quantity"), task_of("change-city")
    (right,), (stray,) = task.oracle, other.oracle
    point, event = lose(task, [right, stray, "Done."])
    assert (point.lost, event) == (Lost.NO_RETURN, "exec 2")
    point, event = lose(task, [stray, right, "Done."])
    assert (point.lost, event) == (Lost.NO_RETURN, "exec 1")


def test_the_same_money_paid_twice_is_lost_the_second_time() -> None:
    task = task_of("return-standard")
    *before, refund = task.oracle
    part = ToolCall("refund", {**refund.arguments, "amount": 3})
    point, event = lose(task, [*before, refund, part, "Done."])
    assert (point.lost, event) == (Lost.NO_RETURN, "exec 6")


def test_what_the_tool_reads_as_the_same_is_the_same() -> None:
    """ "45" is 45 to the tool; the oracle's refund must not be made a second time when it goes on from there."""
    task = task_of("refund-all")
    look, refund = task.oracle
    as_text = ToolCall("refund", {**refund.arguments, "amount": str(refund.arguments["amount"])})
    stray = task_of("change-city").oracle[0]
    point, event = lose(task, [look, as_text, stray, "Done."])
    assert (point.lost, event) == (Lost.NO_RETURN, "exec 3")


def test_a_wrong_statement_after_right_work_is_an_answer() -> None:
    task = task_of("stock-count")
    point, event = lose(task, [*task.oracle, "There are 7."])
    assert (point.lost, event) == (Lost.ANSWER, "reply 2")


def test_an_answer_without_a_look_up_is_a_stall() -> None:
    task = task_of("stock-count")
    point, event = lose(task, [task.oracle_answer])
    assert (point.lost, event) == (Lost.STALL, "reply 1")


def test_work_that_stops_half_way_is_a_stall_after_the_last_oracle_call() -> None:
    task = task_of("return-gold")
    point, event = lose(task, [*task.oracle[:3], ToolCall("get_order", {"order_id": "O1"}), "I am done."])
    assert (point.lost, event) == (Lost.STALL, "reply 4")


def test_all_done_and_nothing_said_until_the_turns_are_out_is_a_stall() -> None:
    task = task_of("cancel-order")
    point, event = lose(task, [*task.oracle, *(ToolCall("get_item", {"item": "mug"}) for _ in range(5))])
    assert (point.lost, event) == (Lost.STALL, "reply 2")


def test_a_write_that_a_rewind_took_back_is_no_point_of_no_return() -> None:
    """In world "all" the stray write leaves with its turn, since the call after it failed."""
    task = task_of("stock-count")
    stray = WRITE(task_of("change-city").oracle[0]) + WRITE(ToolCall("get_item", {"item": "no such thing"}))
    said = [stray, *task.oracle, "There are 7."]
    assert lose(task, said)[0].lost is Lost.NO_RETURN
    all_of_it = {"name": "rewind", "world": "all"}
    assert lose(task, said, [all_of_it])[0].lost is Lost.ANSWER


def test_a_write_before_what_had_to_be_looked_up_is_a_point_of_no_return() -> None:
    """Where the check asks for an order of calls, the log up to the write decides."""

    class FirstLook(WorldTask):
        def check(self, environment: Environment, answer: str) -> Grade:
            grade = WorldTask.check(self, environment, answer)
            names = [call.name for call, _ in environment.log]
            right = "refund" not in names or "get_payment" in names[: names.index("refund")]
            return grade if right else Grade(False, ("refunded unseen",))

    plain = task_of("refund-all")
    task = FirstLook(*(getattr(plain, name) for name in WorldTask.__dataclass_fields__))
    look, refund = task.oracle
    point, event = lose(task, [refund, look, "Done."])
    assert (point.lost, event) == (Lost.NO_RETURN, "exec 1")
    assert lose(task, [look, "Done."])[0].lost is Lost.STALL


def test_of_several_attempts_the_chosen_one_was_lost() -> None:
    """The first attempt spoils the world and ends in a failed call; the second says the wrong thing, and is chosen."""
    task = task_of("stock-count")
    spoilt = [*task_of("change-city").oracle, ToolCall("get_item", {"item": "nothing"}), "There are 7."]
    best = [{"name": "best-of-n", "n": 2}]
    point, event = lose(task, [*spoilt, *task.oracle, "There are 8."], best)
    assert (point.lost, event) == (Lost.ANSWER, "reply 5")
    point, event = lose(task, [*spoilt, "There are 8."], best)
    assert (point.lost, event) == (Lost.STALL, "reply 4")
    point, event = lose(task, [ToolCall("get_item", {"item": "nothing"}), "There are 7.", *spoilt[:1], "Eight."], best)
    assert (point.lost, event) == (Lost.NO_RETURN, "exec 3"), "the second attempt is the cleaner one"


def test_a_sweep_stores_the_point_and_trace_shows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep(tmp_path)
    lost: dict[str, str] = {}
    for id, (*_, facts, events, _) in contents(tmp_path).items():
        assert isinstance(facts, dict)
        if point := facts.get("point"):
            assert 0 <= point["event"] < len(events[0])  # type: ignore[index]
            lost.setdefault(point["lost"], id)
    assert set(lost) >= {"stall"}
    with Store.open(tmp_path, readonly=True) as store:
        for kind, id in lost.items():
            print_steps(store.trial(id), store.layers())
            out = capsys.readouterr().out
            assert out.count(">>> ") == 1
            assert f">>> {'point of no return' if kind == 'no return' else kind}: " in out
            assert max(map(len, out.splitlines())) <= 80
