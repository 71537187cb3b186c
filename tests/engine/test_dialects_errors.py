"""What each dialect refuses and how it says so; what is an answer although it looks a little like a call."""

from __future__ import annotations

from typing import Any

import pytest

from harnesslab.engine import dialects
from harnesslab.engine.dialects.reasoning import reopened, split_reasoning
from harnesslab.errors import UserError
from harnesslab.types import ParseErrorKind as Kind
from harnesslab.types import ToolCall, ToolSpec

PLAIN = '{"name": "find", "arguments": {"city": "Bonn"}}'

REFUSED = [
    ("hermes", '<tool_call>\n{{"name": "find", "arguments": {"city": "Bonn"}}}\n</tool_call>', Kind.NOT_JSON),
    ("hermes", '<tool_call>\n{{"name": "find", "arguments": {{"city": "Bonn"}}}}\n</tool_call>', Kind.NOT_JSON),
    ("hermes", "<tool_call>\n{'name': 'find', 'arguments': {}}\n</tool_call>", Kind.NOT_JSON),
    ("hermes", f"<tool_call>\n{PLAIN}}}\n</tool_call>", Kind.NOT_JSON),
    ("hermes", '<tool_call>\n{"name": "find", "argum\n</tool_call>', Kind.NOT_JSON),
    ("hermes", '<tool_call>\n{"name": "find", "arguments": {"n": NaN}}\n</tool_call>', Kind.NOT_JSON),
    ("hermes", '<tool_call>\n{"name": "find", "arguments": {"c": "\\ud800"}}\n</tool_call>', Kind.NOT_JSON),
    ("hermes", f"<tool_call>\n{PLAIN}", Kind.UNCLOSED),
    ("hermes", '<tool_call>\n{"name": "find", "argum', Kind.UNCLOSED),
    ("hermes", f"<tool_call>\n{PLAIN}\n<tool_call>\n{PLAIN}\n</tool_call>", Kind.UNCLOSED),
    ("hermes", f"<tool_call>\n{PLAIN}\n</tool_call>\n<tool_call>\n{PLAIN}", Kind.UNCLOSED),
    ("hermes", '<tool_call>\n{"arguments": {}}\n</tool_call>', Kind.NOT_A_CALL),
    ("hermes", '<tool_call>\n"find"\n</tool_call>', Kind.NOT_A_CALL),
    ("hermes", '<tool_call>\n{"name": "find"}\n</tool_call>', Kind.BAD_ARGUMENTS),
    ("hermes", '<tool_call>\n{"name": "find", "arguments": "{}"}\n</tool_call>', Kind.BAD_ARGUMENTS),
    ("hermes", f"I look it up: {PLAIN}", Kind.WRONG_DIALECT),
    ("hermes", "{" + PLAIN + "}", Kind.NOT_JSON),
    ("hermes", f"```json\n{PLAIN}\n```", Kind.WRONG_DIALECT),
    ("hermes", f"<tool_call>\n```json\n{PLAIN}\n```\n</tool_call>", Kind.WRONG_DIALECT),
    ("hermes", f"{PLAIN}\n</tool_call>", Kind.WRONG_DIALECT),
    ("hermes", f"<tool_call>\n{PLAIN}\n</tool_call>\n{PLAIN}", Kind.WRONG_DIALECT),
    ("hermes", "<tool_call>\n<function=find>\n</function>\n</tool_call>", Kind.WRONG_DIALECT),
    ("hermes", '[TOOL_CALLS]find[ARGS]{"city": "Bonn"}', Kind.WRONG_DIALECT),
    ("hermes", " \n", Kind.EMPTY),
    ("hermes", "<think>what now", Kind.EMPTY),
    ("qwen3_coder", "<tool_call>\n<function=find>\n<parameter=city>\nBonn\n", Kind.UNCLOSED),
    ("qwen3_coder", "<tool_call>\n<function=find>\n</function>", Kind.UNCLOSED),
    ("qwen3_coder", "<tool_call>\n<function=find>\ncity: Bonn\n</function>\n</tool_call>", Kind.BAD_ARGUMENTS),
    ("qwen3_coder", "<tool_call>\nfind\n</tool_call>", Kind.NOT_A_CALL),
    ("qwen3_coder", "<function=find>\n</function>\n</tool_call>", Kind.WRONG_DIALECT),
    ("qwen3_coder", f"<tool_call>\n{PLAIN}\n</tool_call>", Kind.WRONG_DIALECT),
    ("llama3", PLAIN, Kind.BAD_ARGUMENTS),
    ("llama3", '{"name": "find", "parameters": {"city": "Bo', Kind.UNCLOSED),
    ("llama3", '{{"name": "find", "parameters": {"city": "Bonn"}}}', Kind.NOT_JSON),
    ("llama3", '```json\n{"name": "find", "parameters": {}}\n```', Kind.WRONG_DIALECT),
    ("llama3", '<function=find>{"city": "Bonn"}', Kind.UNCLOSED),
    ("llama3", '<|python_tag|>brave_search.call(query="Bonn")', Kind.NOT_JSON),
    ("llama3", f"<tool_call>\n{PLAIN}\n</tool_call>", Kind.WRONG_DIALECT),
    ("mistral", '[TOOL_CALLS][{"name": "find", "argum', Kind.UNCLOSED),
    ("mistral", "[TOOL_CALLS]find", Kind.UNCLOSED),
    ("mistral", '[TOOL_CALLS]find{"city": "Bonn"}', Kind.NOT_A_CALL),
    ("mistral", "[TOOL_CALLS][]", Kind.NOT_A_CALL),
    ("mistral", "[TOOL_CALLS]find[ARGS][1]", Kind.BAD_ARGUMENTS),
    ("mistral", f"[{PLAIN}]", Kind.WRONG_DIALECT),
    ("gemma", "```tool_code\nfind(city='Bonn')", Kind.UNCLOSED),
    ("gemma", "```tool_code\nfind(city=\n```", Kind.NOT_JSON),
    ("gemma", "```tool_code\nfind('Bonn')\n```", Kind.BAD_ARGUMENTS),
    ("gemma", "```tool_code\nfind(city=home())\n```", Kind.BAD_ARGUMENTS),
    ("gemma", "```tool_code\nfind(city={1, 2})\n```", Kind.BAD_ARGUMENTS),
    ("gemma", "```tool_code\nx = find(city='Bonn')\n```", Kind.NOT_A_CALL),
    ("gemma", "```tool_code\n```", Kind.NOT_A_CALL),
    ("gemma", f"<tool_call>\n{PLAIN}\n</tool_call>", Kind.WRONG_DIALECT),
    ("functiongemma", "<start_function_call>call:find{city:<escape>Bo", Kind.UNCLOSED),
    ("functiongemma", "<start_function_call>call:find{city:<escape>Bonn<escape>}", Kind.UNCLOSED),
    ("functiongemma", "<start_function_call>call:find{city:Bonn}<end_function_call>", Kind.NOT_JSON),
    ("functiongemma", "<start_function_call>find<end_function_call>", Kind.NOT_A_CALL),
    ("gemma4", '<|tool_call>call:find{city:<|"|>Bonn<|"|>', Kind.UNCLOSED),
    ("gemma4", "<start_function_call>call:find{}<end_function_call>", Kind.WRONG_DIALECT),
    ("harmony", '<|channel|>commentary to=functions.find <|constrain|>json<|message|>{"city": "Bo', Kind.UNCLOSED),
    ("harmony", "<|channel|>commentary to=functions.find", Kind.UNCLOSED),
    ("harmony", "<|channel|>commentary to=functions.find<|message|>Bonn<|call|>", Kind.NOT_JSON),
    ("harmony", "<|channel|>commentary to=functions.find<|message|>{} or so<|call|>", Kind.NOT_JSON),
    ("harmony", "<|channel|>commentary to=functions.find<|message|>[]<|call|>", Kind.BAD_ARGUMENTS),
    ("harmony", f"<|channel|>final<|message|>{PLAIN}", Kind.WRONG_DIALECT),
    ("harmony", "<|channel|>analysis<|message|>what now<|end|>", Kind.EMPTY),
    ("glm", "<tool_call>find\n<arg_key>city</arg_key>\n<arg_value>Bo", Kind.UNCLOSED),
    ("glm", "<tool_call>find\n<arg_key>city</arg_key>\nBonn\n</tool_call>", Kind.BAD_ARGUMENTS),
    ("glm", "<tool_call>find it now</tool_call>", Kind.NOT_A_CALL),
    ("glm", f"<tool_call>{PLAIN}</tool_call>", Kind.WRONG_DIALECT),
    ("json", '{{"name": "find", "arguments": {}}}', Kind.NOT_JSON),
    ("json", '{"name": "find", "argum', Kind.UNCLOSED),
    ("json", '{"name": "find", "parameters": {}}', Kind.BAD_ARGUMENTS),
    ("json", f"```json\n{PLAIN}\n```", Kind.WRONG_DIALECT),
]


