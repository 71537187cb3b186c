"""A task of the suite: a world task whose tools may fail."""

from __future__ import annotations

from dataclasses import dataclass, fields

from harnesslab.suites.environment import WorldEnvironment
from harnesslab.suites.task import WorldTask
from harnesslab.suites.workflow.faults import CALM, Faults, FaultyEnvironment
from harnesslab.types import Environment, stable_hash


@dataclass(frozen=True, slots=True)
class WorkflowTask(WorldTask):
    """`faults` are drawn anew for each (seed, repeat); which tools are out of service belongs to the task."""

    faults: Faults = CALM

    def environment(self, seed: int, repeat: int) -> Environment:
        if not self.faults:
            return WorldEnvironment(self.kit, self.rows, self.start)
        trial = stable_hash(seed, self.view.id, self.variant, repeat)
        return FaultyEnvironment(self.kit, self.rows, self.start, faults=self.faults, trial=trial)

    @property
    def varies(self) -> bool:
        """Repeats meet other faults."""
        return self.faults.rate > 0


def with_faults(task: WorldTask, faults: Faults) -> WorkflowTask:
    """The task with these faults; its goal, and the oracle that computed it, know none."""
    return WorkflowTask(**{f.name: getattr(task, f.name) for f in fields(WorldTask)}, faults=faults)
