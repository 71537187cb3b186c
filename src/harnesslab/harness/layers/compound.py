"""Macro-tools in place of the chains they spare."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from harnesslab.harness.params import Params
from harnesslab.types import (
    ActionResult,
    ActNext,
    Compound,
    Layer,
    Status,
    Toolbox,
    ToolCall,
    ToolsNext,
    ToolSpec,
    Trial,
)


class CompoundTools(Layer):
    """Offers the suite's macro-tools and runs the chains behind them.

    The tools that a macro-tool replaces are not offered beside it. Every call of a chain is executed and recorded as
    any other, under the one call that the model made; missing and unexpected arguments are refused as the tools refuse
    them, and types are left to the tools. Suite-informed: it does nothing where a suite's author wrote no compounds.

    Source: SmallCode's compound tools (find, read, edit, verify in one call).
    Cost: no model call; the chain's executions are charged to this layer. Fewer replies, shorter prompts.
    Cannot: make macro-tools of its own, take a chain's write back when a later call of it fails, or keep a hidden tool
    from running when the model calls it all the same and nothing validates.
    """

    name = "compound"
    port = "tools"
    suite_informed = True

    class Params(Params):
        hide: bool = Field(True, description="whether the tools that a macro-tool replaces are left out")

    def __init__(self, params: Params) -> None:
        self._hide = params.hide
        self._all: Toolbox = Toolbox(())
        self._said = False

    def tools(self, trial: Trial, toolbox: Toolbox, nxt: ToolsNext) -> Toolbox:
        found = nxt(toolbox)
        compounds = trial.task.advice.compounds
        if not compounds:
            return found
        hidden = {name for c in compounds for name in c.replaces} if self._hide else set[str]()
        specs = tuple(c.spec for c in compounds)
        self._all = Toolbox((*found.tools, *specs))
        if not self._said:
            self._said = True
            names = [spec.name for spec in specs]
            trial.intervene(
                self.name, "macro-tools", pays=False, offered=names, hidden=sorted(hidden), suite_informed=True
            )
        return Toolbox((*specs, *(tool for tool in found if tool.name not in hidden)))

    async def act(self, trial: Trial, call: ToolCall, nxt: ActNext) -> ActionResult:
        compound = next((c for c in trial.task.advice.compounds if c.spec.name == call.name), None)
        if compound is None:
            return await nxt(call)
        wrong = misfit(compound.spec, call)
        if wrong:
            trial.intervene(self.name, "bad arguments", tool=call.name, why=wrong, suite_informed=True)
            return ActionResult(Status.INVALID_ARGUMENTS, f"Error: {wrong} in {call.name}")
        trial.intervene(self.name, "chain", tool=call.name, suite_informed=True)
        offered = trial.toolbox
        trial.offer(self._all)  # layers inside judge the chain's calls, which may be of hidden tools
        try:
            return await _run(compound, call, nxt)
        finally:
            trial.offer(offered)


async def _run(compound: Compound, call: ToolCall, nxt: ActNext) -> ActionResult:
    wrote = False

    async def one(inner: ToolCall) -> ActionResult:
        nonlocal wrote
        result = await nxt(inner)
        wrote = wrote or result.wrote
        return result

    try:
        result = await compound.run(call.arguments, one)
    except (AttributeError, LookupError, TypeError, ValueError) as e:  # a chain that met what its author did not expect
        result = ActionResult(Status.TOOL_ERROR, f"Error: {type(e).__name__} in {call.name}")
    return replace(result, wrote=wrote)


def misfit(spec: ToolSpec, call: ToolCall) -> str:
    """The first argument that is missing or unexpected, in the tools' own words; "" where there is none."""
    known = spec.parameters.get("properties", {})
    missing = [name for name in spec.parameters.get("required", ()) if name not in call.arguments]
    more = [name for name in call.arguments if name not in known]
    if missing:
        return f"missing argument {missing[0]}"
    return f"unexpected argument {more[0][:60]}" if more else ""
