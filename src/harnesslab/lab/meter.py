"""Where a run's wall time went: the measured ledger of a run. Its rows add up to the wall.

trials     the engines' work for the replies of trials that were kept
dropped    their work for trials that were not: cancelled, or lost with an engine
copying    engines saving states of sequences in host memory, and bringing them back
scheduling engines choosing what to compute next, talking
idle       engines waiting for a request while the lab ran worlds, tools and users
loading    starting and calibrating engines
unread     engines that keep no such books (a server), or died before they could be asked
lab        what is left: planning, storing, ending
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from harnesslab.lab.engines import Engines
from harnesslab.models.entry import ModelEntry
from harnesslab.types import Engine

ROWS = ("trials", "dropped", "copying", "scheduling", "idle", "loading", "unread", "lab")
_COUNTERS = ("up", "busy", "sampling", "copying", "idle")
COUNTS = ("evicted", "restore_failed", "preempted", "astray")
_UNTOLD = ("template", "stops")  # of an engine's details: long, and told elsewhere


class Meter:
    """Takes readings of the engines around each model's turn; one model works at a time."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._kept = 0.0
        self._busy = self._sampling = 0.0
        self._rows = dict.fromkeys(ROWS, 0.0)
        self._counts = dict.fromkeys(COUNTS, 0)
        self._threads: dict[str, dict[str, int]] = {}

    def keep(self, measured: float) -> None:
        """A trial was committed; `measured` are its seconds, nan where its engine does not say."""
        if not math.isnan(measured):
            self._kept += measured

    @asynccontextmanager
    async def turn(self, engines: Engines, entry: ModelEntry) -> AsyncIterator[None]:
        """Reads the model's engine before and after what happens inside."""
        first, before = await engines.stats(entry)
        began, loading, discarded = time.perf_counter(), engines.loading, engines.discarded
        try:
            yield
        finally:
            engine, after = await engines.stats(entry)
            loaded = engines.loading - loading
            wall = time.perf_counter() - began - loaded
            if engine is not first:
                before = {}  # another process, whose counters began at 0
            up, busy, sampling, copying, idle = (after.get(k, 0.0) - before.get(k, 0.0) for k in _COUNTERS)
            self._busy += busy
            self._sampling += sampling
            if "threads" in after:
                self._threads[entry.name] = after["threads"]
            for name in COUNTS:
                self._counts[name] += max(0, after.get(name, 0) - before.get(name, 0))
            self._rows["loading"] += loaded
            self._rows["idle"] += idle
            self._rows["copying"] += copying
            self._rows["scheduling"] += up - busy - sampling - copying - idle
            if engine is None or engines.discarded > discarded:
                self._rows["unread"] += max(0.0, wall - up)

    def facts(self) -> dict[str, Any]:
        """For the run's facts, in seconds: `wall`; of it `busy` in llama_decode and `sampling`; and all `rows`.

        Beside them `counts` that are not 0: sequences evicted, parked states not restored, requests preempted, cells
        astray; and `threads`, by model and batch size the count that was best in the end.
        """
        rows, work, wall = dict(self._rows), self._busy + self._sampling, time.perf_counter() - self._began
        lost = max(0.0, self._kept - work)  # replies of an engine that died before it could be asked
        rows["trials"], rows["dropped"] = self._kept, max(0.0, work - self._kept)
        rows["unread"] = max(0.0, rows["unread"] - lost)
        rows["lab"] = wall - sum(rows.values())
        counts = {name: count for name, count in self._counts.items() if count}
        return {
            "wall": wall,
            "busy": self._busy,
            "sampling": self._sampling,
            "rows": rows,
            "counts": counts,
            "threads": self._threads,
        }


def engine_facts(engine: Engine) -> dict[str, Any]:
    """What a run's facts say of one engine."""
    info = engine.info
    return {
        "engine": info.name,
        "n_ctx": info.n_ctx,
        "concurrency": info.concurrency,
        **{k: v for k, v in info.details.items() if k not in _UNTOLD},
        "weights": [asdict(info.weights)] if info.weights is not None else [],
    }
