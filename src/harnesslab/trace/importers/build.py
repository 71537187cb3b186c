"""Packs a foreign trial's events, one after the other as an importer meets them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab.types import Status, ToolCall, stable_hash
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
_FIRST_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


@lru_cache(maxsize=4096)
def may_write(tool: str) -> bool:
    """Whether a tool of this name may change the world: its first word is none that only looks, or hands over.

    The first word after the last dot: "get" of get_order, shop.get-order, getOrder and GetOrder.
    """
    first = _FIRST_WORD.search(tool.rpartition(".")[2])
    return first is None or first[0].lower() not in LOOKS


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
