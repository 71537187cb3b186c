"""The model that plays the users of a sweep: one engine beside those that are measured, and its own account.

Its work is no row of the measured ledger: to the engine under test it is time in which nobody asked, so `idle`.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import asdict
from typing import Any

from harnesslab.engine.memo import MemoEngine, MemoStore
from harnesslab.errors import EngineFailure
from harnesslab.harness.model_user import ModelUser
from harnesslab.lab.engines import StartEngine
from harnesslab.lab.manifest import build_of
from harnesslab.plan import PlayedUser
from harnesslab.types import Briefed, Engine, Task, User, canonical, stable_hash


class Players:
    """Gives each trial its user: the one that the plan names a model for, or the task's own.

    Args:
        played: the model that plays users; None: nobody does.
        memo: where replies are kept, so that arms that said the same hear the same.
    """

    def __init__(self, played: PlayedUser | None, start: StartEngine, memo: MemoStore | None) -> None:
        self._played = played
        self._start = start
        self._memo = memo
        self._engine: Engine | None = None
        self._lock = asyncio.Lock()

    async def user(self, task: Task, seed: int, repeat: int, version: str) -> User | None:
        """The user of one trial.

        Raises:
            EngineFailure, UserError: the engine that is to play them does not start.
        """
        if self._played is None or not isinstance(task, Briefed):
            return task.user(seed, repeat)
        stream = stable_hash(seed, version, task.view.id, task.variant, repeat)
        try:
            engine = await self._running()
        except EngineFailure as failure:
            raise EngineFailure("user-model", str(failure)) from failure
        return _Player(self, engine, task.brief, task.view.prompt, self._played.entry.sampling, stream)

    async def _running(self) -> Engine:
        async with self._lock:
            if self._engine is None:
                assert self._played is not None
                engine = await self._start(self._played.entry)
                if self._memo is not None:
                    identity = canonical([self._played.facts["model"], build_of(engine.info)])
                    engine = MemoEngine(engine, identity, self._memo)
                self._engine = engine
            return self._engine

    async def close(self) -> None:
        """Closes the engine; it starts again when it is asked for."""
        engine, self._engine = self._engine, None
        if engine is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(engine.close(), timeout=20.0)


def spent_by(user: User | None) -> dict[str, dict[str, int]]:
    """The tokens that a user's model spent, for a trial's facts; empty where no model played."""
    return {"user": asdict(user.spent)} if isinstance(user, ModelUser) else {}


class _Player(ModelUser):
    """A user whose engine's failures are not taken for failures of the engine under test."""

    def __init__(self, players: Players, engine: Engine, *rest: Any) -> None:
        super().__init__(engine, *rest)
        self._players = players

    async def reply(self, said: str) -> str | None:
        try:
            return await super().reply(said)
        except EngineFailure as failure:
            if not failure.only_this_request:
                await self._players.close()
            raise EngineFailure("user-model", str(failure)) from failure
