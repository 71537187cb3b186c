"""The `replay` engine: answers with the replies of a stored trace, for as long as the same is asked.

It computes nothing and knows no template: whether the same is asked is told by `types.request_key`, which every reply
on a trace carries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harnesslab.errors import EngineFailure
from harnesslab.types import Completion, EngineInfo, Message, Prompt, Request, ToolSpec, request_key, tools_key


@dataclass(frozen=True, slots=True)
class Recorded:
    """One stored reply. `event` is its index on the trace; `asked` its request key in hexadecimal, "" if unknown."""

    event: int
    turn: int
    asked: str
    completion: Completion


@dataclass(frozen=True, slots=True)
class Departure:
    """Where a harness first does something else than the trace it is replayed against.

    Attributes:
        event: index of the first stored event that is not repeated.
        turn: that event's turn.
        expected: what stands on the trace.
        found: what happened instead.
    """

    event: int
    turn: int
    expected: str
    found: str

    def __str__(self) -> str:
        return f"event {self.event}, turn {self.turn}: {self.found}, where the trace has {self.expected}"


class Departed(EngineFailure):
    """The replay ends here: what a model would have said from now on is not known."""

    def __init__(self, departure: Departure) -> None:
        super().__init__("departed", str(departure))
        self.departure = departure


class ReplayEngine:
    """Plays replies back in their order; for one trial.

    Args:
        end: index of the trace's last event.
        n_ctx: tokens one trial may occupy; 0 if unknown.
        beyond: prompt tokens to claim for a prompt after the last reply; more than the token budget where that is what
            ended the trial.
    """

    def __init__(
        self, replies: Sequence[Recorded], *, end: int, model: str = "replay", n_ctx: int = 0, beyond: int = 0
    ) -> None:
        self._replies = tuple(replies)
        self._end, self._beyond = end, beyond
        self._next = 0
        self._info = EngineInfo("replay", model, n_ctx=n_ctx, capabilities=frozenset({"seeds", "usage"}))

    @property
    def info(self) -> EngineInfo:
        return self._info

    async def render(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Prompt:
        """As many tokens as the next stored reply's prompt had; their values mean nothing."""
        left = self._next < len(self._replies)
        n_tokens = self._replies[self._next].completion.usage.prompt if left else self._beyond
        return Prompt(tuple(messages), tuple(tools), "", bytes(4 * n_tokens), self._next + 1)

    async def complete(self, request: Request) -> Completion:
        """The next stored reply.

        Raises:
            Departed: something else is asked than was then, or more.
        """
        messages = request.prompt.messages
        if self._next == len(self._replies):
            turn = self._replies[-1].turn + 1 if self._replies else 1
            raise Departed(Departure(self._end, turn, "the end of the trial", f"another request, {_last(messages)}"))
        recorded = self._replies[self._next]
        key = request_key(messages, tools_key(request.prompt.tools), request.sampling, request.constraint)
        if recorded.asked and recorded.asked != f"{key:016x}":
            found = f"another request, {_last(messages)}"
            raise Departed(Departure(recorded.event, recorded.turn, "the reply to a different one", found))
        self._next += 1
        return recorded.completion

    async def close(self) -> None:
        return None


def _last(messages: Sequence[Message]) -> str:
    if not messages:
        return "an empty one"
    content = " ".join(messages[-1].content.split())
    shown = content if len(content) <= 120 else f"...{content[-120:]}"
    return f"whose last of {len(messages)} messages is by {messages[-1].role}: {shown!r}"
