"""`suites check`: proves of a suite what makes its scores mean something. Works on any `Suite`, ours or not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from harnesslab.suites.agents import NULL_AGENTS, RandomCaller, oracle, passes
from harnesslab.suites.registry import load_suite
from harnesslab.types import Environment, Suite, Task, ToolCall, canonical, stable_hash

RANDOM_SEEDS = 20
MOST_RANDOM = 0.02
_FINGERPRINT = (
    "import sys; from harnesslab.suites.check import fingerprint; from harnesslab.suites.registry import load_suite; "
    "n = int(sys.argv[3]); "
    "print(fingerprint(load_suite(sys.argv[1], seed=int(sys.argv[2]), n=n or None, split=sys.argv[4])))"
)
_GARBAGE: tuple[Any, ...] = ({}, {"x": 1}, None, -1, 10**30, "", "\ud800", [[]], {"a": {}}, float("nan"), True)


@dataclass(frozen=True, slots=True)
class Finding:
    """One proof: what was asked, the figure found, and which tasks spoke against it."""

    name: str
    figure: str
    ok: bool
    against: tuple[str, ...] = ()


def check_suite(suite: Suite) -> list[Finding]:
    """All proofs that need no second process."""
    return [
        _oracle(suite),
        _each_write_counts(suite),
        *(_null(suite, name) for name in NULL_AGENTS),
        _random(suite),
        _schemas(suite),
        _budget(suite),
        _unique(suite),
        _snapshots(suite),
        _garbage(suite),
    ]


def check_named(name: str, *, seed: int, n: int | None = None, split: str = "eval") -> list[Finding]:
    """All proofs of a suite that can be loaded by name."""
    suite = load_suite(name, seed=seed, n=n, split=split)
    return [*check_suite(suite), _deterministic(suite, name, seed, n, split)]


def fingerprint(suite: Suite) -> int:
    """64-bit hash of all that a suite's tasks are: texts, tools, oracles, start and goal states."""
    parts: list[str | int] = [suite.name, suite.version]
    for task in suite.tasks:
        environment = task.environment(0, 0)
        parts += [repr(task.view), task.base, task.variant, task.tier, task.oracle_answer, environment.digest()]
        parts += [canonical([t.name, t.description, t.parameters, t.writes]) for t in environment.toolbox]
        for call in task.oracle:
            parts += [call.key, environment.call(call).content]
        parts.append(environment.digest())
    return stable_hash(*parts)


def _finding(name: str, suite: Suite, against: list[str], figure: str = "") -> Finding:
    good = len(suite.tasks) - len(set(against))
    return Finding(name, figure or f"{good}/{len(suite.tasks)}", not against, tuple(against))


def _oracle(suite: Suite) -> Finding:
    against = []
    for task in suite.tasks:
        environment = task.environment(0, 0)
        failed = [call.name for call in task.oracle if not environment.call(call).ok]
        if failed or not task.check(environment, task.oracle_answer).passed:
            against.append(task.view.id)
    return _finding("the oracle passes", suite, against)


def _each_write_counts(suite: Suite) -> Finding:
    against = []
    for task in suite.tasks:
        writes = {t.name for t in task.environment(0, 0).toolbox if t.writes}
        for skipped, call in enumerate(task.oracle):
            if call.name in writes and passes(task, partial(_all_but, skipped)):
                against.append(task.view.id)
    return _finding("the oracle fails without any one write", suite, against)


def _all_but(skipped: int, task: Task, environment: Environment) -> str:
    for i, call in enumerate(task.oracle):
        if i != skipped:
            environment.call(call)
    return task.oracle_answer


def _null(suite: Suite, name: str) -> Finding:
    against = [task.view.id for task in suite.tasks if passes(task, NULL_AGENTS[name])]
    return _finding(f"agent {name!r} fails", suite, against)


def _random(suite: Suite) -> Finding:
    passed = Counter[str]()
    for seed in range(RANDOM_SEEDS):
        agent = RandomCaller(suite, seed)
        passed.update(task.view.id for task in suite.tasks if passes(task, agent, seed=seed))
    rate = passed.total() / (RANDOM_SEEDS * len(suite.tasks))
    figure = f"{rate:.1%} of {RANDOM_SEEDS * len(suite.tasks)}"
    return Finding(f"random calls pass at most {MOST_RANDOM:.0%}", figure, rate <= MOST_RANDOM, tuple(sorted(passed)))


def _schemas(suite: Suite) -> Finding:
    import jsonschema_rs

    against = []
    for task in suite.tasks:
        toolbox = task.environment(0, 0).toolbox
        for call in task.oracle:
            spec = toolbox.get(call.name)
            if spec is None or not jsonschema_rs.is_valid(dict(spec.parameters), dict(call.arguments)):
                against.append(task.view.id)
    return _finding("the oracle's arguments fit the schemas", suite, against)


def _budget(suite: Suite) -> Finding:
    against = [t.view.id for t in suite.tasks if 0 < t.view.budget.turns < len(t.oracle) + 1]
    return _finding("the oracle fits the budget, one call per turn", suite, against)


def _unique(suite: Suite) -> Finding:
    ids = Counter(task.view.id for task in suite.tasks)
    goals = Counter(map(_goal, suite.tasks))
    against = [t.view.id for t in suite.tasks if ids[t.view.id] > 1 or goals[_goal(t)] > 1]
    return _finding("no two tasks are one", suite, against)


def _goal(task: Task) -> int:
    environment = task.environment(0, 0)
    answer = oracle(task, environment)
    return stable_hash(task.view.system, task.view.prompt, environment.digest(), answer)


def _snapshots(suite: Suite) -> Finding:
    """A restore brings back the state and not the log, and a snapshot fits another environment of its task."""
    against = []
    for task in suite.tasks:
        environment, other = task.environment(0, 0), task.environment(0, 0)
        start, digest = environment.snapshot(), environment.digest()
        oracle(task, environment)
        end, end_digest, length = environment.snapshot(), environment.digest(), len(environment.log)
        environment.restore(start)
        other.restore(end)
        if (environment.digest(), other.digest(), len(environment.log)) != (digest, end_digest, length):
            against.append(task.view.id)
    return _finding("snapshots restore the state alone", suite, against)


def _garbage(suite: Suite) -> Finding:
    against = []
    for task in suite.tasks:
        environment = task.environment(0, 0)
        for call in _garbage_calls(environment):
            before = environment.digest()
            try:
                result = environment.call(call)
            except Exception:
                against.append(task.view.id)
                continue
            if not result.ok and environment.digest() != before:
                against.append(task.view.id)
    return _finding("failed calls change nothing and never raise", suite, against)


def _garbage_calls(environment: Environment) -> Iterator[ToolCall]:
    yield ToolCall("no_such_tool", {})
    for spec in environment.toolbox:
        yield ToolCall(spec.name, {})
        for value in _GARBAGE:
            yield ToolCall(spec.name, dict.fromkeys(spec.parameters.get("properties", ()), value))
            yield ToolCall(spec.name, {"x": value})


def _deterministic(suite: Suite, name: str, seed: int, n: int | None, split: str) -> Finding:
    arguments = [name, str(seed), str(n or 0), split]
    found = [_elsewhere(arguments, hash_seed) for hash_seed in ("1", "77")]
    same = sum(f == str(fingerprint(suite)) for f in found)
    return Finding("other processes and hash seeds draw the same", f"{same}/{len(found)}", same == len(found))


def _elsewhere(arguments: list[str], hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", _FINGERPRINT, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.strip()