@pytest.mark.parametrize(("name", "reply", "kind"), REFUSED)
def test_an_attempt_that_is_not_well_formed_is_a_typed_error(name: str, reply: str, kind: Kind) -> None:
    parsed = dialects.get(name).parse(reply)
    assert parsed.error is not None
    assert parsed.error.kind is kind
    assert parsed.tool_calls == ()
    assert parsed.error.message
    assert "\n" not in parsed.error.message
    assert parsed.error.raw in reply


@pytest.mark.parametrize("name", dialects.names())
@pytest.mark.parametrize(
    "reply",
    [
        "Order O-17 was shipped on Monday.",
        'Ada\'s record is {"name": "Ada", "age": 36}.',
        '{"total": 12.5, "currency": "EUR"}',
        "I used find_order and then {refund}.",
        "```python\nprint('hello')\n```",
        '```json\n{"total": 3}\n```',
        "Is 3 < 4? Yes, and [1, 2] is a list.",
    ],
)
def test_plain_text_and_plain_json_are_answers(name: str, reply: str) -> None:
    parsed = dialects.get(name).parse(reply)
    assert (parsed.content, parsed.error, parsed.tool_calls) == (reply, None, ())


READ = [
    ("hermes", f"<tool_call>{PLAIN}</tool_call> done", "done", [ToolCall("find", {"city": "Bonn"})]),
    ("llama3", '<|python_tag|>{"name": "a", "parameters": {"x": 1}}', "", [ToolCall("a", {"x": 1})]),
    ("llama3", '{"type": "function", "name": "a", "parameters": {}}', "", [ToolCall("a", {})]),
    ("llama3", '<function=a>{"x": 1}</function>', "", [ToolCall("a", {"x": 1})]),
    ("mistral", '[TOOL_CALLS] [{"name": "a", "arguments": {}, "id": "abc"}]', "", [ToolCall("a", {}, "abc")]),
    ("mistral", '[TOOL_CALLS]a[CALL_ID]abc[ARGS]{"x": 1}', "", [ToolCall("a", {"x": 1}, "abc")]),
    ("gemma", '```json\n{"name": "a", "parameters": {"x": 1}}\n```', "", [ToolCall("a", {"x": 1})]),
    ("gemma", "```tool_code\n[a(x=1), b(y=(2, 3))]\n```", "", [ToolCall("a", {"x": 1}), ToolCall("b", {"y": [2, 3]})]),
    ("harmony", " to=functions.a<|channel|>commentary json<|message|>{}<|call|>", "", [ToolCall("a", {})]),
    ("gemma4", '<|tool_call>call:a{d:{k:[1,<|"|>}<|"|>]}}<tool_call|>', "", [ToolCall("a", {"d": {"k": [1, "}"]}})]),
    ("json", f"I look.\n[{PLAIN}]", "I look.", [ToolCall("find", {"city": "Bonn"})]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "reply", "content", "calls"), READ)
