"""From a sweep's tables to `Columns`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
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
    WHERE cell IN ({cells}) AND facts LIKE '%"attempts"%' GROUP BY cell, task
) WHERE share IS NOT NULL GROUP BY cell
"""

# A trial's small whole numbers come as one, (name, bits): what costs here is making Python objects, a million times.
_SMALL = (("cell", 15), ("task", 24), ("repeat", 14), ("status", 2), ("ending", 8))
_REAL = ("seconds", "joules", "started", "measured")
_PACKED = reduce(lambda packed, field: f"({packed} << {field[1]} | {field[0]})", _SMALL, "0")
ROWS = f"SELECT {_PACKED}, {', '.join(_REAL)}"
_ROW = [("small", "<i8"), *((name, "<f8") for name in _REAL)]
_BYTES = ("bytes", "<i8")


def load_columns(db: sqlite3.Connection, *, ids: bool = False) -> tuple[Columns, list[str]]:
    """All stored trials in their order in the file, or with their ids and then ordered by (cell, task, repeat).

    One snapshot of the file. Ordering takes about twice as long: SQLite carries the BLOBs along when it sorts.
    """
    events = bytearray()
    db.execute("BEGIN")
    try:
        cells = db.execute("SELECT id, key, model, harness, suite, facts FROM cell ORDER BY id").fetchall()
        tasks = db.execute(
            "SELECT id, suite, name, base, variant, tier, oracle, null_agents FROM task ORDER BY id"
        ).fetchall()
        layers = tuple(name for (name,) in db.execute("SELECT name FROM layer ORDER BY id"))
        query = f"{ROWS}, id, events FROM trial ORDER BY cell, task, repeat" if ids else f"{ROWS}, events FROM trial"
        rows = np.fromiter(
            _moving_events(db.execute(query), events),
            dtype=[*_ROW, ("id", "O"), _BYTES] if ids else [*_ROW, _BYTES],
        )
        choosing = [str(id) for id, *_, facts in cells if _may_choose(loads(facts))]
        ceilings = dict(db.execute(_CEILINGS.format(cells=", ".join(choosing))).fetchall()) if choosing else {}
        runs = [loads(facts) for (facts,) in db.execute("SELECT facts FROM run ORDER BY id")]
    finally:
        db.execute("COMMIT")
    offsets = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(rows["bytes"] // EVENT.itemsize, out=offsets[1:])
    columns = Columns(
        cells=tuple(CellRow(k, m, h, s, loads(f), ceilings.get(i)) for i, k, m, h, s, f in cells),
        tasks=tuple(_task(row) for row in tasks),
        trials=_trials(rows, [row[0] for row in cells], [row[0] for row in tasks]),
        events=unpack_events(events),
        offsets=offsets,
        layers=layers,
        weights=_weights(runs),
        meter=_summed(runs, "rows"),
        counts=_summed(runs, "counts"),
        unmetered_runs=sum("meter" not in facts for facts in runs),
        planned=_planned(runs),
    )
    return columns, rows["id"].tolist() if ids else []


def _moving_events(rows: Iterable[tuple[Any, ...]], events: bytearray) -> Iterator[tuple[Any, ...]]:
    """The rows with their last value moved to `events`, which grows in place and holds no event twice, and its length
    in its place."""
    for row in rows:
        blob = row[-1]
        events += blob
        yield (*row[:-1], len(blob))


def _may_choose(facts: Mapping[str, Any]) -> bool:
    """Whether a layer of the cell may choose among attempts: of ours only one does, of the users' own any might."""
    return any(layer["name"] == "best-of-n" or ":" in layer["name"] for layer in facts.get("layers", ()))


def _task(row: tuple[Any, ...]) -> TaskRow:
    _, suite, name, base, variant, tier, oracle, null = row
    return TaskRow(suite, name, base, variant, tier, np.frombuffer(oracle, dtype=ORACLE), tuple(loads(null)))


def _trials(rows: NDArray[Any], cells: Sequence[int], tasks: Sequence[int]) -> NDArray[Any]:
    """TRIAL[n]: row numbers become positions; `cells` and `tasks` are row numbers, ascending. NULL has become nan."""
    trials = np.zeros(len(rows), dtype=TRIAL)
    small = rows["small"]
    for name, bits in reversed(_SMALL):
        trials["end" if name == "ending" else name] = small & ((1 << bits) - 1)
        small = small >> bits
    for name in _REAL:
        trials[name] = rows[name]
    trials["cell"], trials["task"] = np.searchsorted(cells, trials["cell"]), np.searchsorted(tasks, trials["task"])
    return trials


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


def _planned(runs: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """By cell, the most that any run was to bring it to."""
    most: dict[str, int] = {}
    for facts in runs:
        for key, trials in facts.get("planned", {}).items():
            most[key] = max(trials, most.get(key, 0))
    return most


def _summed(runs: Sequence[Mapping[str, Any]], part: str) -> dict[str, Any]:
    """A part of the runs' meters, by name."""
    total: dict[str, Any] = {}
    for facts in runs:
        for name, amount in facts.get("meter", {}).get(part, {}).items():
            total[name] = total.get(name, 0) + amount
    return total
