"""Requests and replies in the words of the chat-completions API. Sends nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from harnesslab.engine.dialects.base import Dialect, nothing_said
from harnesslab.engine.dialects.syntax import CallSyntaxError, call_of, decode_at, dumps
from harnesslab.engine.openai_http import Refused
from harnesslab.engine.openai_probe import Server
from harnesslab.engine.template_messages import tool_dicts
from harnesslab.errors import EngineFailure
from harnesslab.types import (
    Completion,
    Constraint,
    FinishReason,
    Message,
    ParseError,
    ParseErrorKind,
    Request,
    Sampling,
    Times,
    ToolCall,
    Usage,
)

Dict = dict[str, Any]


def messages_of(messages: Sequence[Message], *, keep_reasoning: bool) -> list[Dict]:
    """The messages as the API has them. A result that answers no call of the last reply is said by the user."""
    out: list[Dict] = []
    open_calls: set[str] = set()
    for message in messages:
        if message.role == "tool":
            if message.tool_call_id in open_calls:
                open_calls.discard(message.tool_call_id)
                out.append({"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content})
            else:
                out.append({"role": "user", "content": f"<tool_response>\n{message.content}\n</tool_response>"})
            continue
        said: Dict = {"role": message.role, "content": message.content}
        if message.role == "assistant":
            open_calls = {call.id for call in message.tool_calls if call.id}
            if message.tool_calls:
                said["tool_calls"] = [_call(call) for call in message.tool_calls]
            if keep_reasoning and message.reasoning:
                said["reasoning_content"] = message.reasoning
        out.append(said)
    return out


def _call(call: ToolCall) -> Dict:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": dumps(call.arguments)},
    }


def body_of(request: Request, server: Server, *, keep_reasoning: bool, template_args: Mapping[str, Any]) -> Dict:
    """The body of a request to /chat/completions.

    Raises:
        EngineFailure: "unsupported" where the server cannot serve the request's constraint.
    """
    prompt, traits = request.prompt, server.traits
    body: Dict = {"model": server.model, "messages": messages_of(prompt.messages, keep_reasoning=keep_reasoning)}
    if prompt.tools:
        body["tools"] = tool_dicts(prompt.tools)
    body |= _sampling(request.sampling, server)
    body["seed"] = request.rng_key % 2**31
    if traits.template_args and template_args:
        body["chat_template_kwargs"] = dict(template_args)
    if server.kind == "llama-server":
        body["cache_prompt"] = True
    if request.constraint is not None:
        body |= _constraint(request.constraint, server)
    return body


def _sampling(sampling: Sampling, server: Server) -> Dict:
    traits = server.traits
    values: Dict = {
        "temperature": max(0.0, sampling.temperature),
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
    }
    values |= {theirs: getattr(sampling, ours) for ours, theirs in traits.sampling.items()}
    if server.kind == "vllm" and not sampling.top_k:
        values["top_k"] = -1
    if sampling.stop:
        values["stop"] = list(sampling.stop)
    if sampling.max_thinking and traits.thinking:
        values[traits.thinking] = sampling.max_thinking
    return values


def _constraint(constraint: Constraint, server: Server) -> Dict:
    if constraint.kind not in server.traits.constrain:
        raise EngineFailure("unsupported", f"{server.kind} serves no constraint of kind {constraint.kind}")
    if constraint.kind == "tools":
        return {"tool_choice": constraint.text}
    schema = {"name": "reply", "strict": True, "schema": json.loads(constraint.text)}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


# --- replies -------------------------------------------------------------------------------------------------------


def completion_of(reply: Mapping[str, Any], request: Request, dialect: Dialect | None, waited: float) -> Completion:
    """A reply as a completion. Calls that the server did not recognise stay text, unless a dialect is given.

    Args:
        waited: seconds from sending to receiving.

    Raises:
        EngineFailure: "bad-response".
    """
    choices = reply.get("choices")
    choice = _mapping(choices[0]) if isinstance(choices, list) and choices else {}
    message = choice.get("message")
    if not isinstance(message, Mapping):
        raise EngineFailure("bad-response", f"a reply without a choice: {str(reply)[:200]}")
    usage = usage_of(reply)
    content, reasoning = _text(message.get("content")), _reasoning(message)
    written = message.get("tool_calls") or ()
    calls: tuple[ToolCall, ...] = ()
    error: ParseError | None = None
    text = "\n".join([*filter(None, [content]), *map(_as_emitted, written)])
    try:
        calls = tuple(_read(call) for call in written)
    except CallSyntaxError as bad:
        error, content = bad.as_value(), text
    if not written and dialect is not None:
        parsed = dialect.parse(content, request.prompt.tools)
        content, calls, error = parsed.content, parsed.tool_calls, parsed.error
        reasoning = reasoning or parsed.reasoning
    if not content.strip() and not calls and error is None:
        error = nothing_said(reasoning)
    return Completion(
        text=text,
        content=content.strip(),
        tool_calls=calls,
        parse_error=error,
        reasoning=reasoning,
        finish_reason=_finish(choice.get("finish_reason"), usage, request.sampling),
        usage=usage,
        times=_times(reply, waited),
    )


def overflow_of(refused: Refused) -> Completion | None:
    """The completion that an error status stands for where it says that the context is too small, else None."""
    kind = refused.kind.lower()
    if refused.status not in (400, 413, 422) or not ("context" in refused.message.lower() or "context" in kind):
        return None
    nothing = ParseError(ParseErrorKind.EMPTY, "The conversation no longer fits the context.", "")
    prompt = refused.facts.get("n_prompt_tokens")
    usage = Usage(prompt=prompt if isinstance(prompt, int) else 0)
    return Completion("", "", parse_error=nothing, finish_reason=FinishReason.OVERFLOW, usage=usage)


def unreadable_of(refused: Refused) -> Completion:
    """The completion behind an error status by which a server says that it cannot read the model's call."""
    raw = re.search(r"raw='(.*)', err=", refused.message, re.DOTALL)
    said = raw[1] if raw else ""
    error = ParseError(ParseErrorKind.NOT_JSON, "The call could not be read; write it in the form you were told.", said)
    return Completion(said, said, parse_error=error)