def test_the_other_native_forms_are_read_too(name: str, reply: str, content: str, calls: list[ToolCall]) -> None:
    parsed = dialects.get(name).parse(reply)
    assert (parsed.error, parsed.content, list(parsed.tool_calls)) == (None, content, calls)


SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "n": {"type": "integer"},
        "on": {"type": "boolean"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "kind": {"enum": ["1", "2"]},
        "free": {},
    },
}


@pytest.mark.parametrize("name", ["glm", "qwen3_coder"])
@pytest.mark.parametrize(
    ("key", "raw", "value"),
    [
        ("id", "17", "17"),
        ("id", '"17"', '"17"'),
        ("n", "17", 17),
        ("n", "many", "many"),
        ("on", "True", True),
        ("on", "false", False),
        ("note", "null", None),
        ("note", "7", "7"),
        ("kind", "1", "1"),
        ("free", "[1, 2]", [1, 2]),
        ("free", "two words", "two words"),
    ],
)
def test_unquoted_values_are_read_by_the_schema(name: str, key: str, raw: str, value: Any) -> None:
    dialect = dialects.get(name)
    reply = dialect.format_call(ToolCall("find", {key: raw}))
    (call,) = dialect.parse(reply, (ToolSpec("find", "", SCHEMA),)).tool_calls
    assert call.arguments[key] == value
    assert type(call.arguments[key]) is type(value)


