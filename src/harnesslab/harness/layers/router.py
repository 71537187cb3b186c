"""Two-stage tool choice: names first, schemas after."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from pydantic import Field

from harnesslab.harness.params import Params
from harnesslab.types import (
    ActionResult,
    ActNext,
    Completion,
    Generate,
    GenerateNext,
    Layer,
    Message,
    Toolbox,
    ToolCall,
    ToolSpec,
    Trial,
    canonical,
)

CHARACTERS = 4  # of a schema, per token: an estimate, so that every engine routes alike


class Router(Layer):
    """Lets the model choose its tools by name, then shows it only their schemas.

    A trial's first request is preceded by a question that lists all tools in one line each; every known name in the
    reply is chosen, and only those are offered from then on, in later attempts and parts too. A tool that the model
    calls although it was not chosen joins them at once. A reply without a known name leaves all tools offered.

    Source: SmallCode's two-stage router for contexts of up to 16k tokens, which chooses a category; here tools.
    Cost: one reply per trial, charged to this layer and counted as a turn; shorter prompts after it.
    Cannot: know that a tool will be needed which the model did not think of at the start; pay off where schemas are
    short; count schemas exactly (four characters are taken for a token).
    """

    name = "router"
    port = "generate"

    class Params(Params):
        threshold: int = Field(0, ge=0, description="tokens of schemas below which all are shown; 0: always choose")

    def __init__(self, params: Params) -> None:
        self._threshold = params.threshold
        self._chosen: set[str] = set()  # empty: not asked yet
        self._all = Toolbox(())

    async def generate(self, trial: Trial, request: Generate, nxt: GenerateNext) -> Completion:
        if len(request.tools) < 2 or schema_tokens(request.tools) < self._threshold:
            return await nxt(request)
        self._all = Toolbox(request.tools)
        self._chosen = self._chosen or await self._choose(trial, request)
        offered = self._offered()
        trial.offer(offered)
        return await nxt(replace(request, tools=offered.tools))

    async def act(self, trial: Trial, call: ToolCall, nxt: ActNext) -> ActionResult:
        if trial.toolbox.get(call.name) is None and self._all.get(call.name) is not None:
            self._chosen.add(call.name)
            trial.offer(self._offered())
            trial.intervene(self.name, "a tool that was not chosen", pays=False, tool=call.name)
        return await nxt(call)

    async def _choose(self, trial: Trial, request: Generate) -> set[str]:
        completion = await trial.ask(self.name, question(request.messages, request.tools))
        if completion is None:  # a budget is out: the request that follows will say so
            return set(self._all.names)
        names = named(completion, self._all)
        cause = "tools chosen" if names else "no known name in the reply: all tools"
        trial.intervene(self.name, cause, pays=False, chosen=names, of=len(request.tools))
        return set(names or self._all.names)

    def _offered(self) -> Toolbox:
        return Toolbox(tuple(tool for tool in self._all if tool.name in self._chosen))


def schema_tokens(tools: Sequence[ToolSpec]) -> int:
    """About how many tokens the tools' descriptions and schemas take."""
    return sum(len(t.name) + len(t.description) + len(canonical(t.parameters)) for t in tools) // CHARACTERS


def question(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> list[Message]:
    """The conversation so far, the question added to its last message."""
    lines = [f"- {t.name}: {t.description.splitlines()[0] if t.description else ''}" for t in tools]
    asked = "\n".join(
        [
            "Before you start, choose the tools you will need for all of this:",
            *lines,
            "Reply with their names only, separated by commas.",
        ]
    )
    *before, last = messages
    return [*before, replace(last, content=f"{last.content}\n\n{asked}")]


def named(completion: Completion, toolbox: Toolbox) -> list[str]:
    """Every tool that a reply names, in words or by calling it, in the toolbox's order."""
    words = set(re.findall(r"[\w.-]+", completion.content))
    words |= {word.strip(".-") for word in words} | {call.name for call in completion.tool_calls}
    return [name for name in toolbox.names if name in words]
