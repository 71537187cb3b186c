"""Reading the JSON inside calls: strict, and with errors a model can act on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from harnesslab.types import ParseError, ParseErrorKind, ToolCall

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class CallSyntaxError(Exception):
    """An attempted call that cannot be read. Stays inside this package; callers see a ParseError."""

    def __init__(self, kind: ParseErrorKind, message: str, raw: str) -> None:
        super().__init__(message)
        self.kind, self.message, self.raw = kind, message, raw

    def as_value(self) -> ParseError:
        return ParseError(self.kind, self.message, self.raw)


def wrong_dialect(advice: str, raw: str) -> CallSyntaxError:
    return CallSyntaxError(ParseErrorKind.WRONG_DIALECT, f"That is not how a tool is called here. {advice}", raw)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
_BLANK = re.compile(r"\s*")


def skip_blank(text: str, start: int) -> int:
    match = _BLANK.match(text, start)
    return match.end() if match else start


def decode_at(text: str, start: int) -> tuple[Any, int]:
    """The JSON value at `start` (blanks skipped) and the index after it.

    Raises CallSyntaxError: UNCLOSED where the text ends inside the value, WRONG_DIALECT where it is fenced, else
    NOT_JSON.
    """
    begin = skip_blank(text, start)
    raw = text[begin:]
    if raw.startswith("```"):
        raise CallSyntaxError(ParseErrorKind.WRONG_DIALECT, "Write the call without a code fence.", raw)
    try:
        value, end = _DECODER.raw_decode(text, begin)
    except json.JSONDecodeError as error:
        raise _json_error(error, raw, len(text.rstrip())) from None
    except RecursionError:
        raise CallSyntaxError(ParseErrorKind.NOT_JSON, "The call's JSON is nested too deeply.", raw) from None
    except ValueError as error:
        raise CallSyntaxError(ParseErrorKind.NOT_JSON, f"The call is not valid JSON: {error}.", raw) from None
    if _SURROGATE.search(text, begin, end):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except (UnicodeEncodeError, RecursionError):
            raise CallSyntaxError(ParseErrorKind.NOT_JSON, "The call holds half of a \\u escape pair.", raw) from None
    return value, end


def _json_error(error: json.JSONDecodeError, raw: str, end: int) -> CallSyntaxError:
    if error.pos >= end or error.msg.startswith("Unterminated string"):
        return CallSyntaxError(ParseErrorKind.UNCLOSED, "The call breaks off before its JSON ends.", raw)
    if raw.startswith("{{"):
        why = "Braces are doubled; write single { and }."
        return CallSyntaxError(ParseErrorKind.NOT_JSON, f"The call is not valid JSON. {why}", raw)
    return CallSyntaxError(
        ParseErrorKind.NOT_JSON, f"The call is not valid JSON: {error.msg.lower()} at character {error.pos}.", raw
    )


def call_of(value: Any, raw: str, key: str = "arguments") -> ToolCall:
    """The call that a decoded JSON object stands for; `key` is where this dialect puts the arguments.

    Raises CallSyntaxError: NOT_A_CALL without a name, BAD_ARGUMENTS where the arguments are missing or no object.
    """
    if not isinstance(value, Mapping):
        raise CallSyntaxError(
            ParseErrorKind.NOT_A_CALL, f'A call is a JSON object with "name" and "{key}", not a bare value.', raw
        )
    name = value.get("name")
    if not isinstance(name, str) or not name:
        raise CallSyntaxError(ParseErrorKind.NOT_A_CALL, 'The call does not say which tool: give "name".', raw)
    arguments = value.get(key)
    if not isinstance(arguments, Mapping):
        raise CallSyntaxError(
            ParseErrorKind.BAD_ARGUMENTS, f'Give "{key}" as a JSON object, {{}} if the tool takes none.', raw
        )
    identity = value.get("id")
    return ToolCall(name, arguments, identity if isinstance(identity, str) else "")


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=_plain)


def dumps(value: Any) -> str:
    """JSON as models are shown it: unicode kept, a blank after commas and colons."""
    return _ENCODER.encode(value)


def calls_from(text: str, mark: str, read: Callable[[str, int], tuple[ToolCall, int]]) -> tuple[str, list[ToolCall]]:
    """All calls that begin with a mark, and the text outside of them.

    Args:
        read: from the text and a mark's place, the call there and the place after it.
    """
    outside: list[str] = []
    calls: list[ToolCall] = []
    at = 0
    while (start := text.find(mark, at)) >= 0:
        outside.append(text[at:start])
        call, at = read(text, start)
        calls.append(call)
    return "".join([*outside, text[at:]]), calls
