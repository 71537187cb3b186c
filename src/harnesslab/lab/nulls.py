"""What agents that do nothing would score: every table is to be read against them."""

from __future__ import annotations

from harnesslab.suites.agents import NULL_AGENTS
from harnesslab.types import Task

AGENTS = ("idle", "refuse", "transfer")


def null_agents(task: Task, seed: int) -> tuple[str, ...]:
    """Names of the do-nothing agents that pass the task's goal check."""
    passing = []
    for name in AGENTS:
        environment = task.environment(seed, 0)
        said = NULL_AGENTS[name](task, environment)
        if task.check(environment, said).passed:
            passing.append(name)
    return tuple(passing)
