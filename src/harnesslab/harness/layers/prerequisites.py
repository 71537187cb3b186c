"""Asks for the call that has to come first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pydantic import Field

from harnesslab.harness.params import Params
from harnesslab.harness.wording import one_call
from harnesslab.types import (
    ActionResult,
    ActNext,
    Layer,
    Prerequisite,
    Status,
    ToolCall,
    Trial,
    canonical,
)


class Rule(Params):
    """One prerequisite as a config writes it; see `types.Prerequisite`."""

    tool: str = Field(description="the tool that has to wait")
    needs: str = Field(description="the tool that must have been called before")
    match: dict[str, str] = Field({}, description="argument of `tool` -> argument of `needs` with the same value")
    why: str = Field("", description="the reason, for the model to read")


class Prerequisites(Layer):
    """Answers a call that needs another one first with the call that is missing.

    A rule says that a tool may run only after a successful call of another, earlier in the trial, with matching
    arguments. Rules come from the task's suite (marked suite-informed) and from the parameter `rules`. What was called
    stays called: a rewind takes back text, not what was read. A rule is passed over where a matching argument or the
    needed tool is missing. When a budget is out the call goes through.

    Source: step enforcement as in forge (7.1 points lost when off), read-before-write as in SmallCode.
    Cost: no model call; the blocked call costs its turn.
    Cannot: make the model look at what it read, know of a write that a rewind in world "all" took back, or ask for one
    of several calls.
    """

    name = "prerequisites"
    port = "act"
    suite_informed = True

    class Params(Params):
        advice: bool = Field(True, description="whether the rules that the task's suite states are used")
        rules: tuple[Rule, ...] = Field((), description="further rules: {tool, needs, match, why}")
        budget: int = Field(4, ge=0, description="blocked calls per trial")
        per_rule: int = Field(2, ge=0, description="blocked calls per rule and matching arguments")

    def __init__(self, params: Params) -> None:
        self._advice = params.advice
        self._own = tuple(Prerequisite(r.tool, r.needs, r.match, r.why) for r in params.rules)
        self._left = params.budget
        self._per_rule = params.per_rule
        self._done: list[ToolCall] = []
        self._blocked: Counter[tuple[str, int]] = Counter()

    async def act(self, trial: Trial, call: ToolCall, nxt: ActNext) -> ActionResult:
        missing = list(self._missing(trial, call)) if self._left > 0 else []
        if missing:
            self._left -= 1
            self._blocked.update((call.name, needed.key) for _, needed, _ in missing)
            trial.intervene(
                self.name,
                "needs another call first",
                pays=False,
                tool=call.name,
                needs=[needed.name for _, needed, _ in missing],
                left=self._left,
                suite_informed=any(by_suite for _, _, by_suite in missing),
            )
            return _first(call, missing)
        result = await nxt(call)
        if result.ok:
            self._done.append(call)
        return result

    def _missing(self, trial: Trial, call: ToolCall) -> Iterator[tuple[Prerequisite, ToolCall, bool]]:
        """Rules that are not met, each with the call that would meet it and whether the suite states it."""
        stated = trial.task.advice.prerequisites if self._advice else ()
        for rule, by_suite in [*((r, True) for r in stated), *((r, False) for r in self._own)]:
            if rule.tool != call.name or not set(rule.match) <= set(call.arguments):
                continue
            if trial.toolbox.get(rule.needs) is None:
                continue
            needed = ToolCall(rule.needs, {theirs: call.arguments[ours] for ours, theirs in rule.match.items()})
            if self._blocked[call.name, needed.key] < self._per_rule and not any(_meets(c, needed) for c in self._done):
                yield rule, needed, by_suite


def _meets(done: ToolCall, needed: ToolCall) -> bool:
    had = {key: done.arguments.get(key) for key in needed.arguments}
    return done.name == needed.name and canonical(had) == canonical(needed.arguments)


def _first(call: ToolCall, missing: list[tuple[Prerequisite, ToolCall, bool]]) -> ActionResult:
    needed = " and ".join(dict.fromkeys(one_call(needed) for _, needed, _ in missing))
    why = " ".join(dict.fromkeys(rule.why for rule, _, _ in missing if rule.why))
    lines = [f"Error: {call.name} was not run: it needs a successful {needed} before it."]
    lines += [f"Why: {why}"] if why else []
    expected = f"{needed}, then {one_call(call)}"
    return ActionResult(Status.BLOCKED, "\n".join([*lines, f"Expected: {expected}"]), expected=expected)
