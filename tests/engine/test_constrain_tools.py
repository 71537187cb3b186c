"""Whatever a mask lets through is a reply that its dialect reads: random walks through the grammars of all dialects."""

from __future__ import annotations

import random
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
from toy_vocabulary import ToyTokens, allowed

from harnesslab.engine import dialects
from harnesslab.engine.constrain import Grammars, Masks, constrainable
from harnesslab.engine.constrain.grammars import MANY
from harnesslab.errors import UserError
from harnesslab.types import Constraint, ToolSpec

ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "order_id": {"type": "string", "pattern": "^W[0-9]{4}$"},
        "kind": {"type": "string", "enum": ["alpha", "beta", "7"]},
        "note": {"type": "string"},
        "n": {"type": "integer", "minimum": 1},
        "deep": {
            "type": "object",
            "properties": {
                "x": {"type": "number"},
                "flag": {"type": "boolean"},
                "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
            },
            "required": ["x"],
        },
        "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "shape": {"$ref": "#/$defs/Shape"},
    },
    "required": ["order_id", "n"],
    "$defs": {"Shape": {"enum": ["round", "square", "1"], "type": "string"}},
}
NOTE = {
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 2, "maxLength": 12}, "ok": {"type": "boolean"}},
    "required": ["text"],
}
TOOLS = (
    ToolSpec("find_order", "", ORDER),
    ToolSpec("noop", "", {"type": "object", "properties": {}}),
    ToolSpec("note_add", "", NOTE),
)
VALID = {tool.name: jsonschema_rs.validator_for(dict(tool.parameters)) for tool in TOOLS}

SPECIALS: dict[str, tuple[str, ...]] = {
    "mistral": ("[TOOL_CALLS]", "[ARGS]", "[THINK]", "[/THINK]"),
    "harmony": ("<|channel|>", "<|message|>", "<|constrain|>", "<|end|>", "<|start|>"),
    "gemma4": ("<|tool_call>", "<tool_call|>", '<|"|>', "<|channel>", "<channel|>"),
    "functiongemma": ("<start_function_call>", "<end_function_call>", "<escape>"),
}
VARIANTS = [(name, ()) for name in dialects.names()] + list(SPECIALS.items()) + [("mistral", ("[TOOL_CALLS]",))]

# What a walk is now and then bent on writing, as far as the mask lets it: marks, their likes, and ways out of a call.
URGES = (
    *("<tool_call>", "</tool_call>", "<function=noop>", "[TOOL_CALLS]", "[ARGS]", "<|python_tag|>", "```tool_code\n"),
    *("```\n", "```json\n", "\n```tool_code\n", "<|channel|>", "<|tool_call>", "<start_function_call>"),
    *('{"name": "noop", "arguments": {', '[{"parameters": {', '{"name":', "to=functions.noop", "<think>", "</think>"),
    *("[THINK]", "<|message|>", "<|end|><|start|>assistant", "<|channel|>final<|message|>", " \n", "<channel|>"),
    *("</parameter>", "\n</parameter>\n", "</arg_value>", "<escape>", '<|"|>', '"', "}", "\n", "W1234"),
)


