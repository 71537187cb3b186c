"""`rescue`: near-miss calls are read, and nothing else is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from toy_desk import BROKEN, GET, TOOLBOX, Played, call, play

from harnesslab.engine import dialects
from harnesslab.harness.near_miss import near_misses
from harnesslab.types import EndReason, EventKind, Sampling, Status, ToolCall, ToolSpec

TOOLS = TOOLBOX.tools
ORDER = {"order_id": "O-1"}
FULL = {"order_id": "O-1", "speed": "normal", "parcels": 2}

# what a model wrote -> what was mended
GET_ORDER: dict[str, set[str]] = {
    '```json\n{"name": "get_order", "arguments": {"order_id": "O-1"}}\n```': {"notation"},
    'Let me see. {"name": "get_order", "arguments": {"order_id": "O-1"}}': {"notation"},
    '<tool_call>\n{"name": "get_order", "arguments": {"order_id": "O-1"}}': {"notation"},
    '{{"name": "get_order", "arguments": {"order_id": "O-1"}}}': {"doubled braces"},
    '{{"name": "get_order", "arguments": {{"order_id": "O-1"}}}}': {"doubled braces"},
    '<tool_call>{{"name": "get_order", "arguments": {"order_id": "O-1"}}</tool_call>': {
        "doubled braces",
        "missing brackets",
    },
    '{"name": "get_order", "arguments": {"order_id": "O-1"}}}': {"notation"},
    '{"name": "get_order", "arguments": {"order_id": "O-1"}': {"missing brackets"},
    '{"name": "get_order", "arguments": {"order_id": "O-1",},}': {"trailing comma"},
    "{'name': 'get_order', 'arguments': {'order_id': 'O-1'}}": {"single quotes"},
    '{name: "get_order", arguments: {order_id: "O-1"}}': {"keys without quotes"},
    '{"name": "get_order", "arguments": "{\\"order_id\\": \\"O-1\\"}"}': {"arguments as a string"},
    '{"name": "get_order", "args": {"order_id": "O-1"}}': {"args for arguments"},
    '{"tool": "get_order", "input": {"order_id": "O-1"}}': {"tool for name", "input for arguments"},
    '{"action": "get_order", "action_input": {"order_id": "O-1"}}': {
        "action for name",
        "action_input for arguments",
    },
    '{"type": "function", "function": {"name": "get_order", "arguments": {"order_id": "O-1"}}}': {"nested"},
    '{"tool_calls": [{"id": "1", "name": "get_order", "arguments": {"order_id": "O-1"}}]}': {"nested"},
    '{"get_order": {"order_id": "O-1"}}': {"name as key"},
    '{"name": "get_order", "order_id": "O-1"}': {"arguments beside the name"},
    '<function=get_order>{"order_id": "O-1"}</function>': {"notation"},
    "<function=get_order>\n<parameter=order_id>\nO-1\n</parameter>\n</function>": {"notation"},
    '<function_calls><invoke name="get_order"><parameter name="order_id">O-1</parameter></invoke></function_calls>': {
        "notation"
    },
    "<get_order><order_id>O-1</order_id></get_order>": {"notation"},
    '<get_order>{"order_id": "O-1"}</get_order>': {"notation"},
    "<tool_call>get_order\n<arg_key>order_id</arg_key>\n<arg_value>O-1</arg_value>\n</tool_call>": {"notation"},
    '[TOOL_CALLS]get_order[ARGS]{"order_id": "O-1"}': {"notation"},
    '[TOOL_CALLS][{"name": "get_order", "arguments": {"order_id": "O-1"}}]': {"notation"},
    '<|channel|>commentary to=functions.get_order <|constrain|>json<|message|>{"order_id": "O-1"}': {"notation"},
    '<|tool_call>call:get_order{order_id:<|"|>O-1<|"|>}<tool_call|>': {"keys without quotes"},
    "<start_function_call>call:get_order{order_id:<escape>O-1<escape>}<end_function_call>": {"keys without quotes"},
    'Thought: look.\nAction: get_order\nAction Input: {"order_id": "O-1"}': {"notation"},
    '```tool_code\nget_order(order_id="O-1")\n```': {"notation"},
    "[get_order(order_id='O-1')]": {"single quotes"},
    'get_order({"order_id": "O-1"})': {"notation"},
}

LEFT_ALONE = [
    "",
    "Done.",
    "Order O-1 is open {as I said}.",
    '{"id": "O-1", "state": "open"}',
    '{"name": "Ada Brown", "email": "ada@mail.com"}',
    '{"name": "get_orders", "arguments": {"order_id": "O-1"}}',  # no such tool
    '{"name": "Get_Order", "arguments": {"order_id": "O-1"}}',
    '{"name": "get_order"}',  # no arguments
    '{"arguments": {"order_id": "O-1"}}',  # no name
    '{"name": "get_order", "arguments": ["O-1"]}',
    '{"name": "get_order", "arguments": "O-1"}',
    '{"name": "get_order", "arguments": {"order_id": "O-1", "order_id": "O-2"}}',  # two readings
    '{"name": "get_order", "tool": "flaky", "arguments": {"order_id": "O-1"}}',
    '{"name": "get_order", "arguments": {"order_id": "O-1"}, "parameters": {"order_id": "O-2"}}',
    '{"name": "get_order", "arguments": {"order_id": "O-1"}, "order_id": "O-2"}',
    '{"name": "get_order", "arguments": {"order_id": "O-1',  # cut off inside a value
    '{"name": "ship_order", "arguments": {"order_id": "O-1", "parcels": 1',
    '{"name": "get_order", "arguments": {"order_id": "O-1" "x": 1}}',
    '{"name": "get_order", "arguments": {"order_id": 007}}',
    '{"name": "get_order", "arguments": {"order_id": NaN}}',
    '{"name": "get_order", "arguments": {"order_id": "\\ud800"}}',
    '{"name": "get_order", "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}}}',
    '{"get_order": {"id": "O-1", "state": "open"}}',  # a result
    'I called get_order(order_id="O-1") and it is open.',
    'get_order("O-1")',
    "<function=get_order><parameter=order_id>O-1</function>",
    "<function=get_order><parameter=order_id>O-1</parameter><parameter=order_id>O-2</parameter></function>",
    '{"name": "get_order", "arguments": {"order_id": "O-1"}}\n{"name": "nothing", "arguments": {}}',  # all or nothing
    '{"name": "get_order", "arguments": {"order_id": "O-1"}}\n{"name": "flaky", "arguments": {',
]


@pytest.mark.parametrize(("text", "repairs"), GET_ORDER.items())
def test_a_near_miss_is_read_and_what_was_mended_is_named(text: str, repairs: set[str]) -> None:
    found = near_misses(text, TOOLS)
    assert found is not None
    assert [(c.name, c.arguments) for c in found.calls] == [("get_order", ORDER)]
    assert set(found.repairs) == repairs
    assert not re.search(r"[{}<>\[\]`]", found.content)


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_has_no_reading_or_two_is_left_alone(text: str) -> None:
    assert near_misses(text, TOOLS) is None


def test_values_keep_their_types() -> None:
    for text in (
        "{'name': 'ship_order', 'arguments': {'order_id': 'O-1', 'speed': 'normal', 'parcels': 2}}",
        "<function=ship_order><parameter=order_id>O-1</parameter><parameter=speed>normal</parameter>"
        "<parameter=parcels>2</parameter></function>",
        "ship_order(order_id='O-1', speed='normal', parcels=2)",
    ):
        found = near_misses(text, TOOLS)
        assert found is not None
        assert found.calls[0].arguments == FULL
    python = near_misses("{'name': 'flaky', 'arguments': {'a': True, 'b': None, 'c': [1.5, 'it\\'s \"x\"']}}", TOOLS)
    assert python is not None
    assert python.calls[0].arguments == {"a": True, "b": None, "c": [1.5, 'it\'s "x"']}
    assert "Python literals" in python.repairs
    text = near_misses("<get_order><order_id>12</order_id></get_order>", TOOLS)
    assert text is not None
    assert text.calls[0].arguments == {"order_id": "12"}  # the schema says text


def test_a_reply_that_was_cut_is_not_closed_for_its_author() -> None:
    text = '{"name": "get_order", "arguments": {"order_id": "O-1"}'
    assert near_misses(text, TOOLS, ended=True) is not None
    assert near_misses(text, TOOLS, ended=False) is None


def test_calls_before_one_that_was_cut_off_are_taken_where_asked_for() -> None:
    whole = '{"name": "get_order", "arguments": {"order_id": "O-1"}}\n'
    following = '{"name": "ship_order", "arguments": {"order_id": "O-12", "speed": tr'
    for length in range(1, len(following) + 1):
        text = whole * 2 + following[:length]
        found = near_misses(text, TOOLS, ended=False, cut_off=True)
        assert found is not None
        assert [c.name for c in found.calls] == ["get_order"] * 2
        assert found.content == ""
        assert near_misses(text, TOOLS, ended=False) is None
    broken = '{"name": "ship_order" "arguments": {}} and'
    assert near_misses(whole + broken, TOOLS, ended=False, cut_off=True) is None
    assert near_misses(following, TOOLS, ended=False, cut_off=True) is None
    played = play([whole + following, "Done."], [{"name": "rescue", "cut_off": True}], sampling=Sampling(max_tokens=30))
    assert calls(played) == [("get_order", "rescue", Status.OK)]


def test_the_text_around_calls_stays() -> None:
    found = near_misses('First this:\n```json\n{"name": "flaky", "arguments": {}}\n```\nThen I answer.', TOOLS)
    assert found is not None
    assert found.content == "First this:\nThen I answer."


# --- the layer


FENCED = '```json\n{"name": "get_order", "arguments": {"order_id": "O-1"}}\n```'
LOOSE = '{"tool": "get_order", "args": {"order_id": "O-1"}}'  # no dialect takes it for an attempt


def calls(played: Played) -> list[tuple[str, str, Status]]:
    return [(e.call.name, e.layer, e.status) for e in played.of(EventKind.CALL) if e.call is not None]


def test_a_rescued_call_runs_and_is_the_layers_own_on_the_trace() -> None:
    played = play([FENCED, GET, "Done."], ["rescue"])
    assert calls(played) == [("get_order", "rescue", Status.OK), ("get_order", "", Status.OK)]
    assert played.of(EventKind.REPLY)[0].status is Status.UNPARSEABLE  # as emitted
    assert [e.layer for e in played.of(EventKind.REPLY)] == ["", "", ""]
    (event,) = played.of(EventKind.LAYER)
    assert event.payload["repairs"] == ["notation"]
    assert event.payload["calls"] == ["get_order"]
    said = played.requests[1].prompt.messages[2]
    assert (said.content, [c.arguments for c in said.tool_calls]) == ("", [ORDER])


def test_text_answers_are_looked_into_unless_told_not_to() -> None:
    assert calls(play([LOOSE, "Done."], ["rescue"])) == [("get_order", "rescue", Status.OK)]
    off = play([LOOSE, "Done."], [{"name": "rescue", "answers": False}])
    assert off.answer.text == LOOSE
    assert calls(play([FENCED, "Done."], [{"name": "rescue", "answers": False}])) != []


def test_every_call_of_a_rescued_reply_is_the_layers_even_where_another_layer_steps_in() -> None:
    two = FENCED.replace("order_id", "id") + FENCED
    played = play([two, "Done."], ["rescue", "validate"])
    assert [layer for _, layer, _ in calls(played)] == ["rescue", "rescue"]


def test_what_cannot_be_rescued_stays_an_error() -> None:
    played = play([BROKEN, "Done."], ["rescue"])
    assert not played.of(EventKind.LAYER)
    assert played.answer.reason is EndReason.ANSWERED
    assert "could not be read" in played.requests[1].prompt.messages[-1].content


def test_a_reply_cut_at_its_limit_is_not_completed() -> None:
    text = "```json\n" + '{"name": "get_order", "arguments": {"order_id": "O-1"}'
    played = play([text, "Done."], ["rescue"], sampling=Sampling(max_tokens=len(text) // 4))
    assert calls(played) == []


# --- properties

names = st.sampled_from([t.name for t in TOOLS])
leaves = st.one_of(
    st.text("abcüé 012'\"\\{}[](),:=\n", max_size=8), st.integers(-(10**9), 10**9), st.booleans(), st.none()
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=6,
)
arguments = st.dictionaries(st.sampled_from(["order_id", "speed", "x"]), values, max_size=3)
called = st.builds(ToolCall, names, arguments)


def in_json(one: ToolCall) -> str:
    return json.dumps({"name": one.name, "arguments": one.arguments})


def in_python(one: ToolCall) -> str:
    return repr({"name": one.name, "arguments": one.arguments})


WAYS: list[Callable[[ToolCall], str]] = [
    in_json,
    in_python,
    lambda one: f"```json\n{in_json(one)}\n```",
    lambda one: "{" + in_json(one) + "}",
    lambda one: in_json(one).replace('"arguments": ', '"parameters": ', 1),
    lambda one: json.dumps({"tool": one.name, "args": json.dumps(one.arguments)}),
    lambda one: json.dumps({"function": {"name": one.name, "arguments": one.arguments}}),
    lambda one: f"<function={one.name}>{json.dumps(one.arguments)}</function>",
    lambda one: f"{one.name}({json.dumps(one.arguments)})",
    *(dialects.get(name).format_call for name in ("hermes", "llama3", "mistral", "json", "functiongemma", "harmony")),
]


@given(called, st.sampled_from(WAYS))
@settings(max_examples=200, deadline=None)
def test_however_it_is_written_it_is_the_same_call(one: ToolCall, way: Callable[[ToolCall], str]) -> None:
    found = near_misses(way(one), TOOLS)
    assert found is not None
    assert [c.key for c in found.calls] == [one.key]
    assert found.content == ""


def scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from scalars(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from scalars(inner)
    else:
        yield value


pieces = st.sampled_from(
    [
        *('{"name": "get_order", ', '"arguments": ', '{"order_id": "O-1"}', "}", "{", "}}", "{{", "[", "]", ",", ":"),
        *('"', "'", "get_order", "flaky", "(", ")", "=", "order_id", "O-1", "12", "True", "null", "```json\n", "```"),
        *("<tool_call>", "</tool_call>", "<function=get_order>", "</function>", "<parameter=order_id>", "</parameter>"),
        *("[TOOL_CALLS]", "[ARGS]", "call:", "Action: get_order\nAction Input: ", " ", "\n", "\\", "\\u00e9", "tool"),
        *('<invoke name="flaky">', "</invoke>", "<arg_key>", "</arg_key>", "<get_order>", "</get_order>", "-1.5e3"),
    ]
)
noise = st.one_of(st.lists(pieces, max_size=14).map("".join), st.text(max_size=40))


@given(noise, st.booleans())
@example("`" * 3000 + "x", True)
@example("{" * 3000, True)
@example('{"a":' * 500 + "1", True)
@example("<get_order>" * 200, True)
@example("[" * 3000 + "get_order(", True)
@settings(max_examples=500, deadline=2000)
def test_it_never_raises_and_every_value_stands_in_the_text(text: str, ended: bool) -> None:
    found = near_misses(text, TOOLS, ended=ended)
    if found is None:
        return
    assert found.calls
    for one in found.calls:
        assert one.name in TOOLBOX.names
        json.dumps(one.arguments, allow_nan=False).encode()
        for value in scalars(one.arguments):
            assert stands_in(value, text), (value, text)


def stands_in(value: Any, text: str) -> bool:
    """As it is, or under the escapes of a string, or of a string in a string."""
    if value is None or isinstance(value, bool):
        return any(word in text for word in (str(value), json.dumps(value)))
    if isinstance(value, str):
        return value in text or value in unescaped(text) or value in unescaped(unescaped(text))
    return any(float(number) == value for number in re.findall(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", text))


def unescaped(text: str) -> str:
    plain = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
    return re.sub(
        r"\\(?:u([0-9a-fA-F]{4})|([ntrbf\"'/\\]))",
        lambda m: chr(int(m[1], 16)) if m[1] else plain.get(m[2], m[2]),
        text,
    )


@given(st.lists(st.one_of(called.map(lambda one: call(one.name, **one.arguments)), noise), max_size=3).map("".join))
@settings(max_examples=200, deadline=None)
def test_a_well_formed_reply_is_never_changed_and_rescuing_twice_is_rescuing_once(text: str) -> None:
    parsed = dialects.get("hermes").parse(text, TOOLS)
    once, twice = play([text, "Done."], ["rescue"]), play([text, "Done."], ["rescue", "rescue"])
    assert [r.prompt.digest for r in once.requests] == [r.prompt.digest for r in twice.requests]
    if parsed.tool_calls:
        bare = play([text, "Done."])
        assert [r.prompt.digest for r in once.requests] == [r.prompt.digest for r in bare.requests]
        assert not once.of(EventKind.LAYER)


def test_only_tools_that_were_offered_are_called() -> None:
    other = ToolSpec("cancel", "", {"type": "object", "properties": {}})
    assert near_misses('{"name": "get_order", "arguments": {"order_id": "O-1"}}', [other]) is None
    assert near_misses('{"name": "get_order", "arguments": {"order_id": "O-1"}}', []) is None


def test_a_key_that_is_also_an_argument_of_the_tool_has_two_readings() -> None:
    run = ToolSpec("run", "", {"type": "object", "properties": {"input": {"type": "object"}}})
    assert near_misses('{"name": "run", "input": {"input": {}}}', [run]) is None
    assert near_misses('{"tool": "run", "arguments": {"input": {}}}', [run]) is not None
