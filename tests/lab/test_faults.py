"""Every fault of an engine ends in a typed record, and the rest of the sweep is run. Real workers, real refusals."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from benchmarks.faulty import faults
from shelf_suite import LONG

from harnesslab import config
from harnesslab.engine.llama import LlamaEngine
from harnesslab.lab.start import make_ready
from harnesslab.lab.sweep import Options, Result, run_sweep
from harnesslab.models.entry import ModelEntry
from harnesslab.plan import Plan, make_plan
from harnesslab.report.grids import meter
from harnesslab.score import summarise
from harnesslab.store.columns import TrialStatus
from harnesslab.store.sqlite import Store
from harnesslab.types import Completion, EndReason, Engine, EventKind, Request, Status

pytestmark = pytest.mark.model

N = 4
TEXT = """
name = "faults"
models = ["faulty", "sound"]
suites = [{ name = "shelf_suite:load", n = TASKS }]
concurrency = 2
[harness.loop]
layers = []
[sampling]
temperature = 0.5
max_tokens = 6
"""
SMALL = "load = { n_ctx = 1024, threads = 1 }"
LARGER = "load = { n_ctx = 2048, threads = 1 }"


@dataclass
class Case:
    """A grid of a faulty and a sound model.

    Attributes:
        faulty: facts of the faulty model's entry in models.toml, beside its path.
        broken: bytes its file is cut to after the sweep was planned, which would have refused it; 0: whole.
        start: keyword arguments for `LlamaEngine.start` of the faulty model.
        poison: the worker is sent `signal` when asked about this.
        tasks: how many; the fifth has a long prompt.
    """

    faulty: str = ""
    broken: int = 0
    start: dict[str, Any] = field(default_factory=dict)
    poison: str = ""
    signal: signal.Signals = signal.SIGKILL
    tasks: int = N


class Watched:
    """The faulty model's engine: it notes the scheduler's counters, and hits its worker where the prompt is poison."""

    def __init__(self, inner: LlamaEngine, case: Case, counters: list[dict[str, Any]]) -> None:
        self.inner, self.case, self.counters = inner, case, counters
        self.info = inner.info
        self.render, self.stats = inner.render, inner.stats

    async def complete(self, request: Request) -> Completion:
        if self.case.poison and self.case.poison in request.prompt.text:
            os.kill(self.inner.pid, self.case.signal)
        reply = await self.inner.complete(request)
        self.counters.append(await self.inner.stats())
        return reply

    async def close(self) -> None:
        await self.inner.close()


Sweep = Callable[[Case], "Swept"]


@dataclass(frozen=True)
class Swept:
    result: Result
    plan: Plan
    store: Store
    counters: list[dict[str, Any]]  # after each reply of the faulty model
    started: list[int]  # its workers

    def of(self, model: str) -> list[tuple[str, TrialStatus, str, str]]:
        """(task, status, end, cause) of each stored trial of a model, in the tasks' order."""
        _, ids = self.store.columns_and_ids()
        trials = [self.store.trial(i) for i in ids]
        ends = [*map(str, EndReason)]
        return sorted(
            (t.task, t.status, ends[t.end] if t.end < len(ends) else "", str(t.facts.get("cause", "")))
            for t in trials
            if t.label.startswith(f"{model}/")
        )


def _entry(name: str, file: Path, facts: str) -> str:
    return f'[{name}]\nfile = "{file.name}"\nsources = [{{ path = "{file}" }}]\n{facts}\n'


