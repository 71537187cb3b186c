"""Calls that are bare JSON in the text, with no tags around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from harnesslab.engine.dialects.foreign import JSON_CALL, foreign_mark
from harnesslab.engine.dialects.syntax import CallSyntaxError, call_of, decode_at, wrong_dialect
from harnesslab.types import ParseErrorKind, ToolCall

_JSON = frozenset({"json"})
_BEGUN = re.compile(r'\s*\[?\s*\{+\s*"(?:name|arguments|parameters)"\s*:')
_BEFORE = re.compile(r"(?P<fence>```\w*)\s*\Z|(?P<brace>\{)\s*\Z|(?P<list>\[)\s*\Z")
_SEPARATOR = re.compile(r"\s*;\s*(?=\{)")


def bare_calls(text: str, key: str, *, lists: bool, advice: str) -> tuple[str, list[ToolCall]]:
    """(text outside the calls, calls); a `;` between two calls belongs to neither.

    A reply that begins like a call and is no JSON is an attempt too; one that begins like it and is JSON without
    arguments is an answer.

    Args:
        key: where the arguments stand.
        lists: whether several calls may come as a JSON array.
        advice: how a call is written here, for one that stands between another dialect's tags.
    """
    outside: list[str] = []
    calls: list[ToolCall] = []
    at = 0
    while match := JSON_CALL.search(text, at):
        if mark := foreign_mark(text[at : match.start()], _JSON):
            raise wrong_dialect(advice, mark + text[match.start() :])
        start = _start(text, at, match.start(), lists)
        outside.append(text[at:start])
        value, at = decode_at(text, start)
        calls.extend(_calls_in(value, text[start:at], key))
        if separator := _SEPARATOR.match(text, at):
            at = separator.end()
    if not calls and _BEGUN.match(text):
        decode_at(text, 0)
    return "".join([*outside, text[at:]]), calls


def _start(text: str, at: int, start: int, lists: bool) -> int:
    before = _BEFORE.search(text[at:start][-80:])
    if before is None:
        return start
    if before["fence"]:
        raise CallSyntaxError(ParseErrorKind.WRONG_DIALECT, "Write the call without a code fence.", text[start:])
    if before["brace"]:
        why = "Braces are doubled; write single { and }."
        raise CallSyntaxError(ParseErrorKind.NOT_JSON, f"The call is not valid JSON. {why}", text[start - 1 :])
    return text.rindex("[", at, start) if lists else start


def _calls_in(value: Any, raw: str, key: str) -> Iterator[ToolCall]:
    for one in value if isinstance(value, list) else [value]:
        yield call_of(one, raw, key)
