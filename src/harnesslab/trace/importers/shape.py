"""The one shape every importer fills: a trial, what it tells, and its packed events."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab.types import EndReason, Status, ToolCall, stable_hash
from harnesslab_kernels.events import (
    ANSWER,
    CALL,
    END,
    EVENT,
    EXEC,
    KNOWN_TOOL,
    REACHED,
    REPLY,
    SCHEMA_VALID,
    USER,
    WROTE,
)


class Tells(StrEnum):
    """What a trial's record can tell. A figure that needs more than its trials tell is not shown."""

    VERDICT = "verdict"  # passed or failed
    ORACLE = "oracle"  # the expected calls
    NULL = "null"  # whether an agent that does nothing would pass
    REPEATS = "repeats"  # which trials are attempts at one task
    PARSE = "parse"  # calls as the model wrote them, also those that cannot be read
    KNOWN = "known"  # which tools exist
    SCHEMAS = "schemas"  # which arguments fit
    TOKENS = "tokens"  # of the whole trial
    REPLY_TOKENS = "reply-tokens"  # of each reply
    CACHE = "cache"  # prompt tokens not computed again
    SECONDS = "seconds"  # how long a trial took


@dataclass(frozen=True, slots=True)
class Expected:
    """A task as far as a file tells of it.

    Attributes:
        oracle: the calls that solve it; None where the file does not say.
        null: names of the do-nothing agents that would pass it; None where that cannot be known.
        content: hash of its text and oracle, 0 if there is neither: two records of one id with two contents are two
            tasks.
    """

    oracle: tuple[ToolCall, ...] | None = None
    null: tuple[str, ...] | None = None
    content: int = 0


UNKNOWN = Expected()


@dataclass(frozen=True, slots=True)
class ForeignTask:
    """A task that a file tells of apart from its trials, before or after them."""

    suite: str
    id: str
    expected: Expected


@dataclass(frozen=True, slots=True)
class ForeignTrial:
    """One attempt at one task, recorded elsewhere.

    Attributes:
        task: its id in the file; `expected` what the trial itself tells of it.
        place: where it stands, for people.
        tells: all but ORACLE, NULL and SECONDS, which follow from other fields.
        repeat: as recorded; None: counted in order of appearance.
        passed: None where there is no verdict.
        crash: why it never came to an end of its own, "" if it did. Such a trial is missing, not failed, unless asked
            for.
        events: EVENT[n]; `oracle` is -1 everywhere, it is matched when all is read.
        seconds, joules: nan where the file does not say.
        started: seconds since the epoch; 0 if unknown.
    """

    model: str
    harness: str
    suite: str
    task: str
    repeat: int | None
    passed: bool | None
    events: NDArray[Any]
    tells: frozenset[Tells]
    place: str
    expected: Expected = UNKNOWN
    crash: str = ""
    end: EndReason = EndReason.ANSWERED
    seconds: float = math.nan
    joules: float = math.nan
    started: float = 0.0


@dataclass(frozen=True, slots=True)
class OwnTrial:
    """A trial that harnesslab exported: its facts as `store.rows` writes them, and its events as they were.

    Attributes:
        events: EVENT[n]; `layer` indexes `layers`.
    """

    facts: Mapping[str, Any]
    events: NDArray[Any]
    layers: tuple[str, ...]
    place: str


Found = ForeignTrial | ForeignTask | OwnTrial

_INT32 = 0x7FFFFFFF
_FIELDS = (
    *("kind", "turn", "status", "flags", "action", "tool", "result"),
    *("prompt", "cached", "generated", "reasoning", "start", "duration"),
)
_STATUS, _FLAGS, _RESULT, _PROMPT = (_FIELDS.index(name) for name in ("status", "flags", "result", "prompt"))

_UNKNOWN = tuple(name for name in ("oracle", "own") if name in (EVENT.names or ()))  # -1 there: none, or not known

# What a tool does cannot be read off a trace, so it is taken from the convention for naming tools: these only look.
READ_VERBS = ("get", "find", "list", "search", "read", "view", "show", "check", "look", "lookup", "fetch", "query")
LOOKS = (*READ_VERBS, "calculate", "think", "transfer")


def may_write(tool: str) -> bool:
    """Whether a tool of this name may change the world: its first word is none that only looks, or hands over."""
    return tool.lower().replace("-", "_").split("_")[0].split(".")[-1] not in LOOKS


@dataclass(frozen=True, slots=True)
class Tokens:
    """Of one reply. `known` is False where the file does not say."""

    prompt: int = 0
    cached: int = 0
    generated: int = 0
    reasoning: int = 0
    known: bool = False


