"""From a sweep's tables to `Columns`."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab.store.columns import ORACLE, TRIAL, CellRow, Columns, TaskRow
from harnesslab.trace.events import loads, unpack_events
from harnesslab.types import Weights
from harnesslab_kernels.events import EVENT

_CEILINGS = """
SELECT cell, avg(share) FROM (
    SELECT cell, avg(json_extract(facts, '$.attempts.any')) AS share FROM trial
    WHERE facts LIKE '%"attempts"%' GROUP BY cell, task
) WHERE share IS NOT NULL GROUP BY cell
"""


def load_columns(db: sqlite3.Connection) -> tuple[Columns, list[str]]:
    """All stored trials, ordered by (cell, task, repeat), with their ids; read in one snapshot of the file."""
    db.execute("BEGIN")
    try:
        cells = db.execute("SELECT id, key, model, harness, suite, facts FROM cell ORDER BY id").fetchall()
        tasks = db.execute(
            "SELECT id, suite, name, base, variant, tier, oracle, null_agents FROM task ORDER BY id"
        ).fetchall()
        layers = tuple(name for (name,) in db.execute("SELECT name FROM layer ORDER BY id"))
        rows = db.execute(
            "SELECT cell, task, repeat, status, ending, seconds, joules, started, events, id, measured FROM trial"
            " ORDER BY cell, task, repeat"
        ).fetchall()
        ceilings = dict(db.execute(_CEILINGS).fetchall())
        runs = [loads(facts) for (facts,) in db.execute("SELECT facts FROM run ORDER BY id")]
    finally:
        db.execute("COMMIT")
    cell_at = {row[0]: i for i, row in enumerate(cells)}
    task_at = {row[0]: i for i, row in enumerate(tasks)}
    blobs = [row[8] for row in rows]
    offsets = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([len(b) // EVENT.itemsize for b in blobs], out=offsets[1:])
    columns = Columns(
        cells=tuple(CellRow(k, m, h, s, loads(f), ceilings.get(i)) for i, k, m, h, s, f in cells),
        tasks=tuple(_task(row) for row in tasks),
        trials=_trials(rows, cell_at, task_at),
        events=unpack_events(b"".join(blobs)),
        offsets=offsets,
        layers=layers,
        weights=_weights(runs),
        meter=_summed(runs, "rows"),
        counts=_summed(runs, "counts"),
        unmetered_runs=sum("meter" not in facts for facts in runs),
    )
    return columns, [row[9] for row in rows]


def _task(row: tuple[Any, ...]) -> TaskRow:
    _, suite, name, base, variant, tier, oracle, null = row
    return TaskRow(suite, name, base, variant, tier, np.frombuffer(oracle, dtype=ORACLE), tuple(loads(null)))


def _trials(rows: list[Any], cell_at: dict[int, int], task_at: dict[int, int]) -> NDArray[Any]:
    trials = np.zeros(len(rows), dtype=TRIAL)
    for i, (cell, task, repeat, status, end, seconds, joules, started, _, _, measured) in enumerate(rows):
        joules, measured = _nan(joules), _nan(measured)
        trials[i] = (cell_at[cell], task_at[task], repeat, status, end, b"", seconds, joules, started, measured)
    return trials


def _nan(value: float | None) -> float:
    return math.nan if value is None else value


def _weights(runs: Sequence[Mapping[str, Any]]) -> dict[str, Weights]:
    """By model, the calibration of all runs that finds a typical request cheapest.

    Other programs only ever make a machine slower; and all arms of a model are to be charged alike, whichever run they
    come from.
    """
    found: dict[str, list[Weights]] = {}
    for facts in runs:
        for model, engine in facts.get("engines", {}).items():
            found.setdefault(model, []).extend(Weights(**w) for w in engine["weights"])
    return {model: min(several, key=_typical) for model, several in found.items() if several}


def _typical(weights: Weights) -> float:
    """Seconds of 500 prompt tokens and 50 decoded ones."""
    return weights.of_feed(0, 500, drawn=False) + 50 * weights.of_feed(500, 1, drawn=True)


def _summed(runs: Sequence[Mapping[str, Any]], part: str) -> dict[str, Any]:
    """A part of the runs' meters, by name."""
    total: dict[str, Any] = {}
    for facts in runs:
        for name, amount in facts.get("meter", {}).get(part, {}).items():
            total[name] = total.get(name, 0) + amount
    return total
