"""Runs the trials of one model, many at once, and deals with engines that die.

A trial whose engine died is put aside; when the others are through, those put aside run again, one at a time. So a
trial that kills its engine is found, and does not take its neighbours with it twice. What dies again is MISSING, and so
is what was put aside when no engine can be had any more; the rest is left for another run.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any

from harnesslab.errors import EngineFailure, UserError
from harnesslab.lab.attempt import Attempts, cause_of
from harnesslab.lab.engines import Engines
from harnesslab.lab.places import Places, worth_running
from harnesslab.models.entry import ModelEntry
from harnesslab.plan import TrialPlan
from harnesslab.store.records import TrialRecord
from harnesslab.types import Engine

_GIVE_UP_AFTER = 3  # missing trials in a row


_Aside = tuple[TrialPlan, EngineFailure]  # a trial and what its first try died of


class Unusable(Exception):
    """A model whose engine does not start, or keeps dying; its remaining trials are left for another day."""


class Runner:
    """Runs trials and hands each record to `commit`, in the order in which they end.

    Args:
        places: of the trials that are at work; those that wait for another's reply are not.
        faults: file to which tracebacks of our own faults are appended.
        concurrency: trials at once; 0: what keeps the engine busy.
    """

    def __init__(
        self,
        attempts: Attempts,
        engines: Engines,
        places: Places,
        commit: Callable[[TrialPlan, TrialRecord], None],
        faults: Path,
        concurrency: int = 0,
    ) -> None:
        self._attempts = attempts
        self._engines = engines
        self._places = places
        self._commit = commit
        self._faults = faults
        self._concurrency = concurrency
        self.draining = False  # set: start no further trial

    async def run(self, entry: ModelEntry, trials: Sequence[TrialPlan]) -> None:
        """Runs all of one model's trials.

        Raises:
            Unusable: the model's engine cannot be had.
        """
        queue, aside = deque(trials), deque[_Aside]()
        engine = await self._engine(entry)
        self._places.total = self._concurrency or worth_running(engine.info)
        # where all arms wait for one of them
        most = self._concurrency or self._places.total * len({trial.cell for trial in trials})
        try:
            await _all(self._worker(entry, queue, aside) for _ in range(max(1, min(most, len(queue)))))
            await self._again(entry, aside)
        except Unusable:
            for trial, failure in aside:
                self._commit(trial, self._attempts.missing(trial, cause_of(failure)))
            raise

    async def _worker(self, entry: ModelEntry, queue: deque[TrialPlan], aside: deque[_Aside]) -> None:
        while queue and not self.draining:
            async with self._places:
                if not queue or self.draining:
                    return
                trial = queue.popleft()
                try:
                    await self._one(entry, trial)
                except EngineFailure as e:
                    aside.append((trial, e))
            await asyncio.sleep(0)  # an engine that never waits must not keep signals and the clock out

    async def _again(self, entry: ModelEntry, aside: deque[_Aside]) -> None:
        lost = 0
        while aside and not self.draining:
            trial, _ = aside[0]
            try:
                await self._one(entry, trial)
                aside.popleft()
                lost = 0
            except EngineFailure as e:
                aside.popleft()
                self._commit(trial, self._attempts.missing(trial, cause_of(e)))
                lost += 1
                if lost == _GIVE_UP_AFTER:
                    raise Unusable(f"{entry.name}: its engine failed {lost} times in a row ({e})") from e

    async def _one(self, entry: ModelEntry, trial: TrialPlan) -> None:
        engine = await self._engine(entry)
        try:
            record = await self._attempts.run(trial, engine)
        except EngineFailure as e:
            if not e.only_this_request:
                await self._engines.discard(entry, engine)
            raise
        except UserError:
            raise
        except Exception as e:
            self._note(trial)
            record = self._attempts.missing(trial, cause_of(e))
        self._commit(trial, record)

    async def _engine(self, entry: ModelEntry) -> Engine:
        try:
            try:
                return await self._engines.get(entry)
            except EngineFailure as e:
                if e.cause != "worker-died":
                    raise
                return await self._engines.get(entry)  # killed while it loaded: that says nothing of the model
        except (EngineFailure, UserError) as e:
            raise Unusable(f"{entry.name} does not start: {e}") from e

    def _note(self, trial: TrialPlan) -> None:
        with contextlib.suppress(OSError), self._faults.open("a", encoding="utf-8") as file:
            file.write(f"{self._attempts.label(trial)} ({trial.id})\n{traceback.format_exc()}\n")


async def _all(coroutines: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Waits for all; when one raises, or the wait is cancelled, cancels the others and waits for those too."""
    tasks = [asyncio.ensure_future(c) for c in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
