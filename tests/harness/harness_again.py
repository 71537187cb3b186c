"""Layers of somebody else's: found by import path."""

from __future__ import annotations

from dataclasses import replace

from harnesslab.harness.params import Params
from harnesslab.types import (
    Answer,
    Completion,
    Constraint,
    Conversation,
    Generate,
    GenerateNext,
    Layer,
    Outcome,
    SolveNext,
    TaskView,
    Toolbox,
    ToolCall,
    ToolsNext,
    Trial,
    TurnNext,
)


class Again(Layer):
    """Asks everything twice and takes the second reply."""

    name = "again"
    port = "turn"

    def __init__(self, params: Params) -> None:
        del params

    async def turn(self, trial: Trial, conversation: Conversation, nxt: TurnNext) -> Outcome:
        checkpoint = conversation.checkpoint()
        await nxt(conversation)
        conversation.cut(checkpoint)
        trial.intervene(self.name, "always")
        return await nxt(conversation)


class TwoAttempts(Layer):
    """Solves the task twice and answers with the second attempt."""

    name = "two-attempts"
    port = "solve"

    def __init__(self, params: Params) -> None:
        del params

    async def solve(self, trial: Trial, task: TaskView, nxt: SolveNext) -> Answer:
        world = trial.snapshot()
        trial.allow_attempts(2)
        await nxt(task)
        trial.restore(world)
        trial.intervene(self.name, "always")
        return await nxt(task)


class Mend(Layer):
    """Turns an unreadable reply into a call of its own."""

    name = "mend"
    port = "generate"

    def __init__(self, params: Params) -> None:
        del params

    async def generate(self, trial: Trial, request: Generate, nxt: GenerateNext) -> Completion:
        completion = await nxt(request)
        if completion.parse_error is None:
            return completion
        trial.intervene(self.name, "unreadable")
        return Completion(completion.text, "", (ToolCall("get_order", {"order_id": "O-1"}),))


class Hide(Layer):
    """Hides the tools that write."""

    name = "hide"
    port = "tools"

    def __init__(self, params: Params) -> None:
        del params

    def tools(self, trial: Trial, toolbox: Toolbox, nxt: ToolsNext) -> Toolbox:
        trial.intervene(self.name, "writes are off")
        return Toolbox(tuple(tool for tool in nxt(toolbox) if not tool.writes))


class Bare(Layer):
    """Hides all tools."""

    name = "bare"
    port = "tools"

    def __init__(self, params: Params) -> None:
        del params

    def tools(self, trial: Trial, toolbox: Toolbox, nxt: ToolsNext) -> Toolbox:
        return Toolbox(())


class Yes(Layer):
    """Lets the model say nothing but yes."""

    name = "yes"
    port = "generate"

    def __init__(self, params: Params) -> None:
        del params

    async def generate(self, trial: Trial, request: Generate, nxt: GenerateNext) -> Completion:
        return await nxt(replace(request, constraint=Constraint("regex", "yes")))


class Hunger(Layer):
    """Never stops asking: the budget has to."""

    name = "hunger"
    port = "turn"

    def __init__(self, params: Params) -> None:
        del params

    async def turn(self, trial: Trial, conversation: Conversation, nxt: TurnNext) -> Outcome:
        while True:
            outcome = await nxt(conversation)
            if outcome.reason:
                return outcome


class Spy(Layer):
    """Keeps the trial it works in, for a test to look at."""

    name = "spy"
    port = "act"
    seen: Trial | None = None

    def __init__(self, params: Params) -> None:
        del params

    async def turn(self, trial: Trial, conversation: Conversation, nxt: TurnNext) -> Outcome:
        Spy.seen = trial
        return await nxt(conversation)


class Told(Layer):
    """Would use what the suite's author wrote."""

    name = "told"
    port = "act"
    suite_informed = True

    def __init__(self, params: Params) -> None:
        del params


class ToldMore(Told):
    """Would do something without it too."""

    name = "told-more"

    class Params(Params):
        advice: bool = True
