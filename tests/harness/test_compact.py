"""What `compact` leaves out, in which order, and what it never touches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_harness_properties import scripts
from toy_desk import BROKEN, GET, TOOLBOX, Chatty, Played, ToyDesk, call, play

from harnesslab.harness.layers.compact import ELIDED, Omission, omissions, without
from harnesslab.types import ActionResult, Budget, EndReason, EventKind, Message, Sampling, Status, ToolCall

MISSING = call("get_order", order_id="O-9")
SHIP = call("ship_order", order_id="O-1", speed="normal")
SHORT = Sampling(max_tokens=40)
TURNS = Budget(turns=10)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Wordy(ToyDesk):
    """A desk whose orders come with a long note."""

    def call(self, call: ToolCall) -> ActionResult:
        result = super().call(call)
        if call.name == "get_order" and result.ok:
            return ActionResult(Status.OK, result.content + " note" * 60)
        return result


def long(replies: Any, *layers: Any, n_ctx: int = 700, **options: Any) -> Played:
    options = {"budget": TURNS, "sampling": SHORT, "desk": Wordy(), "n_ctx": n_ctx, **options}
    return play(replies, layers, **options)


def left_out(played: Played) -> list[list[str]]:
    return [e.payload["left_out"] for e in played.of(EventKind.LAYER) if "left_out" in e.payload]


# --- what goes first


def history(*turns: str) -> list[Message]:
    """A system prompt, a task, and one turn per word: look, fail, unread, empty, ship, mixed, say."""
    messages = [Message("system", "You run the desk."), Message("user", "Ship O-1.")]
    get, ship = ToolCall("get_order", {"order_id": "O-1"}), ToolCall("ship_order", {"order_id": "O-1"})
    for i, turn in enumerate(turns):
        first, second = f"a{i}", f"b{i}"
        shown = "the order and its long note"
        messages += {
            "look": [_said(get, first), _answered(shown, first)],
            "fail": [_said(get, first), _answered("Error: no order", first)],
            "unread": [Message("assistant", BROKEN), _answered("Error: the tool call could not be read", "")],
            "empty": [Message("assistant", ""), Message("user", "Error: the reply was empty.")],
            "ship": [_said(ship, first), _answered("O-1 shipped and on its way", first)],
            "mixed": [
                Message("assistant", "", (_with(get, first), _with(ship, second))),
                _answered(shown, first),
                _answered("Error: shipped already", second),
            ],
            "say": [Message("assistant", "Which one?"), Message("user", "The first.")],
        }[turn]
    return messages


def _with(call: ToolCall, id: str) -> ToolCall:
    return ToolCall(call.name, call.arguments, id)


def _said(call: ToolCall, id: str) -> Message:
    return Message("assistant", "", (_with(call, id),))


def _answered(content: str, id: str) -> Message:
    return Message("tool", content, tool_call_id=id)


def kinds(messages: Sequence[Message]) -> list[tuple[str, int]]:
    return [(o.what.partition(":")[0], o.start) for o in omissions(messages, TOOLBOX)]


def test_results_go_first_then_failures_then_look_ups_then_writes_each_oldest_first() -> None:
    messages = history("ship", "look", "fail", "mixed", "unread", "look", "empty", "say", "look")
    assert kinds(messages) == [
        ("result", 5), ("result", 9), ("result", 14),
        ("failed turn", 6), ("failed turn", 11), ("failed turn", 15),
        ("look-ups", 4), ("look-ups", 13),
        ("writes", 2), ("writes", 8),
    ]  # fmt: skip


def test_what_is_never_left_out() -> None:
    assert kinds(history("say", "say", "look")) == []
    assert kinds(history("look")) == []
    assert kinds([Message("user", "Hello.")]) == []
    messages = history("look", "say", "ship", "look")
    everything = list(omissions(messages, TOOLBOX))
    assert without(messages, everything) == (*messages[:2], *messages[4:6], *messages[8:])


@quick
@given(st.lists(st.sampled_from(["look", "fail", "unread", "empty", "ship", "mixed", "say"]), max_size=9), st.data())
def test_no_answer_ever_stands_without_its_call(turns: list[str], data: st.DataObject) -> None:
    messages = history(*turns)
    order = list(omissions(messages, TOOLBOX))
    out: list[Omission] = order[: data.draw(st.integers(0, len(order)))]
    sent = without(messages, out)
    open_calls: list[str] = []
    for message in sent:
        if message.role == "assistant":
            assert not open_calls
            open_calls = [c.id for c in message.tool_calls]
        elif message.role == "tool" and message.tool_call_id:
            assert message.tool_call_id in open_calls
            open_calls.remove(message.tool_call_id)
    assert not open_calls
    assert sent[:2] == tuple(messages[:2])
    assert sum(len(m.content) for m in sent) <= sum(len(m.content) for m in messages)


# --- in a trial


def test_loop_overflows_where_compact_goes_on() -> None:
    loop, compacted = long([GET]), long([GET], "compact")
    assert loop.answer.reason is EndReason.OVERFLOW
    assert loop.of(EventKind.REPLY)[-1].status is Status.OVERFLOW
    assert compacted.answer.reason is EndReason.TURNS
    assert all(r.prompt.n_tokens + 40 <= 700 for r in compacted.requests)
    assert any(ELIDED in r.prompt.text for r in compacted.requests)


def test_the_trace_says_what_was_left_out_and_what_it_saved() -> None:
    played = long([GET], "compact")
    events = played.of(EventKind.LAYER)
    assert [e.layer for e in events] == ["compact"] * len(events)
    assert events[0].payload["cause"] == "over budget"
    assert events[0].payload["left_out"] == ['result: get_order({"order_id":"O-1"})']
    whole = long([GET], n_ctx=0)
    for event in events:
        full = whole.requests[event.turn - 1].prompt.n_tokens
        sent = played.requests[event.turn - 1].prompt.n_tokens
        assert (event.payload["saved"], event.payload["prompt"]) == (full - sent, sent)
    assert {e.layer for e in played.of(EventKind.REPLY)} == {""}  # none was asked on its account


def test_below_the_budget_nothing_changes() -> None:
    script = [GET, MISSING, SHIP, "Done."]
    with_it, without_it = long(script, "compact", n_ctx=4000), long(script, n_ctx=4000)
    assert [r.rng_key for r in with_it.requests] == [r.rng_key for r in without_it.requests]
    assert not with_it.of(EventKind.LAYER)


def test_a_budget_of_its_own_is_kept_within_the_context() -> None:
    tight = long([GET], {"name": "compact", "budget": 500}, n_ctx=4000)
    assert all(r.prompt.n_tokens + 40 <= 500 for r in tight.requests)
    assert left_out(tight)
    wide = long([GET], {"name": "compact", "budget": 9000})
    assert wide.answer.reason is EndReason.TURNS


def test_an_unknown_context_is_said_once_and_nothing_is_left_out() -> None:
    played = long([GET], "compact", n_ctx=0)
    (event,) = played.of(EventKind.LAYER)
    assert "not known" in event.payload["cause"]
    assert {e.layer for e in played.of(EventKind.REPLY)} == {""}
    bounded = long([GET], {"name": "compact", "budget": 500}, n_ctx=0)
    assert all(r.prompt.n_tokens + 40 <= 500 for r in bounded.requests)


def test_where_all_is_left_out_the_request_goes_on_and_says_so() -> None:
    played = long([GET], "compact", n_ctx=270)
    last = played.of(EventKind.LAYER)[-1]
    assert "nothing more" in last.payload["cause"]
    assert played.answer.reason is EndReason.OVERFLOW


def test_a_reply_longer_than_half_the_context_does_not_empty_the_prompt() -> None:
    played = long([GET, "Done."], "compact", sampling=Sampling(max_tokens=5000), n_ctx=1200)
    assert not played.of(EventKind.LAYER)
    assert played.answer.reason is EndReason.ANSWERED


def test_history_is_whole_for_the_layers_around_it() -> None:
    """Rewind cuts and checkpoints what was said, not what was sent."""
    played = long([GET, GET, GET, MISSING, GET, "Done."], "rewind", "compact", n_ctx=500)
    assert left_out(played)
    assert played.answer.reason is EndReason.ANSWERED
    assert not any("O-9" in str(c.arguments) for m in played.requests[-1].prompt.messages for c in m.tool_calls)


def test_what_a_user_said_is_kept() -> None:
    user = Chatty("And O-2?", "And O-3?", "Thanks.")
    played = long([GET, "It is open.", GET, "So is that.", GET, "Yes.", "Bye."], "compact", user=user, n_ctx=470)
    assert left_out(played)
    said = [m.content for m in played.requests[-1].prompt.messages if m.role == "user"]
    assert said == ["Ship O-1.", "And O-2?", "And O-3?", "Thanks."]


@quick
@given(scripts, st.integers(300, 900), st.sampled_from([0, 350, 500]), st.integers(8, 120))
def test_a_request_is_within_the_budget_or_nothing_more_could_be_left_out(
    script: list[str], n_ctx: int, budget: int, max_tokens: int
) -> None:
    played = long(script, {"name": "compact", "budget": budget}, n_ctx=n_ctx, sampling=Sampling(max_tokens=max_tokens))
    limit = min(filter(None, (budget, n_ctx)))
    most = limit - min(max_tokens, limit // 2)
    said = {e.turn: e.payload for e in played.of(EventKind.LAYER)}
    for reply in played.of(EventKind.REPLY):
        if reply.completion.usage.prompt > most:
            assert "nothing more" in said[reply.turn]["cause"]
    assert len(played.of(EventKind.REPLY)) <= TURNS.turns


@pytest.mark.parametrize("n_ctx", [420, 500])
def test_a_reply_that_does_not_fit_is_an_overflow_on_the_trace(n_ctx: int) -> None:
    played = play(["word " * 400], n_ctx=n_ctx, sampling=Sampling(max_tokens=400))
    (reply,) = played.of(EventKind.REPLY)
    assert reply.status is Status.OVERFLOW
    usage = reply.completion.usage
    assert usage.generated > 0
    assert usage.prompt + usage.generated == n_ctx
    assert played.answer.reason is EndReason.OVERFLOW
    (end,) = played.of(EventKind.END)
    assert (end.status, end.payload["reason"], end.payload["n_ctx"]) == (Status.OVERFLOW, "overflow", n_ctx)
