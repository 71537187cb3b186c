"""The values that go into and come out of a sweep's file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harnesslab.store.columns import TrialStatus
from harnesslab.types import NOTHING

MISSING_END = 255  # of TRIAL.end


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One finished (or missing) trial, as it is written.

    Attributes:
        id: identity hash; a second record of the same id is dropped, unless the first was MISSING.
        cell, task: row numbers that `Store.add_cell` and `Store.add_task` gave.
        end: position in list(EndReason), or MISSING_END.
        seconds: wall time.
        joules: attributed; nan where nothing measures energy.
        started: seconds since the epoch.
        facts: reasons and flags of the verdict, or the cause of a MISSING one.
        events, payload: the two BLOBs of `TrialRecorder.finish`; empty for a MISSING one.
        measured: seconds of the engine's work for this trial; nan where the engine does not say.
    """

    id: str
    cell: int
    task: int
    repeat: int
    status: TrialStatus
    end: int
    seconds: float
    joules: float
    started: float
    facts: Mapping[str, Any] = NOTHING
    events: bytes = b""
    payload: bytes = b""
    measured: float = math.nan


@dataclass(frozen=True, slots=True)
class TrialText:
    """One stored trial as `harnesslab trace` shows it: what people read, beside the packed events."""

    id: str
    label: str  # of the cell
    task: str
    repeat: int
    status: TrialStatus
    end: int
    seconds: float
    joules: float
    facts: Mapping[str, Any]
    task_facts: Mapping[str, Any]
    events: bytes
    payload: bytes
