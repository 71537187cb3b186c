"""What a chat template can express, found by rendering small conversations with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from harnesslab.engine.template_jinja import compiled

Dict = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Traits:
    """Each trait is seen in rendered text, not guessed from the source.

    Attributes:
        tools: it tells the model about tools.
        calls: it renders tool calls and their results.
        json_arguments: it wants a call's arguments as JSON text, not as an object.
        null_content: beside a call it wants content to be none, not "".
        parallel: one message may carry several calls.
        orphans: a tool's result may stand where no call was.
        system: it knows the system role.
        late_system: also after the first message.
        repeats: two messages of one role may follow each other.
        thinking: reasoning goes by the name "thinking" (it always goes by "reasoning_content" too).
    """

    tools: bool = False
    calls: bool = False
    json_arguments: bool = False
    null_content: bool = False
    parallel: bool = False
    orphans: bool = False
    system: bool = False
    late_system: bool = False
    repeats: bool = False
    thinking: bool = False


PLAIN = Traits()

_TOOL: Dict = {
    "type": "function",
    "function": {
        "name": "zqtool",
        "description": "zqabout",
        "parameters": {
            "type": "object",
            "properties": {"zqkey": {"type": "string", "description": "zqwhat"}},
            "required": ["zqkey"],
        },
    },
}
_USER: Dict = {"role": "user", "content": "zquser"}
_SAID: Dict = {"role": "assistant", "content": "zqsaid"}
_SYSTEM: Dict = {"role": "system", "content": "zqsystem"}


@lru_cache(maxsize=64)
def traits_of(source: str) -> Traits:
    """Raises UserError where the source is not valid Jinja."""
    style = next((s for s in _STYLES if _renders_calls(source, 1, *s)), None)
    json_arguments, null_content = style or (False, False)
    return Traits(
        tools=_shows(source, [_USER], "zqtool", "zquser", tools=True),
        calls=style is not None,
        json_arguments=json_arguments,
        null_content=null_content,
        parallel=style is not None and _renders_calls(source, 2, json_arguments, null_content),
        orphans=_shows(source, [_USER, _SAID, _result(0)], "zqresult0", "zqsaid", tools=True),
        system=_shows(source, [_SYSTEM, _USER], "zqsystem", "zquser"),
        late_system=_shows(
            source, [_SYSTEM, _USER, _SAID, {**_SYSTEM, "content": "zqlate"}, _USER], "zqlate", "zqsystem"
        ),
        repeats=_shows(source, [_USER, {**_USER, "content": "zqagain"}], "zquser", "zqagain")
        and _shows(source, [_USER, _SAID, {**_SAID, "content": "zqmore"}, _USER], "zqsaid", "zqmore"),
        thinking="message.thinking" in source,
    )


_STYLES = ((False, False), (True, False), (False, True), (True, True))


def _call(index: int, json_arguments: bool) -> Dict:
    arguments = {f"zqkey{index}": f"zqvalue{index}"}
    function = {"name": "zqtool", "arguments": json.dumps(arguments) if json_arguments else arguments}
    return {"type": "function", "id": f"zqcall{index:03}", "function": function}


def _result(index: int) -> Dict:
    return {"role": "tool", "name": "zqtool", "tool_call_id": f"zqcall{index:03}", "content": f"zqresult{index}"}


def _renders_calls(source: str, n: int, json_arguments: bool, null_content: bool) -> bool:
    calls = [_call(i, json_arguments) for i in range(n)]
    asked: Dict = {"role": "assistant", "content": None if null_content else "", "tool_calls": calls}
    text = _render(source, [_USER, asked, *(_result(i) for i in range(n))], tools=True)
    # An object printed as Python, or text encoded twice, is not what the model was trained on.
    spoilt = ["'zqkey", '\\"zqkey', *(["None"] if null_content else [])]
    wanted = [f"{what}{i}" for what in ("zqkey", "zqvalue", "zqresult") for i in range(n)]
    return all(w in text for w in wanted) and not any(s in text for s in spoilt)


def _shows(source: str, messages: Sequence[Mapping[str, Any]], *wanted: str, tools: bool = False) -> bool:
    text = _render(source, messages, tools=tools)
    return all(w in text for w in wanted)


def _render(source: str, messages: Sequence[Mapping[str, Any]], *, tools: bool) -> str:
    """The rendered text, or "" where the template refuses."""
    template = compiled(source)
    offered = {"tools": [_TOOL]} if tools else {}
    try:
        return template.render(messages=messages, add_generation_prompt=True, bos_token="", eos_token="", **offered)
    except Exception:  # whatever a template trips over, it cannot express this
        return ""
