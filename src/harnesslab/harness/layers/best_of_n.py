"""The `best-of-n` baseline: what the same tokens buy without any mechanism."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import Field

from harnesslab.harness.params import Params
from harnesslab.harness.wording import clip, one_call
from harnesslab.types import (
    Action,
    Answer,
    Attempt,
    Conversation,
    EndReason,
    Layer,
    Message,
    Outcome,
    SolveNext,
    Status,
    TaskView,
    Trial,
    TurnKind,
    TurnNext,
)


class BestOfN(Layer):
    """Makes n whole attempts and keeps one, chosen by what the agent has seen.

    Each attempt starts from the same world, in a branch of its own, with the whole budget; the first draws what `loop`
    draws. "clean" takes an answer before none, then the fewest failed actions, then the writes that most attempts
    made, then the answer that most gave, then the earliest. "model" shows the model what each attempt did and said.
    The world is left as the chosen attempt left it.

    Source: best-of-n sampling, here as the equal-compute control: n is fixed beforehand to match a stack's mean cost.
    Cost: n - 1 attempts, and with "model" one reply, charged to this layer. The trial may spend n times its budget.
    Cannot: be deployed where writes commit, since the other attempts' writes are undone: an upper bound there. With a
    simulated user it makes one attempt, for what they have heard stays heard.
    """

    name = "best-of-n"
    port = "solve"

    class Params(Params):
        n: int = Field(3, ge=1, description="whole attempts")
        select: Literal["clean", "model"] = Field("clean", description="who chooses: the rule, or the model")

    def __init__(self, params: Params) -> None:
        self._n = params.n
        self._select = params.select
        self._outcomes: list[Outcome] = []

    async def turn(self, trial: Trial, conversation: Conversation, nxt: TurnNext) -> Outcome:
        outcome = await nxt(conversation)
        self._outcomes.append(outcome)
        return outcome

    async def solve(self, trial: Trial, task: TaskView, nxt: SolveNext) -> Answer:
        if trial.has_user:
            trial.intervene(self.name, "a simulated user takes part: one attempt", pays=False)
            return await nxt(task)
        start = trial.snapshot()
        trial.allow_attempts(self._n)
        tried: list[Tried] = []
        for i in range(self._n):
            if i:
                trial.restore(start)
                trial.intervene(self.name, "another attempt", attempt=i, of=self._n)
            self._outcomes, before = [], trial.reached
            answer = await nxt(task)
            tried.append(Tried(answer, trial.snapshot(), (before, trial.reached), tuple(self._outcomes)))
        chosen, why = await self._choose(trial, task, tried)
        trial.restore(tried[chosen].world)
        facts = [t.facts for t in tried]
        trial.intervene(self.name, f"chose attempt {chosen}", pays=False, why=why, attempts=facts, world="all")
        among = tuple(Attempt(t.answer.text, t.answer.reason, t.world, t.calls) for t in tried)
        return replace(tried[chosen].answer, among=among, chosen=chosen)

    async def _choose(self, trial: Trial, task: TaskView, tried: Sequence[Tried]) -> tuple[int, str]:
        if self._select == "clean" or len(tried) == 1:
            return cleanest(tried), "clean"
        completion = await trial.ask(self.name, question(task, tried))
        named = None if completion is None else _number(completion.content, len(tried))
        return (cleanest(tried), "clean: the model named none") if named is None else (named, "model")


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt as the agent saw it."""

    answer: Answer
    world: object
    calls: tuple[int, int]
    outcomes: tuple[Outcome, ...]

    @property
    def actions(self) -> list[Action]:
        return [action for outcome in self.outcomes for action in outcome.actions]

    @property
    def answered(self) -> bool:
        return self.answer.reason is EndReason.ANSWERED

    @property
    def failures(self) -> int:
        """Failed calls and unreadable replies; a call that was skipped is none."""
        failed = sum(not a.result.ok and a.result.status is not Status.SKIPPED for a in self.actions)
        return failed + sum(o.kind is TurnKind.UNPARSED for o in self.outcomes)

    @property
    def writes(self) -> tuple[int, ...]:
        """Keys of the calls that changed the world, in any order."""
        return tuple(sorted(a.call.key for a in self.actions if a.result.wrote))

    @property
    def said(self) -> str:
        """The answer without case and punctuation."""
        return " ".join(re.findall(r"\w+", self.answer.text.lower()))

    @property
    def facts(self) -> dict[str, object]:
        return {"answered": self.answered, "failures": self.failures, "writes": len(self.writes)}


def cleanest(tried: Sequence[Tried]) -> int:
    """The attempt that the rule chooses: its position."""
    wrote, said = Counter(t.writes for t in tried), Counter(t.said for t in tried)
    rank = [(not t.answered, t.failures, -wrote[t.writes], -said[t.said], i) for i, t in enumerate(tried)]
    return min(rank)[-1]


def question(task: TaskView, tried: Sequence[Tried]) -> list[Message]:
    """What the model is asked: the task, and of each attempt its calls, how they went, and its answer."""
    lines = [task.prompt, "", f"{len(tried)} attempts were made at this:"]
    for i, t in enumerate(tried):
        lines += ["", f"Attempt {i + 1}:"]
        lines += [f"- {one_call(a.call)} -> {clip(a.result.content)}" for a in t.actions]
        lines.append(f"Answer: {clip(t.answer.text, 400)}" if t.answered else "No answer.")
    lines += ["", "Which attempt did it best? Reply with its number only."]
    system = [Message("system", task.system)] if task.system else []
    return [*system, Message("user", "\n".join(lines))]


def _number(text: str, n: int) -> int | None:
    """The first number that names an attempt, as a position."""
    named = (int(found) for found in re.findall(r"\d{1,4}", text))
    return next((number - 1 for number in named if 1 <= number <= n), None)
