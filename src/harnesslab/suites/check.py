"""`suites check`: proves of a suite what makes its scores mean something. Works on any `Suite`, ours or not."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from harnesslab.suites.agents import NULL_AGENTS, RandomCaller, made, oracle, passes
from harnesslab.suites.environment import WorldEnvironment
from harnesslab.suites.mutants import Mutable, Mutants, but, calls_and, glued
from harnesslab.suites.registry import load_suite
from harnesslab.suites.values import Word
from harnesslab.types import Environment, Suite, Task, ToolCall, canonical, stable_hash

RANDOM_SEEDS = 20
MOST_RANDOM = 0.02
LEAST_KILLED = 0.95
_FINGERPRINT = (
    "import json, sys; from harnesslab.suites.check import fingerprints; "
    "from harnesslab.suites.registry import load_suite; n = int(sys.argv[3]); "
    "print(json.dumps(fingerprints(load_suite(sys.argv[1], seed=int(sys.argv[2]), n=n or None, split=sys.argv[4]))))"
)
_SHORT = 40  # characters; longer texts are put together
_GARBAGE: tuple[Any, ...] = ({}, {"x": 1}, None, -1, 10**30, "", "\ud800", [[]], {"a": {}}, float("nan"), True)


@dataclass(frozen=True, slots=True)
class Finding:
    """One proof: what was asked, the figure found, and who spoke against it.

    Attributes:
        against: ids of tasks, with what was wrong where that is not all of them alike.
        faults: what the suite's own code raised meanwhile, one line each.
    """

    name: str
    figure: str
    ok: bool
    against: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def check_suite(suite: Suite) -> list[Finding]:
    """All proofs that need no second process. What a suite's code raises is a finding, never an exception."""
    return [
        _each(suite, "the oracle passes", _oracle_misses),
        _each(suite, "the oracle fails without any one write", _spare_write),
        *(_each(suite, f"agent {name!r} fails", partial(passes, agent=agent)) for name, agent in NULL_AGENTS.items()),
        _whole(suite, f"random calls pass at most {MOST_RANDOM:.0%}", _random),
        _whole(suite, "the oracle with one slip fails", _wrong),
        _whole(suite, "mutated goal checks are told apart", _told_apart),
        _each(suite, "answers are matched by value", _by_substring),
        _each(suite, "the oracle's arguments fit the schemas", _misfit),
        _each(suite, "the oracle fits the budget, one call per turn", _too_long),
        _whole(suite, "no two tasks are one", _unique),
        _each(suite, "snapshots restore the state alone", _bad_snapshots),
        _each(suite, "failed calls change nothing and never raise", _fragile),
        _whole(suite, "tools raise nothing but ToolError", _buggy),
        _each(suite, "what the oracle uses was told or found", _from_nowhere, proves=False),
    ]


def check_named(name: str, *, seed: int, n: int | None = None, split: str = "eval") -> list[Finding]:
    """All proofs of a suite that can be loaded by name."""
    suite = load_suite(name, seed=seed, n=n, split=split)
    return [*check_suite(suite), _deterministic(suite, name, seed, n, split)]


def fingerprint(suite: Suite) -> int:
    """64-bit hash of all that a suite's tasks are: texts, tools, oracles, start and goal states."""
    return stable_hash(suite.name, suite.version, *(part for task in suite.tasks for part in _parts(task)))


def fingerprints(suite: Suite) -> list[list[str]]:
    """Name and version; then each task's id, and the hash of it alone."""
    return [[suite.name, suite.version], *([task.view.id, str(stable_hash(*_parts(task)))] for task in suite.tasks)]


def _parts(task: Task) -> list[str | int]:
    environment = task.environment(0, 0)
    parts: list[str | int] = [repr(task.view), task.base, task.variant, task.tier, task.oracle_answer]
    parts.append(environment.digest())
    parts += [canonical([t.name, t.description, t.parameters, t.writes]) for t in environment.toolbox]
    for call in task.oracle:
        parts += [call.key, environment.call(call).content]
    parts.append(environment.digest())
    return parts


# --- proofs


def _each(suite: Suite, name: str, bad: Callable[[Task], bool | str], *, proves: bool = True) -> Finding:
    """A proof that holds if no task is `bad`, which may say why; a task whose code raises is. Or, where it `proves`
    nothing, the tasks to look at."""
    against, faults = [], []
    for task in suite.tasks:
        try:
            if why := bad(task):
                against.append(f"{task.view.id} ({why})" if isinstance(why, str) else task.view.id)
        except Exception as error:
            against.append(task.view.id)
            faults.append(_fault(task, error))
    good = len(suite.tasks) - len(against)
    ok = not (against if proves else faults)
    return Finding(name, f"{good}/{len(suite.tasks)}", ok, tuple(against), tuple(faults))


