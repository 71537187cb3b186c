"""Explains failures and leaves them in sight."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from pydantic import Field

from harnesslab.harness.params import Params
from harnesslab.harness.schemas import shown, signature
from harnesslab.harness.wording import bullets, cause_of, one_call
from harnesslab.types import (
    Action,
    Conversation,
    Layer,
    Message,
    Outcome,
    Status,
    Toolbox,
    Trial,
    TurnKind,
    TurnNext,
)


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
        tool = toolbox.get(call.name)
        known = signature(tool) if tool is not None else f"one of {', '.join(toolbox.names)}"
        lines = [result.content, f"What failed: {one_call(call)}"]
        if "Expected:" not in result.content:
            lines.append(f"Expected: {result.expected or known}")
        lines.append(f"Actual: {result.actual or cause_of(result.content)}")
        tried = self._tried[call.name][-self._remember :] if self._remember else []
        if tried:
            lines.append(f"Already tried without success:\n{bullets(tried)}")
        if result.transient:
            lines.append("This may pass: the same call can be repeated once.")
        else:
            lines.append(
                "The same call will fail again. Correct it, look up what is missing, or say why it cannot be done."
            )
        return "\n".join(lines)

    def _unreadable(self, trial: Trial, conversation: Conversation, outcome: Outcome) -> None:
        error = outcome.completion.parse_error if outcome.completion is not None else None
        tried = self._tried[""]
        if self._left > 0 and conversation.messages:
            self._left -= 1
            trial.intervene(self.name, "unreadable reply", left=self._left)
            last = conversation.messages[-1]
            conversation.cut(len(conversation.messages) - 1)
            conversation.messages.append(replace(last, content=self._explain_unreadable(trial.toolbox, last, outcome)))
        tried.append(shown(error.raw) if error is not None and error.raw else "an empty reply")

    def _explain_unreadable(self, toolbox: Toolbox, said: Message, outcome: Outcome) -> str:
        error = outcome.completion.parse_error if outcome.completion is not None else None
        lines = [said.content, "Nothing was run."]
        if error is not None and error.raw:
            lines.append(f"What failed: {shown(error.raw, 120)}")
        lines.append(
            "Expected: one call in the format of the instructions, with a tool name and a JSON object of arguments; "
            f"tools: {', '.join(toolbox.names)}"
        )
        lines.append(f"Actual: {error.kind if error is not None else 'empty'}")
        tried = self._tried[""][-self._remember :] if self._remember else []
        if tried:
            lines.append(f"Already tried without success:\n{bullets(tried)}")
        return "\n".join(lines)
