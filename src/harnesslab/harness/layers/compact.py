"""Makes room where the conversation outgrows the context."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pydantic import Field

from harnesslab.harness.params import Params
from harnesslab.harness.wording import clip, one_call
from harnesslab.types import Completion, Generate, GenerateNext, Layer, Message, Toolbox, Trial

ELIDED = "(left out to save room)"


class Compact(Layer):
    """Leaves the oldest turns out of a request that would not fit the context.

    A request fits when its prompt and the reply's `max_tokens` (but no more than half the budget) do. Otherwise things
    are left out one at a time, in this order, oldest first, until it fits: the results of look-ups, the turns in which
    every call failed or none could be read, the turns that only looked things up, the turns that wrote. Never the
    system prompt, the task's first message, the last turn, or what the model and the user said to each other; a call
    and its answers go together. The history itself stays whole: only what is sent changes.

    Source: compaction as in forge and most agent frameworks, here without a summary: a fixed order, no model call.
    Cost: no model call; one more rendering per request, and the prompt is computed again from the first thing left out.
    Cannot: know what will be needed again; summarise; make room where one turn alone fills the context; count tokens
    where a server renders.
    """

    name = "compact"
    port = "generate"
    needs = frozenset({"context", "tokens"})

    class Params(Params):
        budget: int = Field(0, ge=0, description="tokens of prompt and reply together; 0: the context")

    def __init__(self, params: Params) -> None:
        self._budget = params.budget
        self._said = False

    async def generate(self, trial: Trial, request: Generate, nxt: GenerateNext) -> Completion:
        limit = min(filter(None, (self._budget, trial.n_ctx)), default=0)
        if not limit:
            self._say_once(trial)
            return await nxt(request)
        most = limit - min(request.sampling.max_tokens, limit // 2)
        before = size = (await trial.render(request.messages)).n_tokens
        if size <= most:
            return await nxt(request)
        out: list[Omission] = []
        for omission in omissions(request.messages, trial.toolbox):
            out.append(omission)
            size = (await trial.render(without(request.messages, out))).n_tokens
            if size <= most:
                break
        trial.intervene(
            self.name,
            "over budget" if size <= most else "over budget, and nothing more may be left out",
            pays=False,
            left_out=[o.what for o in out],
            saved=before - size,
            prompt=size,
            most=most,
        )
        return await nxt(replace(request, messages=without(request.messages, out)))

    def _say_once(self, trial: Trial) -> None:
        if not self._said:
            self._said = True
            trial.intervene(self.name, "the context's size is not known: nothing is ever left out", pays=False)


@dataclass(frozen=True, slots=True)
class Omission:
    """One thing to leave out: messages[start:stop], or, where `elide`, only the content of that one message."""

    what: str
    start: int
    stop: int
    elide: bool = False


def omissions(messages: Sequence[Message], toolbox: Toolbox) -> Iterator[Omission]:
    """All that may be left out, in the order in which it is."""
    turns = [_Turn(messages, start, stop, toolbox) for start, stop in _spans(messages)][:-1]
    for turn in turns:
        yield from turn.results()
    for kind in ("failed turn", "look-ups", "writes"):
        for turn in turns:
            if turn.kind == kind:
                yield Omission(f"{kind}: {turn.words}", turn.start, turn.stop)


def without(messages: Sequence[Message], out: Collection[Omission]) -> tuple[Message, ...]:
    """The messages that are sent."""
    gone = {i for o in out if not o.elide for i in range(o.start, o.stop)}
    bare = {o.start for o in out if o.elide}
    return tuple(replace(m, content=ELIDED) if i in bare else m for i, m in enumerate(messages) if i not in gone)


def _spans(messages: Sequence[Message]) -> list[tuple[int, int]]:
    """The turns: from each message of the model's up to its next."""
    starts = [i for i, m in enumerate(messages) if m.role == "assistant"]
    return list(pairwise([*starts, len(messages)]))


class _Turn:
    """A reply and its answers. `kind` is "" where it may not be left out: somebody spoke to somebody."""

    def __init__(self, messages: Sequence[Message], start: int, stop: int, toolbox: Toolbox) -> None:
        self.start, self.stop = start, stop
        said, answers = messages[start], messages[start + 1 : stop]
        self._answers = [(start + 1 + i, m) for i, m in enumerate(answers)]
        self._calls = {call.id: call for call in said.tool_calls}
        self._reads = {call.id for call in said.tool_calls if (t := toolbox.get(call.name)) and not t.writes}
        self.words = ", ".join(map(one_call, said.tool_calls)) or clip(said.content, 80) or "an empty reply"
        self.kind = self._kind(said, answers)

    def _kind(self, said: Message, answers: Sequence[Message]) -> str:
        empty = not said.content and not said.tool_calls
        tools = [m for m in answers if m.role == "tool"]
        if len(tools) < len(answers) and not empty:
            return ""
        if empty or (tools and all(map(_failed, tools))):
            return "failed turn"
        if not tools:
            return ""
        return "look-ups" if self._reads == set(self._calls) else "writes"

    def results(self) -> Iterator[Omission]:
        """Answers of look-ups; not of failed ones, since what is left out may be asked for again."""
        for i, m in self._answers:
            if m.tool_call_id in self._reads and not _failed(m) and len(m.content) > len(ELIDED):
                yield Omission(f"result: {one_call(self._calls[m.tool_call_id])}", i, i + 1, elide=True)


def _failed(answer: Message) -> bool:
    """As the loop, the layers and the suites' tools word it."""
    return answer.content.startswith("Error")
