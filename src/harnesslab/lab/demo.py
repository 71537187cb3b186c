"""The scripted engine as a stand-in for a model: it plays the tasks' oracles and slips at a steady rate.

For demonstrations, and for tests of everything around a model. Its scores say nothing about any model.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from harnesslab.engine.scripted import ScriptedEngine
from harnesslab.engine.scripted_policy import oracle_policy, plans_of
from harnesslab.errors import UserError
from harnesslab.types import Task, stable_hash


def mistake_rate(model: str) -> float:
    """Share of replies that go wrong, 0.05 to 0.35, fixed by the model's name."""
    return 0.05 + 0.3 * stable_hash("mistakes", model) / 2**64


def demo_engine(model: str, tasks: Iterable[Task], *, concurrency: int = 16) -> ScriptedEngine:
    """An engine that goes by the model's name and knows how to solve `tasks`.

    $HARNESSLAB_SCRIPTED_DELAY, in seconds per reply, lets a demonstration run at a model's pace.
    """
    policy = oracle_policy(plans_of(tasks), mistake_rate(model))
    return ScriptedEngine(policy, model=model, delay=pace(), concurrency=concurrency)


def pace() -> float:
    value = os.environ.get("HARNESSLAB_SCRIPTED_DELAY", "0")
    try:
        return max(0.0, float(value))
    except ValueError:
        raise UserError(f"HARNESSLAB_SCRIPTED_DELAY is {value!r}", "it is a number of seconds") from None