class TraceBuilder:
    """Packs one trial's events. Array fields are filled by name; those a foreign trace has nothing for stay 0."""

    __slots__ = ("_rows", "_wrote", "turn")

    def __init__(self) -> None:
        self._rows: list[list[Any]] = []
        self._wrote: set[int] = set()
        self.turn = 0

    def __len__(self) -> int:
        return len(self._rows)

    def reply(
        self,
        text: str,
        *,
        answer: bool,
        status: Status = Status.OK,
        tokens: Tokens = Tokens(),
        start: float = 0.0,
        duration: float = 0.0,
    ) -> int:
        """One model reply: begins the next turn."""
        return self.hashed_reply(
            stable_hash(text), answer=answer, status=status, tokens=tokens, start=start, duration=duration
        )

    def hashed_reply(
        self,
        said: int,
        *,
        answer: bool,
        status: Status = Status.OK,
        tokens: Tokens = Tokens(),
        start: float = 0.0,
        duration: float = 0.0,
    ) -> int:
        self.turn += 1
        flags = ANSWER if answer and status in (Status.OK, Status.LENGTH) else 0
        spent = (tokens.prompt, tokens.cached, tokens.generated, tokens.reasoning)
        return self._add(REPLY, status, flags, 0, 0, said, *spent, start, duration)

    def call(self, call: ToolCall, *, known: bool = True, valid: bool = True, start: float = 0.0) -> int:
        """One emitted call. It counts as skipped until it is answered."""
        return self.hashed_call(call.key, call.tool_key, known=known, valid=valid, start=start)

    def hashed_call(self, action: int, tool: int, *, known: bool = True, valid: bool = True, start: float = 0.0) -> int:
        flags = (KNOWN_TOOL if known else 0) | (SCHEMA_VALID if known and valid else 0)
        return self._add(CALL, Status.SKIPPED, flags, action, tool, 0, 0, 0, 0, 0, start, 0.0)

    def answered(self, index: int, status: Status, result: int, *, wrote: bool = False) -> None:
        """What an emitted call was answered; `result` is the hash of the text, `wrote` whether the world changed."""
        row = self._rows[index]
        row[_STATUS], row[_RESULT] = int(status), result
        if status is Status.UNKNOWN_TOOL:
            row[_FLAGS] &= ~(KNOWN_TOOL | SCHEMA_VALID)
        else:
            row[_FLAGS] |= REACHED
            if wrote and status is Status.OK:
                self._wrote.add(index)

    def user(self) -> None:
        self._add(USER, Status.OK, 0, 0, 0, 0, 0, 0, 0, 0, 0.0, 0.0)

    def charge(self, tokens: Tokens) -> bool:
        """Puts a whole trial's tokens on its last reply; False where there is no reply."""
        for row in reversed(self._rows):
            if row[0] == REPLY:
                row[_PROMPT : _PROMPT + 4] = _counts(tokens.prompt, tokens.cached, tokens.generated, tokens.reasoning)
                return True
        return False

    def finish(self) -> NDArray[Any]:
        """EVENT[n]. A call that changed the world is followed by an EXEC that says so."""
        self._add(END, Status.OK, 0, 0, 0, 0, 0, 0, 0, 0, 0.0, 0.0)
        rows = list(self._with_writes()) if self._wrote else self._rows
        events = np.zeros(len(rows), dtype=EVENT)
        for name, column in zip(_FIELDS, zip(*rows, strict=True), strict=True):
            events[name] = column
        for name in _UNKNOWN:
            events[name] = -1
        return events

    def _with_writes(self) -> Iterator[list[Any]]:
        for i, row in enumerate(self._rows):
            yield row
            if i in self._wrote:
                yield [EXEC, row[1], row[2], WROTE, *row[4:]]

    def _add(
        self,
        kind: int,
        status: Status,
        flags: int,
        action: int,
        tool: int,
        result: int,
        prompt: int,
        cached: int,
        generated: int,
        reasoning: int,
        start: float,
        duration: float,
    ) -> int:
        counts = _counts(prompt, cached, generated, reasoning)
        times = (start if math.isfinite(start) else 0.0, duration if math.isfinite(duration) else 0.0)
        turn = min(self.turn, 0xFFFF)
        self._rows.append([kind, turn, int(status), flags, action, tool, result, *counts, *times])
        return len(self._rows) - 1


def _counts(*tokens: int) -> list[int]:
    return [max(0, min(n, _INT32)) for n in tokens]


def number(value: Any) -> float | None:
    """A finite number as a float; None for anything else, booleans too."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def fits(value: float, dtype: np.dtype[Any]) -> bool:
    """Whether a field of this type can hold a number."""
    if dtype.kind == "f":
        return math.isfinite(value)
    limits = np.iinfo(dtype)
    return isinstance(value, int) and int(limits.min) <= value <= int(limits.max)


def count(value: Any) -> int:
    """A whole number >= 0; 0 for anything else. OTLP writes 64-bit integers as strings."""
    found = number(value)
    return max(0, min(int(found), _INT32)) if found is not None else 0


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text_of(value: Any) -> str:
    """Text content: a string, the text parts of a list of parts, or the JSON of anything else."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        parts = (p if isinstance(p, str) else mapping(p).get("text", mapping(p).get("content", "")) for p in value)
        return "".join(p for p in parts if isinstance(p, str))
    from harnesslab.trace.events import dumps

    return dumps(value).decode(errors="replace")