@pytest.fixture
def sweep(tmp_path: Path, smollm2: Path, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    def run(case: Case) -> Swept:
        file = Path(shutil.copy(smollm2, tmp_path)) if case.broken else smollm2
        models = tmp_path / "models.toml"
        models.write_text(_entry("faulty", file, case.faulty) + _entry("sound", smollm2, LARGER))
        monkeypatch.setenv("HARNESSLAB_MODELS", str(models))
        plan = make_plan(config.parse(TEXT.replace("TASKS", str(case.tasks)), tmp_path / "faults.toml"))
        usual = make_ready(plan.cells, concurrency=2, progress=False, say=lambda _: None)
        counters: list[dict[str, Any]] = []
        started: list[int] = []

        async def start(entry: ModelEntry) -> Engine:
            if entry.name != "faulty":
                return await usual(entry)
            engine = await LlamaEngine.start(entry, file, concurrency=2, **case.start)
            started.append(engine.pid)
            return Watched(engine, case, counters)  # type: ignore[return-value]

        if case.broken:
            os.truncate(file, case.broken)
        result = run_sweep(plan, tmp_path / "out", options=Options(show=False, start=start))
        return Swept(result, plan, Store.open(tmp_path / "out", readonly=True), counters, started)

    return run


def all_of_the_sound_model_was_run(swept: Swept) -> bool:
    ended = swept.of("sound")
    return len(ended) == len(swept.plan.tasks) and all(status is not TrialStatus.MISSING for _, status, _, _ in ended)


def test_a_prompt_that_kills_its_worker_is_missing_after_a_second_try(sweep: Sweep) -> None:
    swept = sweep(Case(SMALL, poison="Ulysses"))
    ended = swept.of("faulty")
    assert len(ended) == N
    assert [(task, cause) for task, status, _, cause in ended if status is TrialStatus.MISSING] == [
        ("Ulysses", "worker-died: signal SIGKILL")
    ]
    assert swept.result.problems == []
    assert len(swept.started) >= 2
    assert all_of_the_sound_model_was_run(swept)


def test_a_prompt_that_stops_its_worker_is_missing_after_a_second_try(sweep: Sweep) -> None:
    """Alive and silent: what a hung driver looks like from outside."""
    swept = sweep(Case(SMALL, poison="Ulysses", signal=signal.SIGSTOP, start={"silence": 30.0}, tasks=3))
    ended = swept.of("faulty")
    assert len(ended) == 3
    missing = {task: cause for task, status, _, cause in ended if status is TrialStatus.MISSING}
    assert list(missing) == ["Ulysses"]
    assert re.fullmatch(r"worker-died: no step for \d+ s", missing["Ulysses"])
    assert swept.result.problems == []
    assert len(swept.started) >= 2
    assert not any(map(psutil.pid_exists, swept.started))
    assert all_of_the_sound_model_was_run(swept)


def test_a_cut_file_leaves_its_model_out_and_says_so_in_the_store(sweep: Sweep) -> None:
    swept = sweep(Case(SMALL, broken=5_000_000))
    assert swept.of("faulty") == []
    (problem,) = swept.store.runs()[0]["telemetry"]["problems"]
    assert problem.startswith("faulty does not start: bad-gguf: ")
    assert all_of_the_sound_model_was_run(swept)


def test_a_context_that_is_too_small_fails_its_trials_as_overflow(sweep: Sweep) -> None:
    swept = sweep(Case("load = { n_ctx = 64, threads = 1 }"))
    assert {(status, end) for _, status, end, _ in swept.of("faulty")} == {(TrialStatus.FAILED, "overflow")}
    events = swept.store.columns().events
    replies = events[events["kind"] == EventKind.REPLY]
    assert (replies["status"] == Status.OVERFLOW).sum() == N
    assert all_of_the_sound_model_was_run(swept)


def test_a_request_that_fits_no_cells_is_missing_and_its_worker_goes_on(sweep: Sweep) -> None:
    swept = sweep(Case(SMALL, start={"environment": faults(cells=256)}, tasks=5))
    ended = {task: (status, cause) for task, status, _, cause in swept.of("faulty")}
    status, cause = ended.pop(LONG)
    assert status is TrialStatus.MISSING
    assert cause.startswith("out-of-cells: a prompt of ")
    assert all(status is not TrialStatus.MISSING for status, _ in ended.values())
    assert len(swept.started) == 1
    assert all_of_the_sound_model_was_run(swept)


def test_a_parked_state_that_does_not_restore_is_counted_and_computed_again(sweep: Sweep) -> None:
    swept = sweep(Case(SMALL, start={"idle_cells": 1, "environment": faults(broken_restores=1)}))
    assert swept.counters[-1]["restore_failed"] > 0
    assert swept.counters[-1]["restored"] == 0
    assert set(swept.store.columns().counts) == {"evicted", "restore_failed"}
    shown = meter(summarise(swept.store.columns()))
    assert shown is not None
    assert "parked states not restored" in shown.caption
    ended = swept.of("faulty")
    assert len(ended) == N
    assert all(status is not TrialStatus.MISSING for _, status, _, _ in ended)
    assert all_of_the_sound_model_was_run(swept)
