"""What is kept of a span until its trace is whole: about a hundred packed bytes, as a file may hold millions."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from harnesslab.trace.importers.build import Tokens
from harnesslab.types import Status


@dataclass(frozen=True, slots=True)
class Call:
    """An emitted call (of an LLM span) or an executed one (a TOOL span); `id` is a hash, 0 where it has none."""

    id: int
    action: int
    tool: int
    writes: bool


@dataclass(frozen=True, slots=True)
class Model:
    """An LLM span. `heard` are the answers to calls in its input, as (id, status, result)."""

    span: int
    start: float
    end: float
    said: int
    status: Status
    tokens: Tokens
    calls: tuple[Call, ...]
    heard: tuple[tuple[int, Status, int], ...]


@dataclass(frozen=True, slots=True)
class Ran:
    """A TOOL span."""

    span: int
    start: float
    end: float
    call: Call
    status: Status
    result: int


_HEAD = struct.Struct("<?QddQB")  # a model's? span, start, end, said or result, status
_TOKENS = struct.Struct("<iiii?HH")  # of a model; then how many calls, how many answers
_CALL = struct.Struct("<QQI?")
_HEARD = struct.Struct("<QBQ")
_MOST = 0xFFFF  # calls of one reply


def pack(found: Model | Ran) -> bytes:
    if isinstance(found, Ran):
        head = _HEAD.pack(False, found.span, found.start, found.end, found.result, found.status)
        return head + _call(found.call)
    t, calls, heard = found.tokens, found.calls[:_MOST], found.heard[:_MOST]
    head = _HEAD.pack(True, found.span, found.start, found.end, found.said, found.status)
    tokens = _TOKENS.pack(t.prompt, t.cached, t.generated, t.reasoning, t.known, len(calls), len(heard))
    return b"".join((head, tokens, *map(_call, calls), *(_HEARD.pack(*h) for h in heard)))


def _call(call: Call) -> bytes:
    return _CALL.pack(call.id, call.action, call.tool, call.writes)


def unpack(data: bytes) -> Model | Ran:
    """The inverse of `pack`."""
    is_model, span, start, end, said, status = _HEAD.unpack_from(data)
    at = _HEAD.size
    if not is_model:
        return Ran(span, start, end, Call(*_CALL.unpack_from(data, at)), Status(status), said)
    prompt, cached, generated, reasoning, known, calls, heard = _TOKENS.unpack_from(data, at)
    at += _TOKENS.size
    made = tuple(Call(*_CALL.unpack_from(data, at + i * _CALL.size)) for i in range(calls))
    at += calls * _CALL.size
    answers = (_HEARD.unpack_from(data, at + i * _HEARD.size) for i in range(heard))
    answered = tuple((id, Status(s), result) for id, s, result in answers)
    return Model(
        span, start, end, said, Status(status), Tokens(prompt, cached, generated, reasoning, known), made, answered
    )
