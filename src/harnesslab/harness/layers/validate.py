"""Checks calls before they run."""

from __future__ import annotations

from difflib import get_close_matches

from harnesslab.harness.params import Params
from harnesslab.harness.schemas import Problem, problems, shown, signature
from harnesslab.harness.wording import bullets
from harnesslab.types import ActionResult, ActNext, Layer, Status, Toolbox, ToolCall, ToolSpec, Trial


class Validate(Layer):
    """Checks a call's tool and arguments against the schema before it runs.

    A call that does not fit never reaches a tool. The model is told what failed, what was expected, what it wrote, and
    the nearest right name; no value is guessed or mended. Types are taken as the schema states them: "2" is no integer.

    Source: guardrails as in forge and SmallCode, and every agent framework that validates arguments.
    Cost: no model call; the longer error text is part of the next prompt.
    Cannot: tell whether a well-formed value is the right one, or exists.
    """

    name = "validate"
    port = "act"

    def __init__(self, params: Params) -> None:
        del params

    async def act(self, trial: Trial, call: ToolCall, nxt: ActNext) -> ActionResult:
        tool = trial.toolbox.get(call.name)
        if tool is None:
            trial.intervene(self.name, "unknown tool", tool=call.name)
            return unknown_tool(trial.toolbox, call)
        wrong = problems(tool, call.arguments)
        if not wrong:
            return await nxt(call)
        trial.intervene(self.name, "invalid arguments", tool=call.name, arguments=[p.where for p in wrong])
        return invalid_arguments(tool, call, wrong)


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


def invalid_arguments(tool: ToolSpec, call: ToolCall, wrong: tuple[Problem, ...]) -> ActionResult:
    count = f"{len(wrong)} problem{'s' if len(wrong) > 1 else ''}"
    content = (
        f"Error: {tool.name} was not run: {count} with its arguments.\n"
        f"{bullets(map(_line, wrong))}\n"
        f"Expected: {signature(tool)}\n"
        f"Correct this and call {tool.name} again."
    )
    return ActionResult(
        Status.INVALID_ARGUMENTS, content, expected=signature(tool), actual=shown(dict(call.arguments), 120)
    )


def _line(problem: Problem) -> str:
    hint = f" ({problem.hint})" if problem.hint else ""
    if not problem.expected:
        return f"{problem.where}: there is no such argument{hint}"
    return f"{problem.where or 'arguments'}: expected {problem.expected}; got {problem.got}{hint}"