def walk(matcher: Any, toy: ToyTokens, seed: int, limit: int = 600) -> list[int] | None:
    """Random allowed tokens until the reply ends; None where it does not end in time."""
    rng, row, out = random.Random(seed), np.zeros((len(toy.pieces) + 31) // 32, np.uint32), list[int]()
    urge: list[int] = []
    for step in range(limit):
        matcher.mask(row)
        options = allowed(row)
        assert len(options), matcher.error
        if toy.end in options and rng.random() < 0.2:
            return out
        if not urge and rng.random() < 0.2 + step / limit:
            urge = toy(rng.choice(URGES), special=rng.random() < 0.5)
        token = int(rng.choice(options))
        if urge and urge[0] in options:
            token = urge.pop(0)
        else:
            urge = []
        for t in (token, *(() if token == toy.end else matcher.consume(token))):
            if t == toy.end:
                return out
            out.append(t)
    return None


@pytest.mark.parametrize("thinks", [False, True])
@pytest.mark.parametrize("mode", ["required", "auto"])
@pytest.mark.parametrize(("name", "specials"), VARIANTS)
def test_every_walk_is_a_reply_that_parses(name: str, specials: tuple[str, ...], mode: str, thinks: bool) -> None:
    toy, dialect = ToyTokens(specials), dialects.get(name)
    vocabulary = toy.vocabulary()
    grammars = Grammars(lambda: vocabulary, name, dialect.think, thinks=thinks)
    ended = 0
    for seed in range(30):
        out = walk(grammars.matcher(Constraint("tools", mode), TOOLS), toy, seed)
        if out is None:
            continue
        text = toy.text(out)
        if misread(text, dialect):
            continue
        ended += 1
        parsed = dialect.parse(text, TOOLS)
        assert parsed.error is None, (text, parsed.error)
        assert parsed.tool_calls or mode == "auto", text
        for call in parsed.tool_calls:
            VALID[call.name].validate(dict(call.arguments))
    assert ended >= 8  # or this test says nothing


def misread(text: str, dialect: dialects.Dialect) -> bool:
    """Whether an argument holds a mark that the parser, which does not read JSON first, takes for its own."""
    if dialect.name == "llama3" and "<|python_tag|>" in text:
        return True
    if dialect.think is None:
        return False
    opening, closing = dialect.think
    return closing in (text.lstrip().partition(closing)[2] if text.lstrip().startswith(opening) else text)


@pytest.mark.parametrize(("name", "specials"), VARIANTS)
def test_what_the_dialect_itself_writes_is_allowed(name: str, specials: tuple[str, ...]) -> None:
    """The notation that the grammar forces is the model's own."""
    from harnesslab.types import ToolCall

    if name == "mistral" and "[ARGS]" not in specials and specials:
        pytest.skip("the dialect writes the newer of its two notations")
    toy, dialect = ToyTokens(specials), dialects.get(name)
    vocabulary = toy.vocabulary()
    grammars = Grammars(lambda: vocabulary, name, dialect.think, thinks=False)
    call = ToolCall("find_order", {"order_id": "W1234", "kind": "beta", "n": 3, "deep": {"x": 1.5, "tags": ["a", "é"]}})
    written = dialect.format_call(call).removesuffix("<|call|>")
    if name == "gemma":
        written = written.replace("'", '"')
    for mode in ("required", "auto"):
        assert accepts(grammars, Constraint("tools", mode), toy, written)
    if dialect.parse("Done.").error is None and name != "harmony":
        assert accepts(grammars, Constraint("tools", "auto"), toy, "It is on its way: <b>3 days</b>, 5 < 7.")
        assert not accepts(grammars, Constraint("tools", "required"), toy, "It is on its way.")


def accepts(grammars: Grammars, constraint: Constraint, toy: ToyTokens, text: str) -> bool:
    """Whether a reply may be exactly this text."""
    matcher = grammars.matcher(constraint, TOOLS)
    row = np.zeros((len(toy.pieces) + 31) // 32, np.uint32)
    due = toy(text, special=True)
    while True:
        matcher.mask(row)
        options = allowed(row)
        if not due:
            return toy.end in options
        if due[0] in options:
            token = due.pop(0)
        else:  # the same text, cut into other tokens
            rest = b"".join(toy.pieces[t] for t in due)
            fitting = [int(t) for t in options if t != toy.end and rest.startswith(toy.pieces[t])]
            if not fitting:
                return False
            token = max(fitting, key=lambda t: len(toy.pieces[t]))
            due = toy(rest[len(toy.pieces[token]) :].decode(), special=True)
        forced = list(matcher.consume(token))
        rest, ahead = b"".join(toy.pieces[t] for t in due), b"".join(toy.pieces[t] for t in forced if t != toy.end)
        if not rest.startswith(ahead):
            return False
        due = toy(rest[len(ahead) :].decode(), special=True)
        if toy.end in forced:
            return not due


def test_a_dialect_without_a_grammar_names_those_that_have_one() -> None:
    toy = ToyTokens()
    grammars = Grammars(toy.vocabulary, "semaphore", None, thinks=False)
    with pytest.raises(UserError, match="hermes"):
        grammars.matcher(Constraint("tools", "required"), TOOLS)
    assert set(constrainable()) == set(dialects.names())


def test_a_call_without_its_tags_may_be_a_whole_reply_of_hermes() -> None:
    toy = ToyTokens()
    vocabulary = toy.vocabulary()
    grammars = Grammars(lambda: vocabulary, "hermes", None, thinks=False)
    bare = '{"name": "noop", "arguments": {}}'
    assert accepts(grammars, Constraint("tools", "auto"), toy, bare)
    assert not accepts(grammars, Constraint("tools", "auto"), toy, "Here: " + bare)
    assert not accepts(grammars, Constraint("tools", "required"), toy, bare)


def test_names_that_a_notation_cannot_write_are_refused() -> None:
    toy = ToyTokens()
    for name, tool in (
        ("gemma", ToolSpec("class", "", NOTE)),
        ("glm", ToolSpec("a b", "", NOTE)),
        ("qwen3_coder", ToolSpec("a", "", {"type": "object", "properties": {"<x>": {}}})),
    ):
        with pytest.raises(UserError, match="cannot be forced"):
            Grammars(toy.vocabulary, name, None, thinks=False).matcher(Constraint("tools", "auto"), (tool,))


def test_masks_written_together_are_those_written_one_by_one() -> None:
    toy = ToyTokens()
    grammars = Grammars(toy.vocabulary, "hermes", None, thinks=False)
    matchers = [
        grammars.matcher(Constraint("tools", kind), TOOLS) for kind in ("auto", "required") for _ in range(MANY)
    ]
    words = (len(toy.pieces) + 31) // 32
    rng = random.Random(1)
    for _ in range(30):
        alone = np.zeros((len(matchers), words), np.uint32)
        for matcher, row in zip(matchers, alone, strict=True):
            matcher.mask(row)
        together = np.full_like(alone, 7)
        Masks().write([(m, i) for i, m in enumerate(matchers)], together)
        assert (alone == together).all()
        for matcher, row in zip(matchers, alone, strict=True):
            if len(options := allowed(row)):
                matcher.consume(int(rng.choice(list(options))))