def _whole(suite: Suite, name: str, proof: Callable[[Suite, str], Finding]) -> Finding:
    """A proof over all tasks together; it fails if what it needs of some task cannot even be had."""
    try:
        return proof(suite, name)
    except Exception as error:
        return Finding(name, "not proved", False, (), (_words(error),))


def _fault(task: Task, error: Exception) -> str:
    return f"{task.view.id}: {_words(error)}"


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _oracle_misses(task: Task) -> str:
    environment = task.environment(0, 0)
    for call in task.oracle:
        result = made(environment, call)
        if not result.ok:
            return f"{call.name}: {result.content}"
    grade = task.check(environment, task.oracle_answer)
    return "" if grade.passed else "; ".join(grade.reasons) or "its check says no, and not why"


def _spare_write(task: Task) -> str:
    writes = {t.name for t in task.environment(0, 0).toolbox if t.writes}
    spare = (c.name for i, c in enumerate(task.oracle) if c.name in writes and passes(task, but(i, ())))
    return ", ".join(f"passes without {name}" for name in spare)


def _by_substring(task: Task) -> bool:
    """Whether the answer counts although all it says are parts of longer words and numbers."""
    return not passes(task, calls_and("")) and passes(task, glued)


def _misfit(task: Task) -> str:
    import jsonschema_rs

    toolbox = task.environment(0, 0).toolbox
    specs = [(toolbox.get(call.name), call) for call in task.oracle]
    misfits = (c for s, c in specs if s is None or not jsonschema_rs.is_valid(dict(s.parameters), dict(c.arguments)))
    return ", ".join(f"{call.name} {dict(call.arguments)}" for call in misfits)


def _too_long(task: Task) -> str:
    environment, turns = task.environment(0, 0), task.view.budget.turns
    oracle(task, environment)
    needs = max(len(task.oracle), len(environment.log)) + 1
    return f"needs {needs} turns, has {turns}" if 0 < turns < needs else ""


def _bad_snapshots(task: Task) -> bool:
    """A restore brings back the state and not the log, and a snapshot fits another environment of its task."""
    environment, other = task.environment(0, 0), task.environment(0, 0)
    start, digest = environment.snapshot(), environment.digest()
    oracle(task, environment)
    end, end_digest, length = environment.snapshot(), environment.digest(), len(environment.log)
    environment.restore(start)
    other.restore(end)
    return (environment.digest(), other.digest(), len(environment.log)) != (digest, end_digest, length)


def _fragile(task: Task) -> bool:
    environment = task.environment(0, 0)
    for call in _garbage_calls(environment):
        before = environment.digest()
        if not environment.call(call).ok and environment.digest() != before:
            return True
    return False


def _from_nowhere(task: Task) -> str:
    """Short texts in the oracle's calls, and values it must say, that stand in no text, prompt or result before.

    They are worked out, or nobody can know them. Who talks with a customer is told more than this sees.
    """
    if task.user(0, 0) is not None:
        return ""
    environment, heard = task.environment(0, 0), f"{task.view.system}\n{task.view.prompt}"
    unknown: dict[str, None] = {}
    for call in task.oracle:
        texts = [v for v in call.arguments.values() if isinstance(v, str) and len(v) <= _SHORT]
        unknown |= dict.fromkeys(repr(v) for v in texts if v.casefold() not in heard.casefold())
        heard += f"\n{made(environment, call).content}"
    parts = re.split(r'[,"\[\]{}\n]', heard)
    says = getattr(getattr(task, "goal", None), "says", ())
    bare = [(value, Word(value.value) if isinstance(value, Word) else value) for value in says]  # without its rivals
    unknown |= dict.fromkeys(str(value) for value, one in bare if not any(one.said_in(part) for part in parts))
    return ", ".join(unknown)


def _buggy(suite: Suite, name: str) -> Finding:
    """What else they raise is a result on a trace like any other: nobody would see it there."""
    found, known = dict[str, str](), 0
    agent = RandomCaller(suite, 0)
    for task in suite.tasks:
        environment = task.environment(0, 0)
        if not isinstance(environment, WorldEnvironment):
            continue
        known += 1
        for call in (*_garbage_calls(environment), *task.oracle):
            environment.call(call)
        agent(task, environment)
        found.update(environment.bugs)
    figure = ("none does", f"{len(found)} do")[bool(found)] if known else "not told: the tools are not ours to watch"
    return Finding(name, figure, not found, (), tuple(f"{tool}: {bug}" for tool, bug in found.items()))


