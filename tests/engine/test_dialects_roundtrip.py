"""What a dialect writes, it reads; and whatever it reads, it never raises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harnesslab.engine import dialects
from harnesslab.types import ToolCall, ToolSpec

NAMES = dialects.names()

# No surrogates (they are no text), and none of the dialects' own control tokens inside values.
text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\x00"), max_size=30)
tricky = st.sampled_from(
    [
        "{",
        "}",
        '{"a": "}"}',
        'say "hi"',
        "a\nb\n",
        "\\",
        "\\n",
        "'",
        "é€😀",
        "7",
        "true",
        "null",
        "None",
        "[1]",
        " x ",
        "",
    ]
)
strings = text | tricky
numbers = st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False, width=32)
scalars = strings | numbers | st.booleans() | st.none()
keys = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
values = st.recursive(scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(keys, v, max_size=3), max_leaves=6)
calls = st.builds(
    ToolCall, st.from_regex(r"[a-z][a-z0-9_]{0,15}", fullmatch=True), st.dictionaries(keys, values, max_size=4)
)

CONTROL = ("<", "[TOOL_CALLS]", "[ARGS]", "[THINK]", "[/THINK]", "```", "<|", "to=functions")


def _json_type(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")


def _tools(some: list[ToolCall]) -> tuple[ToolSpec, ...]:
    properties: dict[str, dict[str, Any]] = {}
    for call in some:
        properties.setdefault(call.name, {}).update({k: {"type": _json_type(v)} for k, v in call.arguments.items()})
    return tuple(ToolSpec(n, "", {"type": "object", "properties": p}) for n, p in properties.items())


def _holds_control(value: Any) -> bool:
    if isinstance(value, str):
        return any(mark in value for mark in CONTROL)
    if isinstance(value, dict):
        return any(map(_holds_control, value.values()))
    return isinstance(value, list) and any(map(_holds_control, value))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30, deadline=None)
@given(some=st.lists(calls, min_size=1, max_size=3, unique_by=lambda c: c.name))
def test_format_then_parse_gives_the_same_calls(name: str, some: list[ToolCall]) -> None:
    some = [ToolCall(c.name, {k: v for k, v in c.arguments.items() if not _holds_control(v)}) for c in some]
    dialect = dialects.get(name)
    parsed = dialect.parse(dialect.format_calls(some), _tools(some))
    assert parsed.error is None
    assert parsed.tool_calls == tuple(some)
    assert parsed.content == ""


@pytest.mark.parametrize("name", ["hermes", "llama3", "mistral", "json", "gemma", "harmony"])
def test_control_tokens_inside_quoted_strings_are_just_text(name: str) -> None:
    call = ToolCall("write", {"text": "</tool_call> <tool_call> [TOOL_CALLS] <|call|> ``` </function> {{ }}"})
    dialect = dialects.get(name)
    assert dialect.parse(dialect.format_call(call)).tool_calls == (call,)


@pytest.mark.parametrize("name", NAMES)
def test_text_before_a_call_is_content(name: str) -> None:
    call = ToolCall("find", {"city": "Bonn"})
    dialect = dialects.get(name)
    prefix = (
        "<|channel|>commentary<|message|>Let me look.<|end|><|start|>assistant"
        if name == "harmony"
        else "Let me look.\n"
    )
    parsed = dialect.parse(prefix + dialect.format_call(call))
    assert (parsed.content, parsed.tool_calls, parsed.error) == ("Let me look.", (call,), None)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(reply=st.text(max_size=80))
def test_random_text_never_raises(name: str, reply: str) -> None:
    parsed = dialects.get(name).parse(reply)
    assert not (parsed.error and parsed.tool_calls)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(some=st.lists(calls, min_size=1, max_size=2), data=st.data())
def test_mutated_calls_never_raise_and_never_half_act(name: str, some: list[ToolCall], data: st.DataObject) -> None:
    dialect = dialects.get(name)
    reply = dialect.format_calls(some)
    for _ in range(data.draw(st.integers(1, 3))):
        a = data.draw(st.integers(0, len(reply)))
        b = data.draw(st.integers(a, min(len(reply), a + 12)))
        patch = data.draw(
            st.sampled_from(["", "{", "}", '"', "<", "\\", "[", "`", "\n", "\ud800", "\\ud800", "9" * 5000])
        )
        reply = reply[:a] + patch + reply[b:]
    parsed = dialect.parse(reply, _tools(some))
    assert not (parsed.error and parsed.tool_calls)
    for call in parsed.tool_calls:
        assert isinstance(call.name, str)
        assert dict(call.arguments) is not None


@pytest.mark.parametrize("name", NAMES)
def test_deep_nesting_is_an_error_and_no_crash(name: str) -> None:
    dialect = dialects.get(name)
    reply = dialect.format_call(ToolCall("deep", {"x": ["@"]})).replace("@", "[" * 100_000)
    dialect.parse(reply)
    for opening in ("[", "{", '{"name":', "(", "<think>"):
        dialect.parse(opening * 50_000)


@pytest.mark.parametrize("name", NAMES)
def test_a_call_cut_off_anywhere_never_acts(name: str) -> None:
    dialect = dialects.get(name)
    whole = dialect.format_call(ToolCall("find_order", {"order_id": "O-17", "limit": 3}))
    tolerated = whole.removesuffix("<|call|>")
    for end in range(len(whole)):
        parsed = dialect.parse(whole[:end])
        if len(whole[:end]) >= len(tolerated):
            continue
        assert parsed.tool_calls == (), whole[:end]
        if end >= len(whole) // 2:
            assert parsed.error is not None, whole[:end]
