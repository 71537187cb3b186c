"""Opens a sweep's file for a plan. The rule: a sweep may grow, and never change.

New models, harnesses, suites, tasks and repeats add trials to what is there. A cell whose label is there already must
be the same cell: otherwise two different things would stand in one row of a table, and the config is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harnesslab.errors import UserError
from harnesslab.harness.registry import find, suite_informed
from harnesslab.lab.nulls import null_agents
from harnesslab.plan import CellPlan, Plan, TaskPlan
from harnesslab.store.columns import ORACLE, CellRow, TaskRow
from harnesslab.store.sqlite import Store
from harnesslab.types import canonical


def open_store(plan: Plan, folder: Path) -> Store:
    """The folder's store, made if there is none.

    Raises:
        UserError: what is stored under one of the plan's labels is another cell.
    """
    if not Store.exists(folder):
        return Store.create(folder, {"name": plan.config.name, "config": plan.config.model_dump(mode="json")})
    store = Store.open(folder)
    try:
        refuse_changes(plan, store)
    except BaseException:
        store.close()
        raise
    return store


def refuse_changes(plan: Plan, store: Store) -> None:
    stored = {cell.label: cell for cell in store.cells()}
    for cell in plan.cells:
        before = stored.get(cell.label)
        if before is not None and before.key != cell.key:
            was = {k: v for k, v in before.facts.items() if k in cell.facts}
            raise UserError(
                f"{cell.label} in {store.path.parent} was another cell: {differs(was, cell.facts)} changed",
                "a sweep may grow but never change",
                "give the config another name, or use --out",
            )


def differs(before: Any, after: Any, path: str = "") -> str:
    """Where two nested values first differ, as a dotted path."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            if canonical(before.get(key)) != canonical(after.get(key)):
                return differs(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
    if isinstance(before, list) and isinstance(after, (list, tuple)) and len(before) == len(after):
        for i, (b, a) in enumerate(zip(before, after, strict=True)):
            if canonical(b) != canonical(a):
                return differs(b, a, f"{path}[{i}]")
    return path or "something"


def store_cells(store: Store, plan: Plan) -> list[int]:
    """Row numbers of the plan's cells."""
    return [
        store.add_cell(CellRow(c.key, c.entry.name, c.harness, c.suite.name, {**c.facts, **_reading(c)}))
        for c in plan.cells
    ]


def _reading(cell: CellPlan) -> dict[str, Any]:
    """Facts that a reader of the cell needs and that are no part of its identity.

    `called`: each layer's name on the trace; `informed`: whether it uses what the suite's author wrote.
    """
    return {
        "greedy": cell.greedy,
        "called": [find(s.name).layer.name for s in cell.layers],
        "informed": [suite_informed(s) for s in cell.layers],
    }


def store_tasks(store: Store, plan: Plan) -> list[int]:
    """Row numbers of the plan's tasks."""
    seed = plan.config.seed
    rows = store.add_tasks([(t.key, _row(t, seed), _facts(t, seed)) for t in plan.tasks])
    return [rows[t.key] for t in plan.tasks]


def _row(plan: TaskPlan, seed: int) -> TaskRow:
    task = plan.task
    oracle = np.zeros(len(task.oracle), dtype=ORACLE)
    oracle["action"] = [c.key for c in task.oracle]
    oracle["tool"] = [c.tool_key for c in task.oracle]
    return TaskRow(plan.suite.name, plan.view.id, task.base, task.variant, task.tier, oracle, null_agents(task, seed))


def _facts(plan: TaskPlan, seed: int) -> dict[str, Any]:
    """What people see of a task in a trace."""
    tools = plan.task.environment(seed, 0).toolbox
    return {
        "system": plan.view.system,
        "prompt": plan.view.prompt,
        "oracle": [{"tool": c.name, "arguments": dict(c.arguments)} for c in plan.task.oracle],
        "oracle_answer": plan.task.oracle_answer,
        "tools": [{"name": t.name, "description": t.description, "parameters": dict(t.parameters)} for t in tools],
    }
