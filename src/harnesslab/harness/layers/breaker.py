"""Interrupts loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from harnesslab.harness.params import Params
from harnesslab.harness.wording import EMPTY_REPLY, clip, one_call
from harnesslab.types import (
    ActionResult,
    ActNext,
    Conversation,
    Layer,
    Message,
    Outcome,
    Status,
    ToolCall,
    Trial,
    TurnNext,
)


class Breaker(Layer):
    """Interrupts loops, and says what was repeated and what came of it.

    Three loops are known: the same call with the same result, while nothing was written and the user said nothing; two
    calls in turn (A-B-A-B), writes included; and other arguments for the same tool with the same result each time. The
    call that would go on with one is not run. Results are equal where their text is. Repeats inside one reply count
    once. Only calls whose answers are still in the conversation count, so a redraw after a rewind may repeat what was
    taken back. A call whose last failure may pass is never interrupted, nor is one that another layer blocked.

    Source: repeat guards as in SmallCode, and the three loops of docs/metrics.md, met earlier than they count there.
    Cost: no model call; the interrupted call costs its turn.
    Cannot: tell a loop from waiting for a world that changes by itself without saying so, know that `compact` left an
    answer out of the prompt, or find another way.
    """

    name = "breaker"
    port = "act"

    class Params(Params):
        repeats: int = Field(
            2, ge=0, description="turns in which the same call may bring the same result; 0: any number"
        )
        cycles: int = Field(2, ge=0, description="times that two calls may alternate, one a turn; 0: any number")
        no_progress: int = Field(
            4, ge=0, description="turns in which other arguments may bring the same result; 0: any number"
        )

    def __init__(self, params: Params) -> None:
        self._params = params
        self._conversation = Conversation()
        self._steps: list[_Step] = []
        self._told = 0  # the turn up to which loops of several calls were told of

    async def turn(self, trial: Trial, conversation: Conversation, nxt: TurnNext) -> Outcome:
        self._conversation = conversation
        return await nxt(conversation)

    async def act(self, trial: Trial, call: ToolCall, nxt: ActNext) -> ActionResult:
        self._steps = self._in_sight()
        loop = self._loop(call, trial.turn)
        if loop is not None:
            trial.intervene(self.name, loop.kind, pays=False, tool=call.name, times=loop.times)
            return _interrupted(call, loop)
        position = len(self._conversation.messages)
        result = await nxt(call)
        if result.status is not Status.BLOCKED:
            self._steps.append(_Step(position, trial.turn, call, call.key, result))
        return result

    def _in_sight(self) -> list[_Step]:
        """The steps whose answers the model can still see."""
        messages = self._conversation.messages
        return [
            s
            for s in self._steps
            if s.position < len(messages)
            and messages[s.position].role == "tool"
            and messages[s.position].tool_call_id == s.call.id
        ]

    def _loop(self, call: ToolCall, turn: int) -> _Loop | None:
        key = call.key
        same = [s for s in self._steps if s.key == key]
        if same and same[-1].result.transient:
            return None
        heard = max((i for i, m in enumerate(self._conversation.messages) if _says(m)), default=-1)
        wrote = max((s.position for s in self._steps if s.result.wrote), default=-1)
        unchanged = [s for s in self._steps if s.position > max(heard, wrote) and s.turn < turn]
        return (
            self._identical(key, unchanged)
            or self._alternating(key, [s for s in self._steps if s.position > heard and s.turn > self._told], turn)
            or self._no_progress(call, key, [s for s in unchanged if s.turn > self._told])
        )

    def _identical(self, key: int, steps: Sequence[_Step]) -> _Loop | None:
        same = [s for s in steps if s.key == key]
        turns = {s.turn for s in same if s.result.content == same[-1].result.content}
        if not self._params.repeats or len(turns) < self._params.repeats:
            return None
        said = f"the same call had the same result {len(turns)} times, and nothing has changed since"
        return _Loop("identical calls", len(turns), said, same[-1].result.content)

    def _alternating(self, key: int, steps: Sequence[_Step], turn: int) -> _Loop | None:
        """Whether the last turns were A-B-A-B, one call each, A and B with one result each, and A is next."""
        length = 2 * self._params.cycles
        last = steps[-length:]
        if not length or len(last) < length or len({s.turn for s in last} | {turn}) <= length:
            return None
        a, b = last[-2], last[-1]
        if a.key != key or b.key == key or any(not s.repeats((a, b)[i % 2]) for i, s in enumerate(last)):
            return None
        self._told = b.turn
        said = f"{one_call(a.call)} and {one_call(b.call)} were called in turn {self._params.cycles} times"
        return _Loop("alternating calls", self._params.cycles, f"{said}, with the same results", a.result.content)

    def _no_progress(self, call: ToolCall, key: int, steps: Sequence[_Step]) -> _Loop | None:
        run: list[_Step] = []
        for step in reversed(steps):
            if step.call.name != call.name or step.key == key or step.result.transient:
                break
            if step.result.content != steps[-1].result.content:
                break
            run.append(step)
        turns = {s.turn for s in run}
        most = self._params.no_progress
        if not most or len(turns) < most or len({s.key for s in run}) < most:
            return None
        self._told = run[0].turn
        said = f"the last {len(turns)} calls of {call.name} had other arguments and the same result"
        return _Loop("no progress", len(turns), said, run[0].result.content)


def _says(message: Message) -> bool:
    """Whether the user speaks; the loop answers an empty reply in their place."""
    return message.role == "user" and message.content != EMPTY_REPLY


@dataclass(frozen=True, slots=True)
class _Step:
    """One call that was run. `position` is where its answer stands in the conversation."""

    position: int
    turn: int
    call: ToolCall
    key: int
    result: ActionResult

    def repeats(self, other: _Step) -> bool:
        return self.key == other.key and self.result.content == other.result.content and not self.result.transient


@dataclass(frozen=True, slots=True)
class _Loop:
    """What was repeated, how often, in words, and the result."""

    kind: str
    times: int
    said: str
    result: str


def _interrupted(call: ToolCall, loop: _Loop) -> ActionResult:
    expected = "an answer from what is known, or something else: another tool, or other arguments"
    content = (
        f"Error: {call.name} was not run: {loop.said}.\n"
        f"Repeated: {one_call(call)}\n"
        f"Its result: {clip(loop.result, 300)}\n"
        f"Expected: {expected}"
    )
    return ActionResult(Status.BLOCKED, content, expected=expected)
