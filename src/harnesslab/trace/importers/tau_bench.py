"""tau-bench results: a JSON list of `{task_id, trial, reward, info, traj}`.

`info.task.actions` is the oracle. Passed: reward within 1e-6 of 1; composite rewards below it are failures. A trial
crashed if `info` holds `{error, traceback}` in the task's place, or if its trajectory is empty and its reward 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harnesslab.trace.importers.build import may_write
from harnesslab.trace.importers.chat import Chat, read_arguments
from harnesslab.trace.importers.problems import Problems
from harnesslab.trace.importers.shape import UNKNOWN, Expected, ForeignTrial, Tells
from harnesslab.trace.importers.stream import Record, records
from harnesslab.trace.importers.values import items, mapping, number, text_of
from harnesslab.types import ToolCall, canonical, stable_hash

TOLERANCE = 1e-6
NULL_AGENTS = ("idle", "refuse")


def read(path: Path, problems: Problems) -> Iterator[ForeignTrial]:
    for record in records(path, problems):
        place = f"{path.name} {record.place}"
        if not isinstance(record.value, Mapping) or not {"reward", "traj", "task_id"} & set(record.value):
            problems.skip("no trial: neither task_id, reward nor traj", place)
            continue
        try:
            yield _trial(record, path, place, problems)
        except RecursionError:
            problems.skip("nested too deeply", place)


def _trial(record: Record, path: Path, place: str, problems: Problems) -> ForeignTrial:
    raw = record.value
    info = mapping(raw.get("info"))
    chat = Chat(problems, place)
    chat.add(items(raw.get("traj")))
    reward = number(raw.get("reward"))
    if reward is None and (inner := mapping(info.get("reward_info"))):
        reward = number(inner.get("reward"))
    crash = _crash(info, chat.replies, reward)
    if crash:
        problems.remark(f"crashed: {crash}", place)
    elif reward is None:
        problems.remark("no reward: no verdict", place)
    elif not passes(reward) and reward > 0:
        problems.remark("a reward between 0 and 1: failed", place)
    elif "reward_info" not in info:
        problems.remark("no reward_info; its reward is taken as it stands", place)
    if "task_id" not in raw:
        problems.remark("no task_id: a task of its own", place)
    told = chat.told() | {Tells.REPEATS, Tells.KNOWN}
    if reward is not None:
        told.add(Tells.VERDICT)
    repeat = number(raw.get("trial"))
    return ForeignTrial(
        model=path.stem,
        harness="as-recorded",
        suite="tau-bench",
        task=text_of(raw.get("task_id", place)),
        repeat=int(repeat) if repeat is not None and 0 <= repeat < 1 << 31 else None,
        passed=None if reward is None else passes(reward),
        events=chat.trace.finish(),
        tells=frozenset(told),
        place=place,
        expected=_expected(mapping(info.get("task"))),
        crash=crash,
        seconds=math.nan,
    )


def passes(reward: float) -> bool:
    return abs(reward - 1.0) <= TOLERANCE


def _crash(info: Mapping[str, Any], replies: int, reward: float | None) -> str:
    if "error" in info or "traceback" in info:
        return "info holds an error in the task's place" if "task" not in info else "info holds an error"
    return "an empty trajectory with reward 0" if not replies and not reward else ""


def _expected(task: Mapping[str, Any]) -> Expected:
    if not isinstance(task.get("actions"), list):
        return UNKNOWN
    oracle = tuple(c for c in map(action, task["actions"]) if c is not None)
    outputs = task.get("outputs")
    text = stable_hash(canonical({"asked": task.get("instruction"), "user": task.get("user_id"), "o": task["actions"]}))
    # Only what was said and what was written is graded: without either an agent that does nothing passes.
    return Expected(oracle, NULL_AGENTS if not outputs and not writes(oracle) else (), text)


def action(raw: Any) -> ToolCall | None:
    """An oracle call; None for a reply to the user or what is none."""
    found = mapping(raw)
    name = found.get("name")
    arguments, _ = read_arguments(found.get("kwargs", found.get("arguments")))
    return ToolCall(name, arguments or {}) if isinstance(name, str) and name not in ("", "respond") else None


def writes(oracle: tuple[ToolCall, ...]) -> bool:
    return any(may_write(call.name) for call in oracle)
