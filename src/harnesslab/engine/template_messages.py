"""Our messages as the dictionaries a chat template reads, bent to what that template can express.

What it cannot express is said in words: tools in the system message, calls in the dialect's own notation, results in a
user message. Nothing else is changed: a publisher's template is used as it is, oddities included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harnesslab.engine.dialects.base import Dialect
from harnesslab.engine.dialects.syntax import dumps
from harnesslab.engine.template_traits import Traits
from harnesslab.types import Message, ToolCall, ToolSpec

Dict = dict[str, Any]


def tool_dicts(tools: Sequence[ToolSpec]) -> list[Dict]:
    return [
        {
            "type": "function",
            "function": {"name": t.name, "description": t.description, "parameters": dict(t.parameters)},
        }
        for t in tools
    ]


def instructions(tools: Sequence[ToolSpec], dialect: Dialect) -> str:
    """What a model is told about tools where its template has no words for them."""
    described = "\n".join(dumps(t["function"]) for t in tool_dicts(tools))
    example = dialect.format_call(ToolCall("TOOL_NAME", {"ARGUMENT": "value"}))
    return (
        f"You can use these tools, one JSON description per line:\n{described}\n\n"
        f"To call a tool, write exactly in this form and stop:\n{example}\n\n"
        "Its result comes back between <tool_response> and </tool_response>. "
        "When you need no tool, answer in plain text."
    )


def message_dicts(
    messages: Sequence[Message], tools: Sequence[ToolSpec], traits: Traits, dialect: Dialect
) -> list[Dict]:
    writer = _Writer(traits, dialect)
    if tools and not traits.tools:
        messages = _told(messages, instructions(tools, dialect))
    for index, message in enumerate(messages):
        writer.add(message, first=index == 0)
    return writer.finished()


def _told(messages: Sequence[Message], text: str) -> list[Message]:
    if messages and messages[0].role == "system":
        return [Message("system", f"{messages[0].content}\n\n{text}"), *messages[1:]]
    return [Message("system", text), *messages]


class _Writer:
    def __init__(self, traits: Traits, dialect: Dialect) -> None:
        self._traits, self._dialect = traits, dialect
        self._out: list[Dict] = []
        self._open: list[tuple[ToolCall, str]] = []  # calls of the last reply without a result, with their ids here
        self._unsaid: list[str] = []  # ids of those that this template must see in messages of their own
        self._numbered = 0
        self._system = ""

    def add(self, message: Message, *, first: bool) -> None:
        if message.role == "assistant":
            self._assistant(message)
        elif message.role == "tool":
            self._result(message)
        elif message.role == "user":
            self._say("user", message.content)
        elif first and not self._traits.system:
            self._system = message.content
        elif first or self._traits.late_system:
            self._say("system", message.content)
        else:
            self._say("user", message.content)

    def finished(self) -> list[Dict]:
        if self._system:
            self._say("user", "")
        return self._out

    def _say(self, role: str, content: str, **extra: Any) -> None:
        if role == "user" and self._system:
            content = f"{self._system}\n\n{content}".rstrip() if content else self._system
            self._system = ""
        last = self._out[-1] if self._out else None
        if last and not self._traits.repeats and last["role"] == role and "tool_calls" not in last and not extra:
            last["content"] = f"{last['content']}\n\n{content}"
        else:
            self._out.append({"role": role, "content": content, **extra})

    def _assistant(self, message: Message) -> None:
        self._open, self._unsaid = [], []
        if not message.tool_calls:
            self._say("assistant", message.content, **self._reasoning(message, bare=True))
        elif not self._traits.calls:
            written = self._dialect.format_calls(message.tool_calls)
            content = f"{message.content}\n{written}" if message.content else written
            self._say("assistant", content, **self._reasoning(message, bare=True))
            self._open = [(call, "") for call in message.tool_calls]
        else:
            for call in message.tool_calls:
                # Some templates print ids, some demand nine characters; numbering makes prompts independent of ours.
                self._open.append((call, f"call{self._numbered:05}"))
                self._numbered += 1
            together = self._open if self._traits.parallel else self._open[:1]
            self._unsaid = [identity for _, identity in self._open[len(together) :]]
            self._call(message.content, together, self._reasoning(message, bare=not message.content))

    def _call(self, content: str, calls: Sequence[tuple[ToolCall, str]], extra: Dict) -> None:
        dicts = [
            {
                "type": "function",
                "id": identity,
                "function": {
                    "name": call.name,
                    "arguments": dumps(call.arguments) if self._traits.json_arguments else dict(call.arguments),
                },
            }
            for call, identity in calls
        ]
        said = content or (None if self._traits.null_content else "")
        self._out.append({"role": "assistant", "content": said, "tool_calls": dicts, **extra})

    def _result(self, message: Message) -> None:
        match = next((o for o in self._open if o[0].id and o[0].id == message.tool_call_id), None)
        if match is None and self._open:
            match = self._open[0]
        if match is None:
            identity, name = f"call{max(self._numbered - 1, 0):05}", message.name
        else:
            self._open.remove(match)
            identity, name = match[1], message.name or match[0].name
        if not self._traits.calls or (match is None and not self._traits.orphans):
            self._say("user", f"<tool_response>\n{message.content}\n</tool_response>")
            return
        if match and identity in self._unsaid:
            self._unsaid.remove(identity)
            self._call("", [match], {})
        self._out.append({"role": "tool", "name": name, "tool_call_id": identity, "content": message.content})

    def _reasoning(self, message: Message, *, bare: bool) -> Dict:
        """`bare`: nothing else is said; only then may "thinking" stand beside a call."""
        if not message.reasoning:
            return {}
        extra: Dict = {"reasoning_content": message.reasoning}
        if self._traits.thinking and bare:
            extra["thinking"] = message.reasoning
        return extra
