"""One trial from its fresh world to its packed record."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from harnesslab.errors import EngineFailure
from harnesslab.harness.compose import Harness
from harnesslab.harness.loop import run_trial
from harnesslab.lab.energy import EnergyMeter, billed
from harnesslab.lab.no_return import Watched, point_of
from harnesslab.lab.players import Players, spent_by
from harnesslab.plan import CellPlan, Plan, TrialPlan
from harnesslab.store.columns import TrialStatus
from harnesslab.store.records import MISSING_END, TrialRecord
from harnesslab.trace.events import unpack_events
from harnesslab.trace.recorder import LayerTable, TrialRecorder
from harnesslab.types import Answer, EndReason, Engine, Environment, Grade, Task

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
    players: Players

    async def run(self, trial: TrialPlan, engine: Engine) -> TrialRecord:
        """Runs and grades one trial.

        Raises:
            EngineFailure: the engine died; the trial is neither passed nor failed.
        """
        cell, task = self.plan.cells[trial.cell], self.plan.tasks[trial.task]
        seed = self.plan.config.seed
        environment = task.task.environment(seed, trial.repeat)
        watched = Watched(environment)
        user = await self.players.user(task.task, seed, trial.repeat, task.suite.version)
        recorder = TrialRecorder(self.layers)
        harness = self.harnesses[trial.cell]
        began, start = time.time(), time.perf_counter()
        with billed(self.energy) as bill:
            answer = await run_trial(
                task.view, watched, user, engine, harness, cell.sampling, recorder, trial.stream, trial.repeat
            )
        seconds = time.perf_counter() - start + recorder.saved_seconds
        grade, among = graded(task.task, environment, watched, answer)
        if grade.parsed is False and answer.reason is EndReason.ANSWERED:
            recorder.mark_unparsed()
        events, payload = recorder.finish(task.task.oracle)
        passed = grade.passed and answer.reason is EndReason.ANSWERED
        facts = _facts(grade, answer, among)
        if not passed:
            point = point_of(task.task, watched, unpack_events(events), answer)
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
            facts={**facts, **spent_by(user)},
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


def graded(task: Task, environment: Environment, seen: Environment, answer: Answer) -> tuple[Grade, list[bool]]:
    """The verdict on a trial, and where it was chosen from several attempts whether each of them would have passed.

    An attempt is graded by what it did itself: its own world, and its own part of the log.

    Args:
        environment: the trial's, as it ended.
        seen: the one that the harness worked in, whose snapshots the attempts hold; it is left as the trial ended.
    """
    if not answer.among:
        return task.check(environment, answer.text), []
    log, end = seen.log, seen.snapshot()
    own, after = slice(*answer.among[answer.chosen].calls), slice(answer.among[-1].calls[1], None)
    grade = task.check(seen.with_log([*log[own], *log[after]]), answer.text)
    passed = []
    for attempt in answer.among:
        seen.restore(attempt.world)
        alone = task.check(seen.with_log(log[slice(*attempt.calls)]), attempt.text)
        passed.append(alone.passed and attempt.reason is EndReason.ANSWERED)
    seen.restore(end)
    return grade, passed


def _facts(grade: Grade, answer: Answer, among: list[bool]) -> dict[str, object]:
    facts: dict[str, object] = {"reasons": list(grade.reasons), "answer": answer.text, "end": str(answer.reason)}
    if grade.flags:
        facts["flags"] = list(grade.flags)
    if among:  # "any" is the ceiling that an oracle's choice would reach
        facts["attempts"] = {"passed": among, "chosen": answer.chosen, "any": any(among)}
    return facts


def cause_of(error: Exception) -> str:
    """One line of why a trial is missing: the engine's own word, or the name of a fault of ours."""
    if isinstance(error, EngineFailure):
        return str(error)
    return f"lab-error: {type(error).__name__}: {error}".splitlines()[0]
