"""A trial's events survive packing, and the oracle match is a multiset match."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnesslab.errors import UserError
from harnesslab.trace.events import dumps, loads, unpack_events, unpack_payloads
from harnesslab.trace.recorder import LayerTable, TrialRecorder
from harnesslab.types import (
    ActionResult,
    Completion,
    EventFlag,
    EventKind,
    ParseError,
    ParseErrorKind,
    Status,
    ToolCall,
    Usage,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_events_and_payloads_come_back_as_recorded() -> None:
    layers = LayerTable()
    recorder = TrialRecorder(layers)
    call = ToolCall("get_order", {"order_id": "O1"})
    said = Completion("text", "text", usage=Usage(100, 60, 20, 5, 3), memo=True)
    recorder.event(EventKind.REPLY, turn=1, completion=said, start=0.5, duration=0.25)
    recorder.event(EventKind.LAYER, turn=1, layer="retry", payload={"cause": "tool-error"})
    recorder.event(
        EventKind.CALL,
        turn=1,
        status=Status.TOOL_ERROR,
        flags=EventFlag.KNOWN_TOOL,
        call=call,
        result=ActionResult(Status.TOOL_ERROR, "Error: no", expected="an id", actual="O1"),
    )
    packed, text = recorder.finish([call])
    events, payloads = unpack_events(packed), unpack_payloads(text)

    reply, layer, action = events
    assert [reply[k] for k in ("prompt", "cached", "generated", "reasoning", "forced")] == [100, 60, 20, 5, 3]
    assert reply["flags"] == EventFlag.MEMO
    assert (reply["start"], reply["duration"]) == (0.5, 0.25)
    assert list(layers)[layer["layer"]] == "retry"
    assert (action["action"], action["tool"], action["oracle"]) == (call.key, call.tool_key, 0)
    assert action["result"] != 0
    assert reply["oracle"] == layer["oracle"] == -1
    assert payloads[0]["text"] == "text"
    assert payloads[1] == {"cause": "tool-error"}
    assert payloads[2]["arguments"] == {"order_id": "O1"}
    assert (payloads[2]["result"], payloads[2]["expected"], payloads[2]["actual"]) == ("Error: no", "an id", "O1")


def test_a_parse_error_is_kept_for_people() -> None:
    recorder = TrialRecorder(LayerTable())
    error = ParseError(ParseErrorKind.NOT_JSON, "The body is not JSON.", "{{")
    recorder.event(EventKind.REPLY, turn=1, completion=Completion("{{", "", parse_error=error))
    assert unpack_payloads(recorder.finish([])[1])[0]["parse_error"] == {
        "kind": "not-json",
        "message": "The body is not JSON.",
    }


CALLS = st.builds(ToolCall, st.sampled_from("ab"), st.fixed_dictionaries({"x": st.integers(0, 1)}))


@given(emitted=st.lists(CALLS, max_size=8), oracle=st.lists(CALLS, max_size=8))
def test_oracle_match_is_the_multiset_intersection(emitted: list[ToolCall], oracle: list[ToolCall]) -> None:
    recorder = TrialRecorder(LayerTable())
    for call in emitted:
        recorder.event(EventKind.CALL, turn=1, call=call)
        recorder.event(EventKind.EXEC, turn=1, call=call)
        recorder.event(EventKind.CALL, turn=1, call=call, branch=1)
    events = unpack_events(recorder.finish(oracle)[0])
    matched = [int(i) for i in events["oracle"] if i >= 0]

    both = Counter(c.key for c in emitted) & Counter(c.key for c in oracle)
    assert len(matched) == len(set(matched)) == both.total()
    for event in events[events["oracle"] >= 0]:
        assert event["kind"] == EventKind.CALL
        assert event["branch"] == 0
        assert oracle[event["oracle"]].key == event["action"]


@given(value=JSON)
def test_json_comes_back(value: object) -> None:
    assert loads(dumps(value)) == value


def test_what_only_models_say_survives() -> None:
    said = {"surrogate": "\ud800", "huge": 10**40, "set": {"b", "a"}}
    assert loads(dumps(said)) == {"surrogate": "\ud800", "huge": 10**40, "set": ["a", "b"]}
    assert ToolCall("t", {"x": "\ud800"}).key != ToolCall("t", {"x": "\ud801"}).key


def test_damaged_blobs_are_one_line() -> None:
    with pytest.raises(UserError, match="damaged"):
        unpack_events(b"x" * 65)
    with pytest.raises(UserError, match="damaged"):
        unpack_payloads(b"nonsense")


def test_layer_positions_never_move() -> None:
    table = LayerTable(("", "retry"))
    assert table.index("validate") == 2
    assert table.index("retry") == 1
    assert list(table) == ["", "retry", "validate"]
