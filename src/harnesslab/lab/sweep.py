"""Runs a sweep: what is planned and not stored, until it is done or somebody stops it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harnesslab.harness.compose import Harness
from harnesslab.harness.registry import find
from harnesslab.lab.attempt import Attempts
from harnesslab.lab.demo import demo_engine
from harnesslab.lab.engines import Engines, StartEngine
from harnesslab.lab.folders import only_one
from harnesslab.lab.manifest import build_of, refuse_other_build, run_facts
from harnesslab.lab.meter import Meter, engine_facts
from harnesslab.lab.places import Places
from harnesslab.lab.players import Players
from harnesslab.lab.progress import Progress
from harnesslab.lab.runner import Runner, Unusable
from harnesslab.lab.setup import open_store, store_cells, store_tasks
from harnesslab.models.entry import ModelEntry
from harnesslab.plan import Plan, TrialPlan
from harnesslab.store.records import TrialRecord
from harnesslab.store.sqlite import Store
from harnesslab.telemetry.sampler import Telemetry
from harnesslab.trace.recorder import LayerTable
from harnesslab.types import Engine, EngineInfo, canonical


@dataclass(frozen=True, slots=True)
class Options:
    """How to run; nothing here is part of what is measured.

    Attributes:
        max_hours: start no further trial after this; 0: no bound.
        memo: whether replies that arms share are computed once.
        allow_other_build: go on although earlier trials were run under another llama.cpp.
        show: whether to show progress.
        start: starts a model's engine; None: llama.cpp, or the scripted engine for a scripted plan.
    """

    max_hours: float = 0.0
    memo: bool = True
    allow_other_build: bool = False
    show: bool = True
    start: StartEngine | None = None


@dataclass(slots=True)
class Result:
    """How a run ended. `stopped` is "", "interrupted" or "time"; `problems` are lines for people."""

    folder: Path
    planned: int
    stored_before: int
    finished: int = 0
    missing: int = 0
    stopped: str = ""
    problems: list[str] = field(default_factory=list)


def run_sweep(
    plan: Plan, folder: Path, *, config_text: str = "", scripted: bool = False, options: Options | None = None
) -> Result:
    """Runs what is planned and not stored in `folder`. Calling it again resumes.

    SIGINT or SIGTERM ends it cleanly: trials in flight are dropped, finished ones are kept; a second exits at once.

    Raises:
        UserError: the folder is locked, foreign, damaged, full, or holds other cells under the same names.
    """
    with only_one(folder), open_store(plan, folder) as store:
        sweep = _Sweep(plan, folder, store, config_text, scripted, options or Options())
        return sweep.run()


class _Sweep:
    def __init__(
        self, plan: Plan, folder: Path, store: Store, config_text: str, scripted: bool, options: Options
    ) -> None:
        self._plan = plan
        self._store = store
        self._text = config_text
        self._scripted = scripted
        self._options = options
        self._todo = plan.remaining(store.done())
        self._result = Result(folder, len(plan.trials), len(plan.trials) - len(self._todo))
        self._progress = Progress(plan, self._todo, options.show)
        self._layers = LayerTable(store.layers())
        for spec in (spec for cell in plan.cells for spec in cell.layers):  # in this order, not that of interventions
            self._layers.index(find(spec.name).layer.name)
        self._signalled = False
        self._meter = Meter()
        self._engines: dict[str, dict[str, Any]] = {}  # facts of those started in this run

    def run(self) -> Result:
        if not self._todo:
            return self._result
        facts = run_facts(self._plan, self._text, engine="scripted" if self._scripted else "llama")
        refuse_other_build(self._store, facts["build"], allowed=self._options.allow_other_build)
        start = self._options.start or (self._start_scripted if self._scripted else self._start_models())
        self._store.begin_run(facts)
        self._meter = Meter()
        telemetry = Telemetry()
        telemetry.start()
        try:
            with self._progress:
                asyncio.run(self._run_all(start, telemetry))
        finally:
            summary = {**telemetry.stop(), "problems": self._result.problems}
            self._store.note_run({"meter": self._meter.facts()})
            self._store.end_run(summary)
        return self._result

    async def _run_all(self, start: StartEngine, telemetry: Telemetry) -> None:
        memo = self._store if self._options.memo else None
        players = Players(self._plan.user, start, memo)
        attempts = Attempts(
            self._plan,
            store_cells(self._store, self._plan),
            store_tasks(self._store, self._plan),
            self._layers,
            [Harness(c.harness, c.layers) for c in self._plan.cells],
            telemetry,
            players,
        )
        places = Places()
        engines = Engines(start, self._identity, memo, self._fits, self._note, places.lent)
        faults = self._result.folder / "faults.log"
        runner = Runner(attempts, engines, places, self._commit, faults, self._plan.config.concurrency)
        work = asyncio.ensure_future(self._run_models(runner, engines))
        loop = asyncio.get_running_loop()
        with _signals(loop, lambda: self._stop(work)):
            if self._options.max_hours:
                loop.call_later(self._options.max_hours * 3600, self._drain, runner)
            try:
                await work
            except asyncio.CancelledError:
                if not self._signalled:
                    raise
            finally:
                await engines.close()
                await players.close()

    async def _run_models(self, runner: Runner, engines: Engines) -> None:
        unusable: set[str] = set()
        for entry, trials in self._plan.segments(self._todo):
            if runner.draining:
                return
            if entry.name in unusable:
                continue
            try:
                async with self._meter.turn(engines, entry):
                    await runner.run(entry, trials)
            except Unusable as e:
                unusable.add(entry.name)
                self._result.problems.append(str(e))
                self._progress.say(f"left out for now: {e}")

    def _commit(self, trial: TrialPlan, record: TrialRecord) -> None:
        self._store.add_trial(record, list(self._layers))
        self._meter.keep(record.measured)
        self._progress.count(trial, record)
        self._result.finished += 1
        if cause := record.facts.get("cause"):
            self._result.missing += 1
            self._progress.say(f"missing: {record.id[:8]} {cause}")

    def _stop(self, work: asyncio.Future[None]) -> None:
        if self._signalled:
            os._exit(130)
        self._signalled = True
        self._result.stopped = "interrupted"
        self._progress.say("stopping; press Ctrl-C again to exit at once")
        work.cancel()

    def _drain(self, runner: Runner) -> None:
        runner.draining = True
        self._result.stopped = "time"
        self._progress.say("time is up: finishing the trials in flight")

    # --- engines

    def _note(self, entry: ModelEntry, engine: Engine) -> None:
        facts = engine_facts(engine)
        facts["weights"] += self._engines.get(entry.name, {}).get("weights", [])  # of one that was restarted
        self._engines[entry.name] = facts
        self._store.note_run({"engines": self._engines})

    def _identity(self, entry: ModelEntry, info: EngineInfo) -> str:
        """A reply of another build is another reply, also where the sweep may go on with it."""
        facts: Any = next(c.facts["model"] for c in self._plan.cells if c.entry.name == entry.name)
        return canonical([facts, build_of(info)])

    def _fits(self, entry: ModelEntry, loaded: list[ModelEntry]) -> bool:
        """Whether one more model fits beside those that are loaded; where nobody can tell, it does not."""
        from harnesslab.lab.fit import need, room
        from harnesslab.models.fetch import local

        if entry.engine == "openai":
            return True
        path, place = local(entry), room(entry.load)
        return path is not None and need(entry, path, place, self._plan.config.concurrency).total < 0.8 * place.free

    async def _start_scripted(self, entry: ModelEntry) -> Engine:
        return demo_engine(entry.name, (t.task for t in self._plan.tasks))

    def _start_models(self) -> StartEngine:
        from harnesslab.lab.start import make_ready

        cells = [self._plan.cells[i] for i in sorted({t.cell for t in self._todo})]
        played = [self._plan.user.entry] if self._plan.user else []
        return make_ready(
            cells,
            played,
            concurrency=self._plan.config.concurrency,
            progress=self._options.show,
            say=self._progress.say,
        )


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM call `stop`; where the platform or thread cannot, they stay as they are."""
    added = []
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stop)
            added.append(number)
    try:
        yield
    finally:
        for number in added:
            loop.remove_signal_handler(number)