def _random(suite: Suite, name: str) -> Finding:
    passed, faults = Counter[str](), dict[str, str]()
    for seed in range(RANDOM_SEEDS):
        agent = RandomCaller(suite, seed)
        for task in suite.tasks:
            try:
                passed[task.view.id] += int(passes(task, agent, seed=seed))
            except Exception as error:
                faults[task.view.id] = _fault(task, error)
    rate = passed.total() / (RANDOM_SEEDS * len(suite.tasks))
    ok = rate <= MOST_RANDOM and not faults
    against = sorted(+passed) if rate > MOST_RANDOM else []
    figure = f"{rate:.1%} of {RANDOM_SEEDS * len(suite.tasks)}"
    return Finding(name, figure, ok, tuple(against), tuple(faults.values()))


def _wrong(suite: Suite, name: str) -> Finding:
    """Agents with one slip fail the check."""
    mutants = Mutants(suite)

    def verdicts(task: Task) -> Iterator[tuple[str, bool]]:
        return ((m.name, not passes(task, m.agent)) for m in mutants.wrong(task))

    return _killed(suite, name, verdicts)


def _told_apart(suite: Suite, name: str) -> Finding:
    """Checks with one demand altered are told from the original by some agent."""
    mutants = Mutants(suite)
    if not any(isinstance(task, Mutable) for task in suite.tasks):
        return Finding(name, "not told: see docs/suites.md", True)

    def verdicts(task: Task) -> Iterator[tuple[str, bool]]:
        if not isinstance(task, Mutable):
            return
        altered, alive = list(task.mutated()), set[int]()
        alive.update(range(len(altered)))
        for agent in mutants.telling(task):
            environment = task.environment(0, 0)
            answer = agent(task, environment)
            verdict = task.check(environment, answer).passed
            alive -= {i for i in alive if altered[i][1].check(environment, answer).passed != verdict}
        yield from ((what, i not in alive) for i, (what, _) in enumerate(altered))

    return _killed(suite, name, verdicts)


def _killed(suite: Suite, name: str, verdicts: Callable[[Task], Iterable[tuple[str, bool]]]) -> Finding:
    tried, against, faults = 0, [], []
    for task in suite.tasks:
        try:
            for what, caught in verdicts(task):
                tried += 1
                if not caught:
                    against.append(f"{task.view.id} ({what})")
        except Exception as error:
            faults.append(_fault(task, error))
    killed = tried - len(against)
    ok = tried > 0 and killed >= LEAST_KILLED * tried and not faults
    return Finding(name, f"{killed}/{tried} killed", ok, tuple(against), tuple(faults))


def _unique(suite: Suite, name: str) -> Finding:
    ids = Counter(task.view.id for task in suite.tasks)
    goals = Counter[int]()

    def twice(task: Task) -> bool:
        return ids[task.view.id] > 1 or goals[_goal(task)] > 1

    with contextlib.suppress(Exception):  # what raises here raises again, and counts, in `twice`
        goals.update(map(_goal, suite.tasks))
    return _each(suite, name, twice)


def _goal(task: Task) -> int:
    """A task's digest: what is asked, and the state and statement that its oracle leaves behind."""
    environment = task.environment(0, 0)
    answer = oracle(task, environment)
    return stable_hash(task.view.system, task.view.prompt, environment.digest(), answer)


def _garbage_calls(environment: Environment) -> Iterator[ToolCall]:
    yield ToolCall("no_such_tool", {})
    for spec in environment.toolbox:
        yield ToolCall(spec.name, {})
        for value in _GARBAGE:
            yield ToolCall(spec.name, dict.fromkeys(spec.parameters.get("properties", ()), value))
            yield ToolCall(spec.name, {"x": value})


def _deterministic(suite: Suite, name: str, seed: int, n: int | None, split: str) -> Finding:
    arguments = [name, str(seed), str(n or 0), split]
    what = "other processes and hash seeds draw the same"
    try:
        here = fingerprints(suite)
    except Exception as error:
        return Finding(what, "not drawn", False, (), (_words(error),))
    found = [_elsewhere(arguments, hash_seed) for hash_seed in ("1", "77")]
    same = sum(drawn == here for drawn, _ in found)
    other = dict.fromkeys(
        id for drawn, _ in found for (id, *_), mine in zip(drawn, here, strict=False) if mine not in drawn
    )
    faults = dict.fromkeys(fault for _, fault in found if fault)
    return Finding(what, f"{same}/{len(found)}", same == len(found), tuple(other), tuple(faults))


def _elsewhere(arguments: list[str], hash_seed: str) -> tuple[list[list[str]], str]:
    """(fingerprints, the error's last line) of the same suite in another process."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", _FINGERPRINT, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return [], "".join(done.stderr.strip().splitlines()[-1:])
    return json.loads(done.stdout.strip().splitlines()[-1]), ""
