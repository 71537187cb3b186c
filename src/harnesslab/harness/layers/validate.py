"""Checks calls before they run."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from pydantic import Field

from harnesslab.harness.params import Params
from harnesslab.harness.schemas import Problem, problems, shown, signature
from harnesslab.harness.wording import bullets
from harnesslab.types import Action, ActionResult, ActNext, Layer, Status, Toolbox, ToolCall, ToolSpec, Trial


class Validate(Layer):
    """Checks a call by its schema, and by the task's validators, before it runs.

    A call that does not fit never reaches a tool. The model is told what failed, what was expected, what it wrote, and
    the nearest right name; no value is guessed or mended. Types are taken as the schema states them: "2" is no integer.
    Calls that fit the schema are shown to the validators that the task's suite wrote, with all calls of the trial and
    their answers, also those that a rewind took out of sight. A call that one of them finds fault with is BLOCKED, and
    the event is marked suite-informed.

    Source: guardrails as in forge and SmallCode, and every agent framework that validates arguments; validators per
    argument, asked for in the discussion of the forge study.
    Cost: no model call; the longer error text is part of the next prompt.
    Cannot: tell whether a well-formed value is the right one, or exists, where no validator says so.
    """

    name = "validate"
    port = "act"
    suite_informed = True

    class Params(Params):
        advice: bool = Field(True, description="whether the validators of the task's suite are asked too")

    def __init__(self, params: Params) -> None:
        self._advice = params.advice
        self._actions: list[Action] = []

    async def act(self, trial: Trial, call: ToolCall, nxt: ActNext) -> ActionResult:
        result = await self._checked(trial, call, nxt)
        self._actions.append(Action(call, result))
        return result

    async def _checked(self, trial: Trial, call: ToolCall, nxt: ActNext) -> ActionResult:
        tool = trial.toolbox.get(call.name)
        if tool is None:
            trial.intervene(self.name, "unknown tool", tool=call.name)
            return unknown_tool(trial.toolbox, call)
        wrong = problems(tool, call.arguments)
        if wrong:
            trial.intervene(self.name, "invalid arguments", tool=call.name, arguments=[p.where for p in wrong])
            return refused(Status.INVALID_ARGUMENTS, tool, call, [_line(p) for p in wrong])
        validators = trial.task.advice.validators if self._advice else ()
        lines = [line for validator in validators if (line := validator(call, self._actions))]
        if lines:
            trial.intervene(self.name, "a validator of the task", tool=call.name, problems=lines, suite_informed=True)
            return refused(Status.BLOCKED, tool, call, lines)
        return await nxt(call)


def unknown_tool(toolbox: Toolbox, call: ToolCall) -> ActionResult:
    names = toolbox.names
    near = get_close_matches(call.name, names, n=1, cutoff=0.4)
    found = toolbox.get(near[0]) if near else None
    lines = [f"Error: there is no tool {shown(call.name)}. Nothing was run."]
    lines.append(f"Expected: one of {', '.join(names)}." if names else "Expected: no call; there are no tools.")
    if found is not None:
        lines.append(f"Nearest: {signature(found)}")
    return ActionResult(
        Status.UNKNOWN_TOOL, "\n".join(lines), expected=f"one of {', '.join(names)}", actual=shown(call.name)
    )


def refused(status: Status, tool: ToolSpec, call: ToolCall, lines: Sequence[str]) -> ActionResult:
    """The answer to a call that was not run, a line per problem."""
    count = f"{len(lines)} problem{'s' if len(lines) > 1 else ''}"
    content = (
        f"Error: {tool.name} was not run: {count} with its arguments.\n"
        f"{bullets(lines)}\n"
        f"Expected: {signature(tool)}\n"
        f"Correct this and call {tool.name} again."
    )
    return ActionResult(status, content, expected=signature(tool), actual=shown(dict(call.arguments), 120))


def _line(problem: Problem) -> str:
    hint = f" ({problem.hint})" if problem.hint else ""
    if not problem.expected:
        return f"{problem.where}: there is no such argument{hint}"
    return f"{problem.where or 'arguments'}: expected {problem.expected}; got {problem.got}{hint}"
