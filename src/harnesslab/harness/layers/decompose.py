"""Splits a task that an attempt got stuck in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pydantic import Field

from harnesslab.harness.params import Params
from harnesslab.harness.wording import bullets, clip, one_call
from harnesslab.types import (
    Answer,
    Budget,
    Conversation,
    EndReason,
    FinishReason,
    Layer,
    Left,
    Message,
    Outcome,
    SolveNext,
    Status,
    TaskView,
    Toolbox,
    Trial,
    TurnKind,
    TurnNext,
)

KNOWN = 12  # calls that worked, the latest, are told
SHOWN = 400  # characters of a result
LEAST = 4  # replies: one to split, one for each of two parts, one to merge
_ITEM = re.compile(r"^[ \t]*(?:[-*]|\(?(?:step[ \t]*)?\d{1,2}[.):])[ \t]+(\S.*)$", re.MULTILINE | re.IGNORECASE)


class Decompose(Layer):
    """Stops a stuck attempt, has the model split what is left, runs the parts.

    Stuck: a tool has failed in the same way, or the same call has failed, in `same` turns; or no more than `reserve`
    replies are left, and no more than were used. The model is asked for a numbered list. Each part is an attempt of
    its own, in a fresh context that begins with the request, what worked so far and what it gave, and the part. The
    last reply is asked for with all results and no tools, and answers the request. Without a usable list the rest is
    one part. The world goes on from part to part. All of it happens within the attempt's own budget: each part gets an
    equal share of what is left.

    Source: SmallCode decomposes a task when the same thing fails twice.
    Cost: one reply to split and one to merge, and all replies of the parts, charged to this layer.
    Cannot: help where the parts cannot be told apart by the model, find room in a budget of few turns (it needs four
    replies), or speak with a simulated user: where one takes part it stays away.
    """

    name = "decompose"
    port = "solve"

    class Params(Params):
        same: int = Field(2, ge=1, description="turns with the same failure that make an attempt stuck")
        reserve: int = Field(4, ge=LEAST, description="replies left at which an attempt is stopped")
        max_parts: int = Field(4, ge=2, description="parts at most")

    def __init__(self, params: Params) -> None:
        self._params = params
        self._conversation: Conversation | None = None
        self._granted: int | None = None  # replies that the attempt may ask for
        self._failed: Counter[str] = Counter()
        self._known: list[str] = []
        self._stuck = ""

    async def turn(self, trial: Trial, conversation: Conversation, nxt: TurnNext) -> Outcome:
        if conversation is not self._conversation:  # another attempt
            self._conversation, self._granted, self._failed = conversation, trial.left.turns, Counter()
        outcome = await nxt(conversation)
        self._known += [
            f"{one_call(a.call)} -> {clip(a.result.content, SHOWN)}" for a in outcome.actions if a.result.ok
        ]
        if self._stuck or trial.has_user or outcome.kind not in (TurnKind.ACTED, TurnKind.UNPARSED):
            return outcome
        self._failed.update(dict.fromkeys(failures(outcome), 1))
        left = trial.left.turns
        cause = self._cause(left)
        if not cause or (left is not None and left < LEAST):
            return outcome
        self._stuck = cause
        trial.intervene(self.name, "stuck", why=cause, left=left)
        return Outcome(TurnKind.ENDED, outcome.completion, outcome.actions, EndReason.ABORTED)

    def _cause(self, left: int | None) -> str:
        again = [what for what, times in self._failed.items() if times >= self._params.same]
        if again:
            return f"{again[0]} failed again"
        spent = 0 if left is None or self._granted is None else self._granted - left
        nearly_out = left is not None and left <= self._params.reserve and left <= spent
        return "the turns are nearly out" if nearly_out else ""

    async def solve(self, trial: Trial, task: TaskView, nxt: SolveNext) -> Answer:
        self._stuck, self._known = "", []
        answer = await nxt(task)
        if not self._stuck or answer.reason is not EndReason.ABORTED:
            return answer
        parts = await self._split(trial, task)
        done: list[str] = []
        for i, part in enumerate(parts):
            left = trial.left
            if left.turns is not None and left.turns < 2:  # one for the part, one to merge
                break
            trial.intervene(self.name, "part", part=i + 1, of=len(parts), goal=part)
            view = replace(task, id=f"{task.id}/{i + 1}", prompt=self._step(task, part), budget=share(left, parts[i:]))
            answer = await nxt(view)
            said = clip(answer.text, 300) if answer.reason is EndReason.ANSWERED else "not finished"
            done.append(f"{part}: {said}")
        return await self._merge(trial, task, done, answer)

    async def _split(self, trial: Trial, task: TaskView) -> list[str]:
        lines = [task.prompt, "", f"A first attempt got stuck: {self._stuck}.", *self._so_far()]
        lines += ["", "Tools:", *described(trial.toolbox), ""]
        lines.append(
            f"Split what is still to be done into 2 to {self._params.max_parts} steps that can be done one after the "
            "other. Reply with a numbered list, one short step per line, and nothing else."
        )
        completion = await trial.ask(self.name, asked(task, lines))
        parts = listed(completion.content)[: self._params.max_parts] if completion is not None else []
        if len(parts) < 2:
            trial.intervene(self.name, "no list: the rest is one part", pays=False)
            return ["Finish the request."]
        trial.intervene(self.name, "split", pays=False, parts=parts)
        return parts

    def _step(self, task: TaskView, part: str) -> str:
        lines = [task.prompt, "", "This is done step by step.", *self._so_far(), "", f"Your step now: {part}"]
        return "\n".join([*lines, "Do this step only, then say in one short sentence what you found or did."])

    async def _merge(self, trial: Trial, task: TaskView, done: Sequence[str], last: Answer) -> Answer:
        lines = [task.prompt, "", "This was done step by step:", bullets(done), *self._so_far()]
        lines += ["", "All steps are over. Answer the request now, in one short text."]
        completion = await trial.ask(self.name, asked(task, lines))
        if completion is None:
            return Answer(last.text, _spent(trial.left))
        if completion.finish_reason is FinishReason.OVERFLOW:
            return Answer(last.text, EndReason.OVERFLOW)
        return Answer(completion.content or last.text, EndReason.ANSWERED)

    def _so_far(self) -> list[str]:
        return ["What worked so far:", bullets(self._known[-KNOWN:])] if self._known else []


def failures(outcome: Outcome) -> Iterator[str]:
    """What failed in a turn, as things that can fail again: a tool in one way, one call."""
    if outcome.kind is TurnKind.UNPARSED:
        yield "a reply that could not be read"
    for call, result in ((a.call, a.result) for a in outcome.actions):
        if not result.ok and result.status is not Status.SKIPPED:
            yield f"{call.name} ({result.status.name.lower().replace('_', ' ')})"
            yield one_call(call)


def listed(text: str) -> list[str]:
    """The items of a list as models write them: "1. x", "2) x", "- x", "Step 3: x"."""
    return [clip(item, 200) for item in _ITEM.findall(text.replace("**", ""))]


def described(toolbox: Toolbox) -> list[str]:
    return [f"- {tool.name}: {clip(tool.description)}" for tool in toolbox]


def asked(task: TaskView, lines: Sequence[str]) -> list[Message]:
    system = [Message("system", task.system)] if task.system else []
    return [*system, Message("user", "\n".join(lines))]


def share(left: Left, parts: Sequence[str]) -> Budget:
    """An equal share of what is left for the first of these parts; one reply is kept back for merging."""
    return Budget(
        turns=0 if left.turns is None else max(1, (left.turns - 1) // len(parts)),
        tokens=0 if left.tokens is None else max(1, left.tokens // (len(parts) + 1)),
        seconds=0.0 if left.seconds is None else max(1e-3, left.seconds / (len(parts) + 1)),
    )


def _spent(left: Left) -> EndReason:
    if left.turns == 0:
        return EndReason.TURNS
    return EndReason.SECONDS if left.seconds == 0.0 else EndReason.TOKENS
