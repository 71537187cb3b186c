"""A sweep as columns: what scoring reads. Numpy only; no SQL and no JSON behind this line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab.types import NOTHING, Weights


class TrialStatus(IntEnum):
    """The codes are stored; never renumber them. MISSING is the lab's failure, not the agent's."""

    FAILED = 0
    PASSED = 1
    MISSING = 2


TRIAL = np.dtype(
    [
        ("cell", "<i4"),  # index into Columns.cells
        ("task", "<i4"),  # index into Columns.tasks
        ("repeat", "<i4"),
        ("status", "u1"),  # TrialStatus
        ("end", "u1"),  # position in list(EndReason); 255 when missing
        ("pad", "V2"),
        ("seconds", "<f8"),  # wall time of the trial, memo hits at their original's time
        ("joules", "<f8"),  # attributed; nan where nothing measures energy
        ("started", "<f8"),  # seconds since the epoch
        ("measured", "<f8"),  # seconds of the engine's work for its replies, nan where the engine does not say
    ]
)

ORACLE = np.dtype([("action", "<u8"), ("tool", "<u4"), ("pad", "V4")])


@dataclass(frozen=True, slots=True)
class CellRow:
    """One model x harness x suite. `key` is the identity hash, `facts` what went into it.

    `ceiling`, where a layer chose among attempts: the share of trials in which one of them would have passed, as a mean
    over tasks.
    """

    key: str
    model: str
    harness: str
    suite: str
    facts: Mapping[str, Any] = NOTHING
    ceiling: float | None = None

    @property
    def label(self) -> str:
        return f"{self.model}/{self.harness}/{self.suite}"


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task as scoring needs it.

    Attributes:
        base: the template it was drawn from.
        oracle: ORACLE[n], the calls that solve it, as hashes.
        null: names of the do-nothing agents ("idle", "refuse") that would pass it.
    """

    suite: str
    id: str
    base: str
    variant: str
    tier: str
    oracle: NDArray[Any]
    null: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """All finished trials of a sweep, or those of an imported file, in any order: no figure depends on it.

    Attributes:
        trials: TRIAL[n].
        events: EVENT[m], every trial's events one after the other.
        offsets: int64[n + 1]; trial i owns events[offsets[i]:offsets[i + 1]].
        layers: layer names; an event's `layer` indexes it, and layers[0] is "".
        weights: by model, what its requests cost alone; models that were not calibrated are not in it.
        meter: seconds by name of what the wall time of the runs went into; those of `Meter` in the lab.
        counts: what the engines had to do to their cells, by the names of `Meter`; only those that are not 0.
        unmetered_runs: runs that did not end in good order, which `meter` leaves out.
        planned: by key of the cell, how many trials it is to have; older and imported sweeps do not say.
    """

    cells: tuple[CellRow, ...]
    tasks: tuple[TaskRow, ...]
    trials: NDArray[Any]
    events: NDArray[Any]
    offsets: NDArray[np.int64]
    layers: tuple[str, ...]
    weights: Mapping[str, Weights] = NOTHING
    meter: Mapping[str, float] = NOTHING
    counts: Mapping[str, int] = NOTHING
    unmetered_runs: int = 0
    planned: Mapping[str, int] = NOTHING
