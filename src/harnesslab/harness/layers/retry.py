"""Explains failures and leaves them in sight."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from pydantic import Field

from harnesslab.harness.params import Params
from harnesslab.harness.schemas import signature
from harnesslab.harness.wording import bullets, cause_of, clip, one_call
from harnesslab.types import (
    Action,
    Conversation,
    Layer,
    Outcome,
    ParseErrorKind,
    Status,
    Toolbox,
    Trial,
    TurnKind,
    TurnNext,
)

_UNREADABLE = {
    ParseErrorKind.NOT_JSON: "text that is not valid JSON",
    ParseErrorKind.UNCLOSED: "a call that does not end",
    ParseErrorKind.NOT_A_CALL: "JSON without a tool's name",
    ParseErrorKind.BAD_ARGUMENTS: "arguments that are not a JSON object",
    ParseErrorKind.WRONG_DIALECT: "a call in another notation",
    ParseErrorKind.EMPTY: "nothing",
}


class Retry(Layer):
    """Explains a failed action: what failed, expected and actual, already tried.

    The explanation stands on the tool channel, in the failed call's own answer. The failure stays in the history and
    the model mends it itself: nothing is resampled. After `budget` explanations the bare error is all that comes back.

    Source: expected-versus-actual and retry with reasoning, as asked for in the discussion of the forge study, which
    found corrections on the tool channel to beat user messages.
    Cost: no model call; its text is part of every later prompt of the trial.
    Cannot: take anything back, or make the model read. It knows only what the tool said, the schema, and this trial.
    """

    name = "retry"
    port = "turn"

    class Params(Params):
        budget: int = Field(4, ge=0, description="explanations per trial")
        remember: int = Field(3, ge=0, description="earlier failures of the same tool that are listed")

    def __init__(self, params: Params) -> None:
        self._left = params.budget
        self._remember = params.remember
        self._tried: defaultdict[str, list[str]] = defaultdict(list)

    async def turn(self, trial: Trial, conversation: Conversation, nxt: TurnNext) -> Outcome:
        outcome = await nxt(conversation)
        if outcome.kind is TurnKind.UNPARSED:
            self._unreadable(trial, conversation, outcome)
        elif outcome.kind is TurnKind.ACTED and outcome.failed:
            self._failed(trial, conversation, outcome)
        return outcome

    def _failed(self, trial: Trial, conversation: Conversation, outcome: Outcome) -> None:
        start = len(conversation.messages) - len(outcome.actions)
        answers = conversation.messages[start:]
        conversation.cut(start)
        for message, action in zip(answers, outcome.actions, strict=True):
            if not action.result.ok and action.result.status is not Status.SKIPPED:
                if self._left > 0:
                    self._left -= 1
                    trial.intervene(self.name, "failed call", tool=action.call.name, left=self._left)
                    message = replace(message, content=self._explain(trial.toolbox, action))
                self._note(action)
            conversation.messages.append(message)

    def _note(self, action: Action) -> None:
        self._tried[action.call.name].append(f"{one_call(action.call)}: {cause_of(action.result.content)}")

    def _explain(self, toolbox: Toolbox, action: Action) -> str:
        """The tool's own words first; then only what they left out."""
        call, result = action.call, action.result
        explained = "Expected:" in result.content  # by a layer inside
        lines = [result.content, f"What failed: {one_call(call)}"]
        if not explained:
            tool = toolbox.get(call.name)
            known = signature(tool) if tool is not None else f"one of {', '.join(toolbox.names)}"
            lines.append(f"Expected: {result.expected or known}")
            lines.append(f"Actual: {result.actual or cause_of(result.content)}")
        lines += self._history(call.name)
        if result.transient:
            lines.append("This may pass: the same call can be repeated once.")
        elif not explained:
            lines.append(
                "The same call will fail again. Correct it, look up what is missing, or say why it cannot be done."
            )
        return "\n".join(lines)

    def _history(self, tool: str) -> list[str]:
        tried = self._tried[tool][-self._remember :] if self._remember else []
        return [f"Already tried without success:\n{bullets(tried)}"] if tried else []

    def _unreadable(self, trial: Trial, conversation: Conversation, outcome: Outcome) -> None:
        error = outcome.completion.parse_error if outcome.completion is not None else None
        if self._left > 0:
            self._left -= 1
            trial.intervene(self.name, "unreadable reply", left=self._left)
            said = conversation.messages[-1]
            conversation.cut(len(conversation.messages) - 1)
            lines = [said.content, "Nothing was run."]
            if error is not None and error.raw:
                lines.append(f"What failed: {clip(error.raw)}")
            lines.append(
                "Expected: a call in the format of the instructions: a tool's name and a JSON object of arguments. "
                f"Tools: {', '.join(trial.toolbox.names)}"
            )
            lines.append(f"Actual: {_UNREADABLE[error.kind if error is not None else ParseErrorKind.EMPTY]}")
            lines += self._history("")
            conversation.messages.append(replace(said, content="\n".join(lines)))
        self._tried[""].append(clip(error.raw, 80) if error is not None and error.raw else "an empty reply")
