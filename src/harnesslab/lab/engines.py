"""Starts engines, keeps those that fit beside each other, and starts one again when it has died."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, runtime_checkable

from harnesslab.engine.memo import MemoEngine, MemoStore
from harnesslab.errors import EngineFailure
from harnesslab.models.entry import ModelEntry
from harnesslab.types import Engine, EngineInfo

StartEngine = Callable[[ModelEntry], Awaitable[Engine]]
Fits = Callable[[ModelEntry, list[ModelEntry]], bool]


@runtime_checkable
class Metered(Protocol):
    """An engine that says where its time went; `engine.llama.LlamaEngine` is one."""

    async def stats(self) -> dict[str, Any]: ...


class Engines:
    """The sweep's running engines, one per model, each behind the memo.

    Args:
        start: starts the engine of a model.
        identity: a model and what its engine says of itself -> all that decides its replies: one memo for each.
        store: where the memo lies; None: no memo at all.
        fits: whether a model can be loaded beside those that are loaded; where not, those are closed first.
        started: told of every engine that has started.
        waiting: as in `MemoEngine`.

    Attributes:
        loading: seconds spent starting engines.
        discarded: engines that failed.
    """

    def __init__(
        self,
        start: StartEngine,
        identity: Callable[[ModelEntry, EngineInfo], str],
        store: MemoStore | None,
        fits: Fits = lambda _entry, _loaded: True,
        started: Callable[[ModelEntry, Engine], None] = lambda _entry, _engine: None,
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._start = start
        self._identity = identity
        self._store = store
        self._fits = fits
        self._started = started
        self._waiting = waiting
        self.loading = 0.0
        self.discarded = 0
        self._running: dict[str, tuple[ModelEntry, Engine]] = {}
        self._metered: dict[str, Metered] = {}
        self._lock = asyncio.Lock()

    async def get(self, entry: ModelEntry) -> Engine:
        """The model's engine, started if it is not running.

        Raises:
            EngineFailure, UserError: it does not start.
        """
        async with self._lock:
            found = self._running.get(entry.name)
            if found is not None:
                return found[1]
            loaded = [other for other, _ in self._running.values()]
            if loaded and not self._fits(entry, loaded):
                await self._close_all()
            engine = await self._timed_start(entry)
            if self._store is not None:
                engine = MemoEngine(engine, self._identity(entry, engine.info), self._store, self._waiting)
            self._running[entry.name] = (entry, engine)
            return engine

    async def _timed_start(self, entry: ModelEntry) -> Engine:
        began = time.perf_counter()
        try:
            engine = await self._start(entry)
        finally:
            self.loading += time.perf_counter() - began
        self._metered.pop(entry.name, None)
        if isinstance(engine, Metered):
            self._metered[entry.name] = engine
        self._started(entry, engine)
        return engine

    async def stats(self, entry: ModelEntry) -> tuple[Metered | None, dict[str, Any]]:
        """The model's running engine with its counters; (None, {}) where none runs, or it does not say in time."""
        engine = self._metered.get(entry.name)
        if entry.name not in self._running or engine is None:
            return None, {}
        try:
            return engine, await asyncio.wait_for(engine.stats(), timeout=10.0)
        except (EngineFailure, TimeoutError):
            return None, {}

    async def discard(self, entry: ModelEntry, engine: Engine) -> None:
        """Closes an engine that failed, unless another has taken its place already."""
        async with self._lock:
            found = self._running.get(entry.name)
            if found is not None and found[1] is engine:
                del self._running[entry.name]
                self.discarded += 1
                await _close(engine)

    async def close(self) -> None:
        async with self._lock:
            await self._close_all()

    async def _close_all(self) -> None:
        while self._running:
            _, (_, engine) = self._running.popitem()
            await _close(engine)


async def _close(engine: Engine) -> None:
    """A dead engine may complain about being closed; nothing is lost by that."""
    with contextlib.suppress(Exception):
        await asyncio.wait_for(engine.close(), timeout=20.0)
