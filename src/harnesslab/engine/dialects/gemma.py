"""Gemma 3 has no notation of its own; these are the ones its makers show: Python calls in a ```tool_code fence, or JSON
with "name" and "parameters", bare or in a fence. Templates without tool support are told the first.
"""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from harnesslab.engine.dialects.bare import bare_calls
from harnesslab.engine.dialects.base import Parsed, parse_with
from harnesslab.engine.dialects.foreign import JSON_CALL
from harnesslab.engine.dialects.syntax import CallSyntaxError, call_of, decode_at, dumps
from harnesslab.types import ParseErrorKind, ToolCall, ToolSpec

ADVICE = "Write NAME(KEY=VALUE, ...) in a fence that opens with ```tool_code."
_FENCE = re.compile(r"^[ \t]*```(?P<kind>tool_code|json|)[ \t]*$\n?", re.MULTILINE)
_CLOSE = re.compile(r"^[ \t]*```[ \t]*$", re.MULTILINE)
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


class Gemma:
    name = "gemma"
    stops: tuple[str, ...] = ("```tool_output",)
    think: tuple[str, str] | None = None

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> Parsed:
        return parse_with(_extract, text, think=None, advice=ADVICE)

    def format_call(self, call: ToolCall) -> str:
        return self.format_calls([call])

    def format_calls(self, calls: Sequence[ToolCall]) -> str:
        if all(_is_python_name(c.name) for c in calls):
            return "```tool_code\n{}\n```".format("\n".join(map(_python, calls)))
        return "\n".join(f"```json\n{dumps({'name': c.name, 'parameters': c.arguments})}\n```" for c in calls)


def _extract(text: str) -> tuple[str, list[ToolCall]]:
    outside: list[str] = []
    calls: list[ToolCall] = []
    at = search = 0
    while fence := _FENCE.search(text, search):
        close = _CLOSE.search(text, fence.end())
        body = text[fence.end() : close.start() if close else len(text)]
        if fence["kind"] != "tool_code" and not JSON_CALL.match(body.lstrip()):
            search = close.end() if close else len(text)
            continue
        if close is None:
            raise CallSyntaxError(ParseErrorKind.UNCLOSED, "The call's fence is never closed.", text[fence.start() :])
        outside.append(text[at : fence.start()])
        calls.extend(_python_calls(body) if fence["kind"] == "tool_code" else _json_calls(body))
        at = search = close.end()
    rest, bare = bare_calls("".join([*outside, text[at:]]), "parameters", lists=True, advice=ADVICE)
    return rest, calls + bare


def _json_calls(body: str) -> list[ToolCall]:
    value, end = decode_at(body, 0)
    if body[end:].strip():
        raise CallSyntaxError(ParseErrorKind.NOT_JSON, "Something follows the call's JSON in its fence.", body)
    return [call_of(value, body, "parameters")]


def _python_calls(body: str) -> list[ToolCall]:
    try:
        with warnings.catch_warnings(action="ignore"):  # a model's stray backslash is not our user's business
            statements = ast.parse(body.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _unreadable(ParseErrorKind.NOT_JSON, body) from None
    expressions: list[ast.expr] = []
    for statement in statements:
        if not isinstance(statement, ast.Expr):
            raise _unreadable(ParseErrorKind.NOT_A_CALL, body)
        value = statement.value
        expressions.extend(value.elts if isinstance(value, ast.List) else [value])
    if not expressions:
        raise _unreadable(ParseErrorKind.NOT_A_CALL, body)
    return [_python_call(e, body) for e in expressions]


def _python_call(node: ast.expr, body: str) -> ToolCall:
    if not isinstance(node, ast.Call) or not isinstance(node.func, (ast.Name, ast.Attribute)):
        raise _unreadable(ParseErrorKind.NOT_A_CALL, body)
    name = ast.unparse(node.func)
    if not _DOTTED.fullmatch(name):
        raise _unreadable(ParseErrorKind.NOT_A_CALL, body)
    if node.args:
        raise CallSyntaxError(ParseErrorKind.BAD_ARGUMENTS, "Name every argument: NAME(KEY=VALUE, ...).", body)
    arguments: dict[str, Any] = {}
    for item in node.keywords:
        try:
            value = ast.literal_eval(item.value)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            raise CallSyntaxError(
                ParseErrorKind.BAD_ARGUMENTS, "Arguments must be plain values: text in quotes, numbers, lists.", body
            ) from None
        if item.arg is not None:
            arguments[item.arg] = value
        elif isinstance(value, dict):
            arguments.update(value)
    return ToolCall(name, _as_json(arguments, body))


def _as_json(value: Any, body: str) -> Any:
    """Tuples become lists; what JSON cannot say is refused."""
    if isinstance(value, Mapping):
        if not all(isinstance(k, str) for k in value):
            raise CallSyntaxError(ParseErrorKind.BAD_ARGUMENTS, "Keys must be text in quotes.", body)
        return {k: _as_json(v, body) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(v, body) for v in value]
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise _unreadable(ParseErrorKind.NOT_JSON, body)
        return value
    if value is None or isinstance(value, (int, float)):
        return value
    raise CallSyntaxError(ParseErrorKind.BAD_ARGUMENTS, "Arguments must be text, numbers, lists or dicts.", body)


def _unreadable(kind: ParseErrorKind, body: str) -> CallSyntaxError:
    return CallSyntaxError(kind, f"The call cannot be read. {ADVICE}", body)


def _is_python_name(name: str) -> bool:
    return bool(_DOTTED.fullmatch(name)) and not any(keyword.iskeyword(part) for part in name.split("."))


def _python(call: ToolCall) -> str:
    named = [f"{k}={_plain(v)!r}" for k, v in call.arguments.items() if k.isidentifier() and not keyword.iskeyword(k)]
    other = {k: _plain(v) for k, v in call.arguments.items() if not k.isidentifier() or keyword.iskeyword(k)}
    return f"{call.name}({', '.join([*named, *([f'**{other!r}'] if other else [])])})"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value
