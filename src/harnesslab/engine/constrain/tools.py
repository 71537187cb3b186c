"""The grammar of a reply: thinking, if the model thinks, then a text answer or well-formed calls of known tools.

Text comes before calls, never after. It may not hold any dialect's mark of a call, so that after the opening mark only
a well-formed call is possible, and the parser finds no attempt in what is left.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from harnesslab.engine.constrain.lark import Lark, escape, slashed, without
from harnesslab.engine.constrain.shapes import SHAPED, Shape, shape_of
from harnesslab.engine.dialects.foreign import MARKS
from harnesslab.errors import UserError
from harnesslab.types import ToolSpec

Thinking = Literal["none", "allowed", "open"]

MOST_CALLS = 8  # in one reply: a weak model held to calls goes on calling until its tokens are spent

_BLANK = r"\s\x1c-\x1f"  # what Python's strip() and \s take; Rust's \s knows no separators

# A part of every match of these marks, beginning with a rare character. While no mark has begun, a text stays in one
# state of the lexer, whose mask is there already (10 us); a change costs a walk over the vocabulary (1 to 5 ms).
_SIMPLER = {
    "function": "<function=",
    "harmony": r"<\|channel\|>|=functions\.",
    "json": rf'"(?:arguments|parameters)"[{_BLANK}]*:',
}


def constrainable() -> tuple[str, ...]:
    """The dialects whose calls can be forced."""
    return tuple(sorted(SHAPED))


def tools_grammar(
    grammar: Lark, dialect: str, tools: Sequence[ToolSpec], *, required: bool, think: tuple[str, str] | None
) -> str:
    """The expression for a reply after its thinking.

    Args:
        required: whether a call must come.
        think: the tags around reasoning, which a text answer may not hold.

    Raises:
        UserError: the dialect, a tool's name or its schema cannot be put into a grammar.
    """
    shape = shape_of(dialect, grammar.specials)
    if shape is None:
        raise UserError(
            f"calls in the dialect {dialect!r} cannot be forced",
            f"dialects that can: {', '.join(constrainable())}",
            "leave out the layer that constrains, or set the model's dialect",
        )
    if not tools:
        if required:
            raise UserError("a call is required, and there is no tool", "", "offer at least one tool")
        return _answer(grammar, shape, think)
    calls = _calls(grammar, shape, tools)
    if required:
        return f"{grammar.text(shape.mark)} {calls}"
    reply = [_answer(grammar, shape, think)]
    if not shape.mark or shape.text_head:
        return " | ".join([*reply, f"{grammar.text(shape.mark)} {calls}"])
    if shape.unmarked:
        reply.append(_calls(grammar, shape.unmarked, tools))
    in_text = shape.in_text or shape.mark
    before = without([*_forbidden(shape, think), *shape.before], _not_first(shape))
    if grammar.starts_special(in_text):
        reply.append(f"{grammar.terminal(before)}? {grammar.text(in_text)} {calls}")
    else:
        reply.append(f"{grammar.lazy(f'({before}) {json.dumps(in_text)}')} {calls}")
    if in_text != shape.mark:
        reply.append(f"{grammar.text(shape.mark)} {calls}")
    return " | ".join(reply)


def preamble(grammar: Lark, dialect: str, think: tuple[str, str] | None, thinking: Thinking) -> str:
    """The expression for what comes before a reply proper; "" for nothing."""
    if dialect == "harmony":
        thought = grammar.terminal(without([*_plain_marks(), *_forbidden(_harmony(grammar), None)]))
        opening, closing = "<|channel|>analysis<|message|>", "<|end|><|start|>assistant"
        return f"({grammar.text(opening)} {thought} {grammar.text(closing)})?"
    if think is None or thinking == "none":
        return ""
    opening, closing = think
    blank = grammar.terminal(r"/\n{0,2}/")
    if grammar.starts_special(closing):
        block = f"{grammar.terminal(without([escape(closing)]))} {grammar.text(closing)}"
        if thinking == "allowed":
            block = f"{grammar.text(opening)} {block}"
    elif thinking == "open":
        block = grammar.lazy(f"/(?s:.*){escape(closing)}/")
    elif grammar.starts_special(opening):
        block = f"{grammar.text(opening)} {grammar.lazy(f'/(?s:.*){escape(closing)}/')}"
    else:
        block = grammar.lazy(f"/{escape(opening)}(?s:.*){escape(closing)}/")
    return f"{block} {blank}" if thinking == "open" else f"({block} {blank})?"


def _harmony(grammar: Lark) -> Shape:
    shape = shape_of("harmony", grammar.specials)
    assert shape is not None
    return shape


def _calls(grammar: Lark, shape: Shape, tools: Sequence[ToolSpec]) -> str:
    """Everything after the mark."""
    named = grammar.rule(" | ".join(grammar.rule(shape.call(grammar, tool)) for tool in tools))
    one = grammar.rule(f"{grammar.text(shape.lead)} {named} {grammar.text(shape.tail)}")
    more = "" if shape.between is None else f"({grammar.text(shape.between)} {one}){{0,{MOST_CALLS - 1}}}"
    return grammar.rule(f"{grammar.text(shape.head)} {one} {more} {grammar.text(shape.end)}")


def _answer(grammar: Lark, shape: Shape, think: tuple[str, str] | None) -> str:
    """A text that says something."""
    body = f"/[{_BLANK}]*[^{_BLANK}](?s:.*)/ & {without(_forbidden(shape, think), _not_first(shape))}"
    return f"{grammar.text(shape.text_head)} {grammar.terminal(body)}"


def _forbidden(shape: Shape, think: tuple[str, str] | None) -> list[str]:
    return [*_plain_marks(), *shape.forbidden, *map(escape, think or ())]


def _not_first(shape: Shape) -> tuple[str, ...]:
    return (slashed(shape.not_first),) if shape.not_first else ()


def _plain_marks() -> list[str]:
    """Every dialect's marks of a call, as regular expressions of llguidance."""
    return [_SIMPLER.get(name) or slashed(mark.pattern) for name, mark in MARKS.items()]
