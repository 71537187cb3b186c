"""tau2 results: `{timestamp, info, tasks, simulations}`, a folder of simulations, or a bare list of them.

`evaluation_criteria.actions` of a task is the oracle, less what the simulated user does. A simulation without
`reward_info`, or that ended in an error of the infrastructure, has no verdict and is missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harnesslab.trace.importers.chat import Chat
from harnesslab.trace.importers.problems import Problems
from harnesslab.trace.importers.reported import reported
from harnesslab.trace.importers.shape import UNKNOWN, Expected, ForeignTask, ForeignTrial, Tells
from harnesslab.trace.importers.stream import records
from harnesslab.trace.importers.tau_bench import NULL_AGENTS, action, passes, writes
from harnesslab.trace.importers.values import items, mapping, number, text_of
from harnesslab.types import EndReason, canonical, stable_hash

_ENDS = {"max_steps": EndReason.TURNS, "max_turns": EndReason.TURNS, "timeout": EndReason.SECONDS}
_BROKEN = ("infrastructure_error", "unexpected_error", "user_error", "error")  # nothing of the agent's doing
_BY_STATE = {"DB", "COMMUNICATE"}  # what an agent that does nothing may meet
_SPLIT = ("tasks", "simulations")


@dataclass(slots=True)
class _Heading:
    """What the run's `info` says for all its simulations."""

    model: str
    suite: str = "tau2"
    harness: str = "as-recorded"

    def learn(self, info: Mapping[str, Any]) -> None:
        agent = mapping(info.get("agent_info"))
        self.model = text_of(agent.get("llm")) or self.model
        self.harness = text_of(agent.get("implementation")) or self.harness
        self.suite = text_of(mapping(info.get("environment_info")).get("domain_name")) or self.suite


def read(path: Path, problems: Problems) -> Iterator[ForeignTrial | ForeignTask]:
    """Trials and tasks of a file, or of all JSON files of a folder, which are then one run."""
    files = sorted(path.rglob("*.json*")) if path.is_dir() else [path]
    heading = _Heading(path.stem)
    for file in sorted(files, key=lambda f: f.parent != path):  # the run's own file before its simulations
        yield from _read_file(file, heading, problems)


def _read_file(file: Path, heading: _Heading, problems: Problems) -> Iterator[ForeignTrial | ForeignTask]:
    loose: dict[str, Any] = {}
    first = 0
    for record in records(file, problems, _SPLIT):
        place = f"{file.name} {record.place}"
        if record.key == "info":
            heading.learn(mapping(record.value))
        if record.key and record.key not in _SPLIT:
            loose[record.key] = record.value
            problems.claims += reported(record.key, record.value)
            first = first or record.line
            continue
        try:
            yield from _part(record.key, record.value, heading, place, problems)
        except RecursionError:
            problems.skip("nested too deeply", place)
    if "messages" in loose or "reward_info" in loose:  # a file that is one simulation
        try:
            yield _trial(loose, heading, f"{file.name} line {first}", problems)
        except RecursionError:
            problems.skip("nested too deeply", file.name)


def _part(
    key: str, value: Any, heading: _Heading, place: str, problems: Problems
) -> Iterator[ForeignTrial | ForeignTask]:
    """One element of `tasks`, of `simulations`, of a bare list, or a line."""
    if not isinstance(value, Mapping):
        problems.skip("no simulation: not an object", place)
    elif key == "tasks":
        yield ForeignTask(heading.suite, text_of(value.get("id")), _expected(value))
    elif isinstance(value.get("simulations"), list):
        heading.learn(mapping(value.get("info")))
        for name in _SPLIT:
            for inner in items(value.get(name)):
                yield from _part(name, inner, heading, place, problems)
    elif not {"messages", "reward_info", "task_id"} & set(value):
        problems.skip("no simulation: neither task_id, messages nor reward_info", place)
    else:
        if not key:
            problems.remark("simulations without the run's info and tasks", place)
        yield _trial(value, heading, place, problems)


def _trial(raw: Mapping[str, Any], heading: _Heading, place: str, problems: Problems) -> ForeignTrial:
    chat = Chat(problems, place)
    chat.add(items(raw.get("messages")))
    ended = text_of(raw.get("termination_reason")).rpartition(".")[2].lower()
    reward = number(mapping(raw.get("reward_info")).get("reward"))
    crash = ""
    if ended in _BROKEN or "traceback" in mapping(raw.get("info")) or "traceback" in raw:
        crash = f"it ended by {ended}" if ended in _BROKEN else "it holds a traceback"
    elif not chat.replies and not reward:
        crash = "no message of the agent and no reward"
    if crash:
        problems.remark(f"crashed: {crash}", place)
    elif reward is None:
        problems.remark("no reward_info: no verdict", place)
    elif not passes(reward) and reward > 0:
        problems.remark("a reward between 0 and 1: failed", place)
    if "task_id" not in raw:
        problems.remark("no task_id: a task of its own", place)
    repeat, seconds = number(raw.get("trial")), number(raw.get("duration"))
    told = chat.told() | {Tells.REPEATS}
    if reward is not None:
        told.add(Tells.VERDICT)
    return ForeignTrial(
        model=heading.model,
        harness=heading.harness,
        suite=heading.suite,
        task=text_of(raw.get("task_id", place)),
        repeat=int(repeat) if repeat is not None and 0 <= repeat < 1 << 31 else None,
        passed=None if reward is None else passes(reward),
        events=chat.trace.finish(),
        tells=frozenset(told),
        place=place,
        crash=crash,
        end=_ENDS.get(ended, EndReason.ANSWERED),
        seconds=seconds if seconds is not None else math.nan,
    )


def _expected(task: Mapping[str, Any]) -> Expected:
    criteria = mapping(task.get("evaluation_criteria"))
    if not isinstance(criteria.get("actions"), list):
        return UNKNOWN
    mine = [a for a in criteria["actions"] if mapping(a).get("requestor") != "user"]
    oracle = tuple(c for c in map(action, mine) if c is not None)
    text = stable_hash(canonical({"told": task.get("user_scenario"), "o": criteria["actions"]}))
    return Expected(oracle, _null(criteria, oracle, users=len(mine) < len(criteria["actions"])), text)


def _null(criteria: Mapping[str, Any], oracle: tuple[Any, ...], *, users: bool) -> tuple[str, ...] | None:
    """Known only where the task is graded by state and statements alone, and no part of it is the user's to do."""
    basis = criteria.get("reward_basis")
    if not isinstance(basis, list) or users:
        return None
    if "ACTION" in basis and oracle:
        return ()
    if not set(map(str, basis)) <= {*_BY_STATE, "ACTION"}:
        return None
    said = "COMMUNICATE" in basis and criteria.get("communicate_info")
    must_write = "DB" in basis and writes(oracle)
    return NULL_AGENTS if not said and not must_write else ()
