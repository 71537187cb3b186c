"""What a dialect is, and the one shape every parser shares.

A dialect is how a family of models writes tool calls. Parsing is strict: what is not exactly well formed is a typed
error, never quietly repaired, because whether repairing pays is a question this lab measures.

What counts as an attempt to call: the dialect's own opening mark, another dialect's mark, or a JSON object that pairs
"name" with "arguments" or "parameters". Any other text, JSON included, is an answer. One attempt that cannot be read
spoils the reply: its other calls are not handed on either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from harnesslab.engine.dialects.foreign import foreign_mark
from harnesslab.engine.dialects.reasoning import split_reasoning
from harnesslab.engine.dialects.syntax import CallSyntaxError, wrong_dialect
from harnesslab.types import ParseError, ParseErrorKind, ToolCall, ToolSpec


@dataclass(frozen=True, slots=True)
class Parsed:
    """A reply taken apart. With an `error` there are no calls, and `content` is all the text outside the reasoning."""

    content: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    error: ParseError | None = None


class Dialect(Protocol):
    """How a family of models writes tool calls.

    Attributes:
        name: what models.toml calls it.
        stops: strings that end a reply, beside the model's own end-of-turn tokens.
        think: the tags around reasoning, or None where the dialect has none (or has channels for it).
    """

    @property
    def name(self) -> str: ...

    @property
    def stops(self) -> tuple[str, ...]: ...

    @property
    def think(self) -> tuple[str, str] | None: ...

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> Parsed:
        """Takes a reply apart; never raises.

        Args:
            text: the reply as emitted, control tokens included, end-of-turn tokens left out.
            tools: what the model was offered. Only the dialects that write arguments without quotes look at it, to tell
                the string "7" from the number 7.
        """
        ...

    def format_call(self, call: ToolCall) -> str:
        """How a model of this dialect writes one call."""
        ...

    def format_calls(self, calls: Sequence[ToolCall]) -> str:
        """How it writes several in one reply."""
        ...


Extract = Callable[[str], tuple[str, list[ToolCall]]]


def parse_with(
    extract: Extract, text: str, *, think: tuple[str, str] | None, advice: str, own: frozenset[str] = frozenset()
) -> Parsed:
    """Splits off the reasoning, lets `extract` take the calls, and looks for attempts in foreign notation in the rest.

    Args:
        extract: text -> (text outside the calls, calls); raises CallSyntaxError.
        advice: how a call is written here, for the model to read after an attempt in another notation.
        own: names in `foreign.MARKS` that may stand in an answer of this dialect.
    """
    reasoning, body = split_reasoning(text, think)
    try:
        rest, calls = extract(body)
        if mark := foreign_mark(rest, own):
            raise wrong_dialect(advice, mark)
    except CallSyntaxError as error:
        return Parsed(body.strip(), reasoning, (), error.as_value())
    content = rest.strip()
    if not content and not calls:
        return Parsed("", reasoning, (), nothing_said(reasoning))
    return Parsed(content, reasoning, tuple(calls))


def nothing_said(reasoning: str) -> ParseError:
    said = "The reply holds only thinking" if reasoning else "The reply is empty"
    return ParseError(ParseErrorKind.EMPTY, f"{said}; call a tool or answer.", "")