def usage_of(reply: Mapping[str, Any]) -> Usage:
    """The server's own counts; thinking tokens are 0 where it does not count them apart."""
    told = _mapping(reply.get("usage"))
    timings = _mapping(reply.get("timings"))
    cached = _mapping(told.get("prompt_tokens_details")).get("cached_tokens", timings.get("cache_n"))
    prompt = _count(told.get("prompt_tokens"))
    return Usage(
        prompt=prompt,
        cached=min(prompt, _count(cached)),
        generated=_count(told.get("completion_tokens")),
        reasoning=_count(_mapping(told.get("completion_tokens_details")).get("reasoning_tokens")),
    )


def _times(reply: Mapping[str, Any], waited: float) -> Times:
    """llama-server tells prefill and decode apart; elsewhere all of it counts as decode."""
    timings = _mapping(reply.get("timings"))
    prefill, decode = timings.get("prompt_ms"), timings.get("predicted_ms")
    if not isinstance(prefill, (int, float)) or not isinstance(decode, (int, float)):
        return Times(decode=waited)
    return Times(max(0.0, waited - (prefill + decode) / 1e3), prefill / 1e3, decode / 1e3)


def _finish(told: Any, usage: Usage, sampling: Sampling) -> FinishReason:
    """A reply cut short of max_tokens was cut by the end of the context."""
    if told != "length":
        return FinishReason.STOP
    return FinishReason.OVERFLOW if 0 < usage.generated < sampling.max_tokens else FinishReason.LENGTH


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(p.get("text", "")) for p in content if isinstance(p, Mapping))
    return content if isinstance(content, str) else ""


def _reasoning(message: Mapping[str, Any]) -> str:
    for key in ("reasoning_content", "reasoning"):
        if isinstance(message.get(key), str):
            return str(message[key]).strip()
    return ""


def _read(call: Any) -> ToolCall:
    """One call. Its id is dropped: servers draw them at random, and ours come from the position.

    Raises CallSyntaxError: as the dialects do.
    """
    function = _mapping(call.get("function")) if isinstance(call, Mapping) else {}
    arguments = function.get("arguments")
    raw = arguments if isinstance(arguments, str) else dumps(arguments)
    if isinstance(arguments, str):
        value, end = decode_at(arguments, 0) if arguments.strip() else ({}, 0)
        if arguments[end:].strip():
            raise CallSyntaxError(ParseErrorKind.NOT_JSON, "Text follows the JSON of the call's arguments.", raw)
        arguments = value
    return call_of({"name": function.get("name"), "arguments": {} if arguments is None else arguments}, raw)


def _as_emitted(call: Any) -> str:
    """A call for people to read: the API does not hand on what the model wrote."""
    function = _mapping(call.get("function")) if isinstance(call, Mapping) else {}
    arguments = function.get("arguments")
    written = arguments if isinstance(arguments, str) else dumps(arguments)
    return f"{function.get('name', '')} {written}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(value: Any) -> int:
    return max(0, value) if isinstance(value, int) else 0
