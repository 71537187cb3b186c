"""Agents without a model: those that must never pass a task, and the oracle, which always must.

Each acts on an environment and returns its last statement. They see what a model sees, plus what is said of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from harnesslab.suites.environment import WorldEnvironment
from harnesslab.types import ActionResult, Environment, Suite, Task, ToolCall, ToolSpec, stable_hash

Agent = Callable[[Task, Environment], str]
Pool = Mapping[str, Sequence[Any]]
"""Values by the argument's name."""
MOST_RETRIES = 3


def oracle(task: Task, environment: Environment) -> str:
    """Makes the task's own calls and gives its own answer."""
    for call in task.oracle:
        made(environment, call)
    return task.oracle_answer


def made(environment: Environment, call: ToolCall) -> ActionResult:
    """One of the oracle's calls: made again while its result is no good and the next may be, as after a timeout."""
    result = environment.call(call)
    for _ in range(MOST_RETRIES):
        if not _may_pass(environment, call, result):
            break
        result = environment.call(call)
    return result


def _may_pass(environment: Environment, call: ToolCall, result: ActionResult) -> bool:
    if isinstance(environment, WorldEnvironment):
        return environment.may_pass(call, result)
    return result.transient


def idle(task: Task, environment: Environment) -> str:
    """Does nothing and says nothing."""
    return ""


def refuse(task: Task, environment: Environment) -> str:
    """Refuses, whatever is asked."""
    return "I cannot help with that."


def transfer(task: Task, environment: Environment) -> str:
    """Hands over to a person, by tool where there is one for it."""
    for spec in environment.toolbox:
        if "transfer" in spec.name or "escalate" in spec.name:
            random = Random(stable_hash("transfer", task.view.id))
            environment.call(ToolCall(spec.name, draw_arguments(spec, {}, random)))
    return "I am transferring you to a human agent. Please hold on."


def claim(task: Task, environment: Environment) -> str:
    """Claims success without doing anything."""
    return "Done. Your request has been completed successfully."


def echo(task: Task, environment: Environment) -> str:
    """Says back all it was told: instructions, request, tools."""
    tools = "\n".join(f"{t.name} {t.description} {t.parameters}" for t in environment.toolbox)
    return f"{task.view.system}\n{task.view.prompt}\n{tools}"


NULL_AGENTS: dict[str, Agent] = {
    "idle": idle,
    "refuse": refuse,
    "transfer": transfer,
    "claims-success": claim,
    "echo": echo,
}


def passes(task: Task, agent: Agent, *, seed: int = 0, repeat: int = 0) -> bool:
    environment = task.environment(seed, repeat)
    return task.check(environment, agent(task, environment)).passed


class RandomCaller:
    """Calls 1 to 8 random tools with values that oracles of the suite use for arguments of that name, then answers
    as the oracle of another task does. It is luckier than chance: every id it draws exists and matters to some task,
    but where oracles use fewer than 8 values for an argument: there near misses are among them.
    """

    def __init__(self, suite: Suite, seed: int) -> None:
        self._seed = seed
        self._answers = [(task.view.id, task.oracle_answer) for task in suite.tasks]
        self._pool = {name: _padded(values) for name, values in pool_of(suite).items()}

    def __call__(self, task: Task, environment: Environment) -> str:
        random = Random(stable_hash("random-caller", self._seed, task.view.id))
        tools = environment.toolbox.tools
        for _ in range(random.randrange(1, 9) if tools else 0):
            spec = random.choice(tools)
            environment.call(ToolCall(spec.name, draw_arguments(spec, self._pool, random)))
        others = [answer for id, answer in self._answers if id != task.view.id]
        return random.choice(others) if others else ""


def pool_of(suite: Suite) -> Pool:
    """All values that the suite's oracles use, by argument."""
    pool: dict[str, dict[str, Any]] = {}
    for task in suite.tasks:
        for call in task.oracle:
            for name, value in call.arguments.items():
                pool.setdefault(name, {})[repr(value)] = value
    return {name: list(values.values()) for name, values in pool.items()}


def _padded(values: Sequence[Any], least: int = 8) -> list[Any]:
    """The values, and near misses of theirs until there are enough: in a small suite each would be some task's own."""
    padded = list(values)
    for value in padded:
        if len(padded) >= least:
            break
        padded.append(nearly(value))
    return padded


def nearly(value: Any) -> Any:
    """A value of the same type that is not this one, or None where there is none."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        return other_word(value) if value else "x"
    if isinstance(value, (list, tuple)):
        return list(value[:-1]) if value else None
    if isinstance(value, Mapping):
        return {k: v for i, (k, v) in enumerate(value.items()) if i} if value else None
    return None


def other_word(word: str) -> str:
    """Another word of the same form: the last digit counts one on, or the last letter is doubled."""
    if word[-1].isdigit() and word[-1].isascii():
        return f"{word[:-1]}{(int(word[-1]) + 1) % 10}"
    return word + word[-1]


def draw_arguments(spec: ToolSpec, pool: Pool, random: Random) -> dict[str, Any]:
    """Random arguments for a tool: all that are required and half of the others, from the pool where it has some."""
    required = set(spec.parameters.get("required", ()))
    properties = spec.parameters.get("properties", {})
    return {
        name: _value(name, schema, pool, random)
        for name, schema in properties.items()
        if name in required or random.random() < 0.5
    }


def _value(name: str, schema: Mapping[str, Any], pool: Pool, random: Random) -> Any:
    if pool.get(name):
        return random.choice(pool[name])
    if "enum" in schema:
        return random.choice(schema["enum"])
    samples: dict[str, Any] = {
        "integer": random.randrange(1, 10),
        "number": random.randrange(1, 10),
        "boolean": random.random() < 0.5,
        "array": [],
        "object": {},
    }
    return samples.get(str(schema.get("type")), "x")
