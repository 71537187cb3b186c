"""Takes a failed turn back, as if it had never been said."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from harnesslab.harness.params import Params
from harnesslab.harness.wording import cause_of, clip, one_call
from harnesslab.types import (
    Completion,
    Conversation,
    Generate,
    GenerateNext,
    Layer,
    Message,
    Outcome,
    Status,
    Trial,
    TurnKind,
    TurnNext,
)


class Rewind(Layer):
    """Takes a failed turn back and lets the model try again, told in a line why.

    The turn goes back to its checkpoint: the failed text leaves the history, and with it the engine's KV cache is cut.
    The reason is added to the last message before it. In world "safe" a rewind stops at the last call that committed a
    write: that call and those before it stay, what followed goes. In world "all" the world goes back too, writes
    included: an upper bound that no deployment reaches, labelled as such on the trace. Calls after a failed one in the
    same reply are skipped. The last failure, when the budget is out, stays in sight. Replies are redrawn by the
    temperature schedule.

    Source: "rewind and inject the reason", asked for in the discussion of the forge study; temperature schedule after
    SmallCode.
    Cost: one model call per rewind, charged to this layer; the prompt up to the checkpoint is not computed again.
    Cannot: undo a committed write in world "safe", cross what a simulated user has heard, or go back further than the
    turn.
    """

    name = "rewind"
    port = "turn"

    class Params(Params):
        budget: int = Field(6, ge=0, description="rewinds per trial")
        per_turn: int = Field(2, ge=0, description="rewinds per turn")
        temperatures: tuple[float, ...] = Field(
            (0.2, 0.7),
            description="temperature of the first, second, ... redraw of a turn; empty keeps the model's own",
        )
        world: Literal["safe", "all"] = Field("safe", description="whether committed writes are kept or taken back")

    @classmethod
    def draws(cls, params: Params) -> bool:
        return min(params.budget, params.per_turn) > 0 and any(t > 0 for t in params.temperatures)

    def __init__(self, params: Params) -> None:
        self._params = params
        self._left = params.budget
        self._temperature: float | None = None

    async def generate(self, trial: Trial, request: Generate, nxt: GenerateNext) -> Completion:
        if self._temperature is not None:
            request = replace(request, sampling=replace(request.sampling, temperature=self._temperature))
        return await nxt(request)

    async def turn(self, trial: Trial, conversation: Conversation, nxt: TurnNext) -> Outcome:
        trial.stop_at_failure()
        reasons: list[str] = []
        checkpoint, world = conversation.checkpoint(), trial.snapshot()
        before = list(conversation.messages)
        try:
            for attempt in range(self._params.per_turn):
                outcome = await nxt(conversation)
                if outcome.kind is TurnKind.ENDED or not outcome.failed or self._left == 0:
                    return outcome
                self._left -= 1
                reasons.append(_reason(outcome))
                kept = self._cut(conversation, checkpoint, outcome)
                if kept:  # a write was committed: from here on, this is as far back as a rewind goes
                    checkpoint, world, before = conversation.checkpoint(), trial.snapshot(), list(conversation.messages)
                    reasons = reasons[-1:]
                else:
                    conversation.cut(0)
                    conversation.messages.extend(before)
                    trial.restore(world)
                _inject(conversation, reasons, _advice(outcome))
                trial.intervene(
                    self.name, reasons[-1], attempt=attempt + 1, left=self._left, kept=kept, world=self._params.world
                )
                self._temperature = self._scheduled(attempt)
            return await nxt(conversation)
        finally:
            self._temperature = None

    def _scheduled(self, attempt: int) -> float | None:
        schedule = self._params.temperatures
        return schedule[min(attempt, len(schedule) - 1)] if schedule else None

    def _cut(self, conversation: Conversation, checkpoint: int, outcome: Outcome) -> int:
        """Cuts back to the last committed write of the turn, or to the checkpoint; returns how many calls stay."""
        wrote = [i for i, a in enumerate(outcome.actions) if a.result.wrote]
        keep = wrote[-1] + 1 if wrote and self._params.world == "safe" else 0
        said = conversation.messages[checkpoint] if len(conversation.messages) > checkpoint else None
        answers = conversation.messages[checkpoint + 1 : checkpoint + 1 + keep]
        conversation.cut(checkpoint)
        if keep and said is not None:
            conversation.messages.append(replace(said, tool_calls=said.tool_calls[:keep]))
            conversation.messages.extend(answers)
        return keep


def _reason(outcome: Outcome) -> str:
    """Why the turn failed, in one line."""
    if outcome.kind is TurnKind.UNPARSED:
        error = outcome.completion.parse_error if outcome.completion is not None else None
        return f"a reply could not be read: {cause_of(error.message)}" if error is not None else "a reply was empty"
    first = next(a for a in outcome.actions if not a.result.ok and a.result.status is not Status.SKIPPED)
    why = cause_of(first.result.content, 300)
    wanted = first.result.expected
    if wanted and "xpected" not in why:
        why = f"{why}; expected: {clip(wanted)}"
    return f"{one_call(first.call)} failed: {why}"


def _advice(outcome: Outcome) -> str:
    """Faults lie outside snapshots: a failure that may pass is worth the same call again."""
    may_pass = any(a.result.transient for a in outcome.actions if not a.result.ok)
    return "The same call may work now." if may_pass else "Do not repeat this."


def _inject(conversation: Conversation, reasons: list[str], advice: str) -> None:
    """Adds the reasons to the last message: a message of its own could break a template's order of roles."""
    last: Message = conversation.messages[-1]
    conversation.cut(len(conversation.messages) - 1)
    note = f"(Note: {'; '.join(reasons)}. {advice})"
    conversation.messages.append(replace(last, content=f"{last.content}\n\n{note}" if last.content else note))
