"""Starts engines, keeps those that fit beside each other, and starts one again when it has died."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from harnesslab.engine.memo import MemoEngine, MemoStore
from harnesslab.models.entry import ModelEntry
from harnesslab.types import Engine

StartEngine = Callable[[ModelEntry], Awaitable[Engine]]
Fits = Callable[[ModelEntry, list[ModelEntry]], bool]


class Engines:
    """The sweep's running engines, one per model, each behind the memo.

    Args:
        start: starts the engine of a model.
        identity: model -> all that decides its replies; a memo is kept per identity.
        store: where the memo lies; None: no memo at all.
        fits: whether a model can be loaded beside those that are loaded; where not, those are closed first.
    """

    def __init__(
        self,
        start: StartEngine,
        identity: Callable[[ModelEntry], str],
        store: MemoStore | None,
        fits: Fits = lambda _entry, _loaded: True,
    ) -> None:
        self._start = start
        self._identity = identity
        self._store = store
        self._fits = fits
        self._running: dict[str, tuple[ModelEntry, Engine]] = {}
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
            engine = await self._start(entry)
            if self._store is not None:
                engine = MemoEngine(engine, self._identity(entry), self._store)
            self._running[entry.name] = (entry, engine)
            return engine

    async def discard(self, entry: ModelEntry, engine: Engine) -> None:
        """Closes an engine that failed, unless another has taken its place already."""
        async with self._lock:
            found = self._running.get(entry.name)
            if found is not None and found[1] is engine:
                del self._running[entry.name]
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
