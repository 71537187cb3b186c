"""The one shape every importer fills: a trial, what it tells, and its packed events."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from numpy.typing import NDArray

from harnesslab.types import EndReason, ToolCall


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
