"""Looks at what was written, and says what is visibly wrong with it."""

from __future__ import annotations

import json
import tomllib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from pydantic import Field

from harnesslab.harness.params import Params
from harnesslab.harness.wording import bullets, clip
from harnesslab.types import (
    ActionResult,
    ActNext,
    Completion,
    Conversation,
    Generate,
    GenerateNext,
    Layer,
    Message,
    Outcome,
    ToolCall,
    Trial,
    TurnKind,
    TurnNext,
)


class Improve(Layer):
    """Checks every write and feeds back what is wrong with it.

    A Python text must compile, JSON and TOML must parse, and the suite's own visible checks must be content. New
    problems are added to the write's result, each once. An answer given while a check still fails does not end the
    attempt: the open problems are said again and the model goes on. The reply after each round is drawn by the
    temperature schedule. Suite-informed where a suite's author wrote checks, unless `advice` is off.

    Source: SmallCode compiles and lints after each write, with the temperatures lower, higher, base.
    Cost: no model call for a write; a reply after a premature answer is charged to this layer.
    Cannot: see the goal check, run a program, judge a text that is a part of a file, or take a write back.
    """

    name = "improve"
    port = "turn"
    suite_informed = True

    class Params(Params):
        rounds: int = Field(4, ge=0, description="times per trial that problems are fed back")
        temperatures: tuple[float, ...] = Field(
            (0.2, 0.7), description="of the reply after the first, second, ... round; then the model's own again"
        )
        advice: bool = Field(True, description="whether the checks of the task's suite are run")

    @classmethod
    def draws(cls, params: Params) -> bool:
        """Whether it asks for replies at a temperature of its own."""
        return params.rounds > 0 and any(t > 0 for t in params.temperatures)

    def __init__(self, params: Params) -> None:
        self._params = params
        self._round = 0
        self._redraw: float | None = None
        self._open: dict[str, list[str]] = {}  # target of a write -> what is wrong with it now
        self._told: set[str] = set()
        self._authored: set[str] = set()  # problems that the suite's checks found

    async def generate(self, trial: Trial, request: Generate, nxt: GenerateNext) -> Completion:
        if self._redraw is not None:
            request = replace(request, sampling=replace(request.sampling, temperature=self._redraw))
            self._redraw = None
        return await nxt(request)

    async def act(self, trial: Trial, call: ToolCall, nxt: ActNext) -> ActionResult:
        result = await nxt(call)
        tool = trial.toolbox.get(call.name)
        if not result.ok or not (result.wrote or (tool is not None and tool.writes)):
            return result
        found = self._check(trial, call, result)
        self._open[target(call)] = found
        new = [problem for problem in found if problem not in self._told]
        if not new or self._round == self._params.rounds:
            return result
        self._start_round(new)
        self._intervene(trial, "checks failed", new, pays=False, tool=call.name)
        return replace(result, content=f"{result.content}\n\nChecked, and wrong:\n{bullets(new)}\nMend this.")

    async def turn(self, trial: Trial, conversation: Conversation, nxt: TurnNext) -> Outcome:
        outcome = await nxt(conversation)
        while outcome.kind is TurnKind.ANSWERED and self._round < self._params.rounds:
            problems = [problem for found in self._open.values() for problem in found]
            if not problems:
                break
            self._start_round(problems)
            self._intervene(trial, "answered while checks fail", problems, pays=True)
            said = f"This is not done yet. Still wrong:\n{bullets(problems)}\nMend it, then answer again."
            conversation.messages.append(Message("user", said))
            outcome = await nxt(conversation)
        return outcome

    def _check(self, trial: Trial, call: ToolCall, result: ActionResult) -> list[str]:
        authored = trial.task.advice.checks if self._params.advice else ()
        by_author = [clip(problem, 300) for check in authored if (problem := check(call, result))]
        self._authored.update(by_author)
        syntax = syntax_problem(call)
        return list(dict.fromkeys([clip(syntax, 300), *by_author] if syntax else by_author))

    def _intervene(self, trial: Trial, cause: str, problems: list[str], *, pays: bool, **facts: Any) -> None:
        informed = not self._authored.isdisjoint(problems)
        trial.intervene(
            self.name, cause, pays=pays, problems=problems, round=self._round, suite_informed=informed, **facts
        )

    def _start_round(self, problems: list[str]) -> None:
        schedule = self._params.temperatures
        self._redraw = schedule[self._round] if self._round < len(schedule) else None
        self._round += 1
        self._told.update(problems)


def target(call: ToolCall) -> str:
    """What a write is to: the path it names, else the tool."""
    return next((v for v in call.arguments.values() if _suffix(v)), call.name)


def syntax_problem(call: ToolCall) -> str:
    """What is wrong with a whole file that a call writes: one line, or "".

    A call writes a whole file if, of its text arguments, one is a path with a known ending and one is not. With more of
    them (the old text and the new) it edits a part, and nothing is known of the whole.
    """
    texts: Mapping[str, str] = {k: v for k, v in call.arguments.items() if isinstance(v, str)}
    paths = [k for k, v in texts.items() if _suffix(v)]
    if len(texts) != 2 or len(paths) != 1:
        return ""
    path = texts[paths[0]]
    text = next(v for k, v in texts.items() if k != paths[0])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _PARSE[_suffix(path)](text, path)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as e:
        return f"{path} {_REFUSES[_suffix(path)]}: {_why(e)}"
    return ""


_PARSE: Mapping[str, Callable[[str, str], object]] = {
    ".py": lambda text, path: compile(text, path, "exec", dont_inherit=True),
    ".json": lambda text, _: json.loads(text),
    ".toml": lambda text, _: tomllib.loads(text),
}
_REFUSES = {".py": "does not compile", ".json": "is not valid JSON", ".toml": "is not valid TOML"}


def _suffix(value: object) -> str:
    """The ending of a path that can be checked, "" for anything else."""
    if not isinstance(value, str) or not value or len(value) > 255 or any(c.isspace() for c in value):
        return ""
    ending = PurePosixPath(value).suffix
    return ending if ending in _PARSE else ""


def _why(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        line = (error.text or "").strip()
        shown = f" in {clip(line, 60)!r}" if line else ""
        return f"line {error.lineno}: {error.msg}{shown}"
    return str(error) or type(error).__name__
