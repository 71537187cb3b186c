"""Dialogues without a model: the oracle that speaks, and agents that must get nowhere however long they talk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from harnesslab.suites.servicedesk.draft import Say, Try
from harnesslab.suites.servicedesk.task import DeskTask
from harnesslab.types import BREAK, ActionResult, Environment, Grade, ToolCall

Speaker = Callable[[DeskTask, Environment], Iterator[str]]
"""An agent: acts on the environment and yields what it says; it is resumed when the customer has answered."""


@dataclass(slots=True)
class Dialogue:
    """What was said and done. `lines` are (speaker, text); speaker is "customer", "agent" or "tool"."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    grade: Grade = field(default_factory=lambda: Grade(False))
    ended: bool = False  # the customer left, rather than the agent fell silent


async def converse(task: DeskTask, speaker: Speaker, *, seed: int = 0, repeat: int = 0) -> Dialogue:
    """Lets an agent and the task's customer talk until one of them stops, and grades what came of it."""
    environment, user = task.environment(seed, repeat), task.user(seed, repeat)
    assert user is not None
    dialogue = Dialogue([("customer", task.view.prompt)])
    seen = 0
    for said in speaker(task, environment):
        for call, result in environment.log[seen:]:
            dialogue.lines.append(("tool", _line(call, result)))
        seen = len(environment.log)
        dialogue.lines.append(("agent", said))
        dialogue.told.append(said)
        heard = await user.reply(said)
        if heard is None:
            dialogue.ended = True
            break
        dialogue.lines.append(("customer", heard))
    dialogue.grade = task.check(environment, BREAK.join(dialogue.told))
    return dialogue


def oracle(task: DeskTask, environment: Environment) -> Iterator[str]:
    """Plays the task's own script, and ends with its own answer."""
    for step in task.script:
        if isinstance(step, Say):
            yield step.text
        else:
            environment.call(step.call if isinstance(step, Try) else step)
    yield task.oracle_answer


def repeating(text: str) -> Speaker:
    """Says one thing over and over, and does nothing."""

    def speaker(task: DeskTask, environment: Environment) -> Iterator[str]:
        for _ in range(task.view.budget.turns):
            yield text

    return speaker


def _line(call: ToolCall, result: ActionResult) -> str:
    return f"{call.name}({', '.join(map(str, call.arguments.values()))}) -> {result.content}"
