"""A trial as one flat row of plain values, for tables and traces that leave harnesslab, and back into `Columns`.

The same names everywhere: in `trials.parquet`, in CSV and JSON, in the attribute `harnesslab.trial` of a trace.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab.errors import UserError
from harnesslab.store.columns import ORACLE, TRIAL, CellRow, Columns, TaskRow, TrialStatus
from harnesslab.store.records import MISSING_END
from harnesslab.trace.events import dumps, loads
from harnesslab.types import EndReason, ToolCall, Weights
from harnesslab_kernels.events import EVENT

_ENDS = list(EndReason)
_SAID = {"cell", "task", "repeat", "status", "end", "pad"}  # fields of TRIAL that a row writes in words


def trial_row(columns: Columns, i: int, id: str) -> dict[str, Any]:
    """Trial i of a sweep. `cell_facts`, `weights`, `oracle` and `null` are JSON text; what has no value is None."""
    trial = columns.trials[i]
    cell, task = columns.cells[trial["cell"]], columns.tasks[trial["task"]]
    end = int(trial["end"])
    row: dict[str, Any] = {
        "trial": id,
        "cell": cell.key,
        "model": cell.model,
        "harness": cell.harness,
        "suite": cell.suite,
        "task": task.id,
        "base": task.base,
        "variant": task.variant,
        "tier": task.tier,
        "repeat": int(trial["repeat"]),
        "status": TrialStatus(int(trial["status"])).name.lower(),
        "end": "" if end == MISSING_END else str(_ENDS[end]),
    }
    for name in TRIAL.names or ():
        if name not in _SAID:
            value = trial[name].item()
            row[name] = None if isinstance(value, float) and math.isnan(value) else value
    oracle = [[int(o["action"]), int(o["tool"])] for o in task.oracle]
    row["oracle"] = dumps(oracle).decode()
    row["null"] = dumps(list(task.null)).decode()
    row["cell_facts"] = dumps(cell.facts).decode()
    weights = columns.weights.get(cell.model)
    row["weights"] = "" if weights is None else dumps(asdict(weights)).decode()
    row["planned"] = columns.planned.get(cell.key)
    return row


class Gathering:
    """Puts trials together to `Columns`. Events lie in one buffer that grows in place."""

    def __init__(self) -> None:
        self.cells: dict[str, int] = {}
        self.tasks: dict[tuple[str, str], int] = {}
        self.cell_rows: list[CellRow] = []
        self.task_rows: list[TaskRow] = []
        self.layers: dict[str, int] = {"": 0}
        self.weights: dict[str, Weights] = {}  # by model
        self.planned: dict[str, int] = {}  # trials, by cell
        self.ids: list[str] = []
        self.oracles: dict[int, tuple[ToolCall, ...]] = {}  # of tasks, where they came as calls
        self._trials: list[dict[str, Any]] = []
        self._events = bytearray()
        self._offsets = [0]

    def cell(self, row: CellRow) -> int:
        if row.key not in self.cells:
            self.cells[row.key] = len(self.cell_rows)
            self.cell_rows.append(row)
        return self.cells[row.key]

    def task(self, row: TaskRow) -> int:
        key = (row.suite, row.id)
        if key not in self.tasks:
            self.tasks[key] = len(self.task_rows)
            self.task_rows.append(row)
        return self.tasks[key]

    def add(self, id: str, events: NDArray[Any], trial: dict[str, Any], layers: Sequence[str] = ("",)) -> None:
        """One trial: its events and its fields of TRIAL by name.

        Args:
            layers: names that `events["layer"]` indexes.
        """
        if len(layers) > 1:
            known = [self.layers.setdefault(name, len(self.layers)) for name in layers]
            events = events.copy()
            events["layer"] = np.minimum(np.array(known)[np.minimum(events["layer"], len(known) - 1)], 255)
        self._events += events.tobytes()
        self._offsets.append(self._offsets[-1] + len(events))
        self._trials.append(trial)
        self.ids.append(id)

    def __len__(self) -> int:
        return len(self._trials)

    def columns(self) -> Columns:
        """All that was added, in its order: sorting would need the events twice."""
        trials = np.zeros(len(self._trials), dtype=TRIAL)
        for name in TRIAL.names or ():
            if name != "pad":
                missing: Any = math.nan if TRIAL[name].kind == "f" else 0
                trials[name] = [t.get(name, missing) for t in self._trials]
        events = np.frombuffer(self._events, dtype=EVENT)
        offsets = np.array(self._offsets, dtype=np.int64)
        cells, tasks, layers = tuple(self.cell_rows), tuple(self.task_rows), tuple(self.layers)
        return Columns(cells, tasks, trials, events, offsets, layers, self.weights, planned=self.planned)


def add_row(gathering: Gathering, row: Mapping[str, Any], events: NDArray[Any], layers: Sequence[str]) -> None:
    """The inverse of `trial_row`.

    Raises:
        UserError: the row is not one of ours; nothing was added.
    """
    try:
        oracle = np.array([tuple(o) for o in loads(row["oracle"])], dtype=[("action", "<u8"), ("tool", "<u4")])
        packed = np.zeros(len(oracle), dtype=ORACLE)
        packed["action"], packed["tool"] = oracle["action"], oracle["tool"]
        suite = str(row["suite"])
        base, variant, tier = (str(row[name]) for name in ("base", "variant", "tier"))
        task = TaskRow(suite, str(row["task"]), base, variant, tier, packed, tuple(map(str, loads(row["null"]))))
        facts = loads(row["cell_facts"])
        cell = CellRow(str(row["cell"]), str(row["model"]), str(row["harness"]), suite, facts)
        end = MISSING_END if not row["end"] else _ENDS.index(EndReason(row["end"]))
        status = TrialStatus[str(row["status"]).upper()]
        trial: dict[str, Any] = {"repeat": int(row["repeat"]), "status": status, "end": end}
        for name in TRIAL.names or ():
            if name not in _SAID and row.get(name) is not None:
                trial[name] = float(row[name]) if TRIAL[name].kind == "f" else int(row[name])
        id = str(row["trial"])
        weights = Weights(**loads(row["weights"])) if row.get("weights") else None
        planned = None if row.get("planned") in (None, "") else int(row["planned"])
    except (KeyError, ValueError, TypeError, OverflowError, AttributeError) as e:
        raise UserError("an exported trial cannot be read", f"{type(e).__name__}: {e}", "export the sweep again") from e
    if weights is not None:
        gathering.weights[cell.model] = weights
    if planned is not None:
        gathering.planned[cell.key] = planned
    trial["cell"], trial["task"] = gathering.cell(cell), gathering.task(task)
    gathering.add(id, events, trial, layers)


def rows(columns: Columns, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
    """`trial_row` of every trial."""
    return (trial_row(columns, i, id) for i, id in enumerate(ids))
