"""Agents without a model: those that must never pass a task, and the oracle, which always must.

Each acts on an environment and returns its last statement. They see what a model sees, plus what is said of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from harnesslab.types import Environment, Suite, Task, ToolCall, ToolSpec, stable_hash

Agent = Callable[[Task, Environment], str]


def oracle(task: Task, environment: Environment) -> str:
    """Makes the task's own calls and gives its own answer."""
    for call in task.oracle:
        environment.call(call)
    return task.oracle_answer


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
            environment.call(ToolCall(spec.name, _arguments(spec, {}, random)))
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
    as the oracle of a random task does. It is luckier than chance: every id it draws exists and matters to some task.
    """

    def __init__(self, suite: Suite, seed: int) -> None:
        self._seed = seed
        self._answers = [task.oracle_answer for task in suite.tasks]
        pool: dict[str, dict[str, Any]] = {}
        for task in suite.tasks:
            for call in task.oracle:
                for name, value in call.arguments.items():
                    pool.setdefault(name, {})[repr(value)] = value
        self._pool: dict[str, Sequence[Any]] = {name: list(values.values()) for name, values in pool.items()}

    def __call__(self, task: Task, environment: Environment) -> str:
        random = Random(stable_hash("random-caller", self._seed, task.view.id))
        for _ in range(random.randrange(1, 9)):
            spec = random.choice(environment.toolbox.tools)
            environment.call(ToolCall(spec.name, _arguments(spec, self._pool, random)))
        return random.choice(self._answers)


def _arguments(spec: ToolSpec, pool: Mapping[str, Sequence[Any]], random: Random) -> dict[str, Any]:
    required = set(spec.parameters.get("required", ()))
    properties = spec.parameters.get("properties", {})
    return {
        name: _value(name, schema, pool, random)
        for name, schema in properties.items()
        if name in required or random.random() < 0.5
    }


def _value(name: str, schema: Mapping[str, Any], pool: Mapping[str, Sequence[Any]], random: Random) -> Any:
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
