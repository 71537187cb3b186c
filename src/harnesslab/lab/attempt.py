"""One trial from its fresh world to its packed record."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import partial

from harnesslab.errors import EngineFailure
from harnesslab.harness.compose import Harness
from harnesslab.harness.loop import run_trial
from harnesslab.lab.energy import EnergyMeter, billed
from harnesslab.lab.no_return import Watched, point_of
from harnesslab.plan import CellPlan, Plan, TrialPlan
from harnesslab.store.columns import TrialStatus
from harnesslab.store.records import MISSING_END, TrialRecord
from harnesslab.trace.events import unpack_events
from harnesslab.trace.recorder import LayerTable, TrialRecorder
from harnesslab.types import Answer, EndReason, Engine, Grade

_ENDS = {reason: i for i, reason in enumerate(EndReason)}


@dataclass(slots=True)
class Attempts:
    """Runs trials of one plan. `cells` and `tasks` are the store's row numbers of the plan's cells and tasks."""

    plan: Plan
    cells: list[int]
    tasks: list[int]
    layers: LayerTable
    harnesses: list[Harness]  # of each cell
    energy: EnergyMeter

    async def run(self, trial: TrialPlan, engine: Engine) -> TrialRecord:
        """Runs and grades one trial.

        Raises:
            EngineFailure: the engine died; the trial is neither passed nor failed.
        """
        cell, task = self.plan.cells[trial.cell], self.plan.tasks[trial.task]
        seed = self.plan.config.seed
        environment = task.task.environment(seed, trial.repeat)
        watched = Watched(environment)
        user = task.task.user(seed, trial.repeat)
        recorder = TrialRecorder(self.layers)
        harness = self.harnesses[trial.cell]
        began, start = time.time(), time.perf_counter()
        with billed(self.energy) as bill:
            answer = await run_trial(task.view, watched, user, engine, harness, cell.sampling, recorder, trial.stream)
        seconds = time.perf_counter() - start + recorder.saved_seconds
        grade = task.task.check(environment, answer.text)
        if grade.parsed is False and answer.reason is EndReason.ANSWERED:
            recorder.mark_unparsed()
        events, payload = recorder.finish(task.task.oracle)
        passed = grade.passed and answer.reason is EndReason.ANSWERED
        facts = _facts(grade, answer)
        if not passed:
            fresh = partial(task.task.environment, seed, trial.repeat)
            point = point_of(task.task, environment, watched, unpack_events(events), answer.reason, fresh)
            facts["point"] = {"lost": str(point.lost), "event": point.event}
        return TrialRecord(
            id=trial.id,
            cell=self.cells[trial.cell],
            task=self.tasks[trial.task],
            repeat=trial.repeat,
            status=TrialStatus.PASSED if passed else TrialStatus.FAILED,
            end=_ENDS[answer.reason],
            seconds=seconds,
            joules=bill.joules,
            started=began,
            facts=facts,
            events=events,
            payload=payload,
            measured=recorder.measured,
        )

    def missing(self, trial: TrialPlan, cause: str) -> TrialRecord:
        """The record of a trial that the lab could not bring to an end."""
        return TrialRecord(
            id=trial.id,
            cell=self.cells[trial.cell],
            task=self.tasks[trial.task],
            repeat=trial.repeat,
            status=TrialStatus.MISSING,
            end=MISSING_END,
            seconds=0.0,
            joules=math.nan,
            started=time.time(),
            facts={"cause": cause},
        )

    def label(self, trial: TrialPlan) -> str:
        cell: CellPlan = self.plan.cells[trial.cell]
        return f"{cell.label} {self.plan.tasks[trial.task].view.id} repeat {trial.repeat}"


def _facts(grade: Grade, answer: Answer) -> dict[str, object]:
    facts: dict[str, object] = {"reasons": list(grade.reasons), "answer": answer.text, "end": str(answer.reason)}
    if grade.flags:
        facts["flags"] = list(grade.flags)
    return facts


def cause_of(error: Exception) -> str:
    """One line of why a trial is missing: the engine's own word, or the name of a fault of ours."""
    if isinstance(error, EngineFailure):
        return str(error)
    return f"lab-error: {type(error).__name__}: {error}".splitlines()[0]