@pytest.mark.parametrize(
    ("text", "reasoning", "rest"),
    [
        ("<think>a</think>\n\nb", "a", "b"),
        ("\n <think>a</think>b", "a", "b"),
        ("a\n</think>\nb", "", "a\n</think>\nb"),
        ("<think></think>b", "", "b"),
        ("<think>a", "a", ""),
        ("the tag <think> opens", "", "the tag <think> opens"),
        ("<think>a</think><think>b</think>c", "a\nb", "c"),
    ],
)
def test_reasoning_is_split_off(text: str, reasoning: str, rest: str) -> None:
    assert split_reasoning(text, ("<think>", "</think>")) == (reasoning, rest)


def test_a_call_inside_the_thinking_is_no_call() -> None:
    parsed = dialects.get("hermes").parse(f"<think>maybe <tool_call>{PLAIN}</tool_call>?</think>No need.")
    assert (parsed.content, parsed.tool_calls, parsed.error) == ("No need.", (), None)


def test_thinking_that_the_prompt_opened_and_nothing_closed_is_no_answer() -> None:
    tags = ("<think>", "</think>")
    reply = reopened("<|im_start|>assistant\n<think>\n", "let me see", tags)
    parsed = dialects.get("hermes").parse(reply)
    assert parsed.error is not None
    assert (parsed.error.kind, parsed.reasoning) == (Kind.EMPTY, "let me see")
    assert reopened("<|im_start|>assistant\n", "let me see", tags) == "let me see"


@pytest.mark.parametrize("name", [n for n in dialects.names() if dialects.get(n).think])
@pytest.mark.parametrize("thought", ["", "Where was it?"])
def test_an_argument_that_quotes_the_tags_is_no_thinking(name: str, thought: str) -> None:
    dialect = dialects.get(name)
    assert dialect.think is not None
    opening, closing = dialect.think
    call = ToolCall("find", {"city": f"Bonn {closing} or {opening} so", "n": 2})
    before = f"{opening}{thought}{closing}\n" if thought else ""
    parsed = dialect.parse(before + dialect.format_call(call), (ToolSpec("find", "", SCHEMA),))
    assert parsed.error is None
    assert [(c.name, dict(c.arguments)) for c in parsed.tool_calls] == [("find", dict(call.arguments))]
    assert parsed.reasoning == thought


def test_thinking_that_the_prompt_opened_ends_at_its_tag() -> None:
    tags = ("<think>", "</think>")
    parsed = dialects.get("hermes").parse(reopened("assistant\n<think>", "a\n</think>\nb </think>", tags))
    assert (parsed.reasoning, parsed.content, parsed.error) == ("a", "b </think>", None)


def test_an_unknown_dialect_names_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"did you mean 'hermes'.*qwen3_coder"):
        dialects.get("hermse")


@pytest.mark.parametrize(
    ("template", "architecture", "name"),
    [
        ('{{- \'<tool_call>\\n{"name": "\' }}<|im_start|>', "qwen2", "hermes"),
        ("<tool_call>\n<function=example>\n<parameter=p>", "qwen3moe", "qwen3_coder"),
        ("<tool_call>{name}\n<arg_key>{k}</arg_key>", "glm4moe", "glm"),
        ("<|start|>assistant<|channel|>final<|message|>", "gpt-oss", "harmony"),
        ("[AVAILABLE_TOOLS]...[TOOL_CALLS] [", "llama", "mistral"),
        ("<|start_header_id|>ipython<|end_header_id|>", "llama", "llama3"),
        ("<start_of_turn>model\n<start_function_call>call:", "gemma3", "functiongemma"),
        ("<|turn>model\n<|tool_call>call:", "gemma4", "gemma4"),
        ("<start_of_turn>model", "gemma3", "gemma"),
        ("<|im_start|>assistant", "llama", "hermes"),
        ("", "gemma3", "gemma"),
        ("", "qwen3", "hermes"),
        ("", "llama", "json"),
        ("### Instruction:", "", "json"),
    ],
)
def test_detection(template: str, architecture: str, name: str) -> None:
    assert dialects.detect(template, architecture) == name
    assert name in dialects.names()


def test_hermes_calls_may_lack_their_tags_where_nothing_else_is_said() -> None:
    parsed = dialects.get("hermes").parse(f"{PLAIN}\n{PLAIN}\n")
    assert parsed.error is None
    assert [(c.name, dict(c.arguments)) for c in parsed.tool_calls] == [("find", {"city": "Bonn"})] * 2
