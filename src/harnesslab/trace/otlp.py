"""A recorded trial as OpenTelemetry spans: one OTLP JSON line per trial, in one profile that three products understand.

A trial is an AGENT span; replies are LLM spans and emitted calls TOOL spans under it. Interventions, the simulated
user, the end, and executions of their own are events of the AGENT span. Every id is a hash of the trial's id, so the
same trial gives the same bytes. `harnesslab.trial` and `harnesslab.event` hold the packed records: read back, a trial
is what it was.

What was sent to the model is rebuilt from what the trace holds; a layer may have sent something else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from harnesslab.trace.events import dumps
from harnesslab.types import EventKind, Status
from harnesslab_kernels.events import EVENT

_PLAIN = tuple(name for name in EVENT.names or () if name not in ("pad", "layer"))
_ERROR = 2  # OTLP's status code


@dataclass(frozen=True, slots=True)
class Recorded:
    """One stored trial, as `Store.trial` gives it, and its flat row.

    Attributes:
        events: EVENT[n]; payloads: one object per event; `layers` names that `events["layer"]` indexes.
        row: what `harnesslab.trial` will hold.
        asked: (system, first message of the user).
        tools: the task's, each {name, description, parameters}; empty where the sweep did not keep them.
        sampling: of the cell, as far as it is known.
    """

    id: str
    row: Mapping[str, Any]
    events: NDArray[Any]
    payloads: Sequence[Mapping[str, Any]]
    layers: Sequence[str]
    asked: tuple[str, str]
    tools: Sequence[Mapping[str, Any]]
    started: float
    seconds: float
    sampling: Mapping[str, Any] = field(default_factory=dict)


def to_line(trial: Recorded) -> bytes:
    """The trial's `{"resourceSpans": [...]}`, without a line end."""
    resource = {"attributes": _attributes({"service.name": "harnesslab"})}
    scope = {"scope": {"name": "harnesslab"}, "spans": list(_Spans(trial).all())}
    return dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]})


class _Spans:
    """Builds the spans of one trial, in the order in which they began."""

    def __init__(self, trial: Recorded) -> None:
        self._trial = trial
        self._trace = _hex(16, trial.id)
        self._root = _hex(8, trial.id, "root")
        self._messages: list[dict[str, Any]] = []
        self._said: list[dict[str, Any]] = []  # what the last reply said, before it is history
        self._events: list[dict[str, Any]] = []
        self._tools = _tools(trial.tools)

    def all(self) -> Iterator[dict[str, Any]]:
        trial = self._trial
        system, prompt = trial.asked
        if system:
            self._messages.append({"role": "system", "parts": [_text(system)]})
        self._messages.append({"role": "user", "parts": [_text(prompt)]})
        below = [s for i in range(len(trial.events)) if (s := self._span(i)) is not None]
        yield self._agent()
        yield from below

    def _agent(self) -> dict[str, Any]:
        trial, row = self._trial, self._trial.row
        failed = row["status"] != "passed"
        facts = {name: row[name] for name in ("model", "harness", "suite", "task", "variant", "repeat", "status")}
        end: Mapping[str, Any] = trial.payloads[-1] if trial.payloads else {}
        last = max((float(e["start"]) + float(e["duration"]) for e in trial.events), default=0.0)
        attributes = {
            **_kinds("AGENT", "AGENT", "invoke_agent"),
            "gen_ai.agent.name": row["harness"],
            "gen_ai.conversation.id": trial.id,
            "session.id": trial.id,
            "metadata": dumps(facts).decode(),
            "tag.tags": [str(row["suite"]), str(row["status"])],
            **_value("input", trial.asked[1]),
            **_value("output", str(end.get("text", ""))),
            "harnesslab.trial": dumps(row).decode(),
        }
        why = "" if not failed else "missing" if row["status"] == "missing" else str(row["end"] or "failed")
        return self._made(
            self._root, "", f"trial {row['task']}", 0.0, max(last, trial.seconds), attributes, why, self._events
        )

    def _span(self, i: int) -> dict[str, Any] | None:
        """Event i as a span; None where it becomes an event of the AGENT span."""
        event, payload = self._trial.events[i], self._trial.payloads[i]
        match EventKind(int(event["kind"])):
            case EventKind.REPLY:
                return self._reply(i, event, payload)
            case EventKind.CALL:
                return self._call(i, event, payload)
            case kind:
                name = {**payload, "tool": payload["tool"]} if "tool" in payload else dict(payload)
                found = {"harnesslab.event": self._record(i), "harnesslab.payload": dumps(name).decode()}
                self._events.append(
                    {
                        "name": f"harnesslab.{kind.name.lower()}",
                        "timeUnixNano": self._nano(float(event["start"])),
                        "attributes": _attributes(found),
                    }
                )
                if kind is EventKind.USER:
                    self._turn_over()
                    self._messages.append({"role": "user", "parts": [_text(str(payload.get("text", "")))]})
                return None

    def _reply(self, i: int, event: Any, payload: Mapping[str, Any]) -> dict[str, Any]:
        trial = self._trial
        self._turn_over()
        text = str(payload.get("text", ""))
        parts: list[dict[str, Any]] = []
        if payload.get("content", text):
            parts.append(_text(str(payload.get("content", text))))
        for n, (name, arguments, id) in enumerate(payload.get("calls", ())):
            parts.append({"type": "tool_call", "id": id or f"call{i:05d}.{n}", "name": name, "arguments": arguments})
        finish = str(payload.get("finish", "stop"))
        finish = "tool_call" if payload.get("calls") else finish
        said = {"role": "assistant", "parts": parts}
        attributes = {
            **_kinds("LLM", "CHAT_MODEL", "chat"),
            "gen_ai.request.model": trial.row["model"],
            **{f"gen_ai.request.{name}": v for name, v in trial.sampling.items()},
            "gen_ai.response.model": trial.row["model"],
            "gen_ai.response.finish_reasons": [finish],
            "gen_ai.usage.input_tokens": int(event["prompt"]),
            "gen_ai.usage.output_tokens": int(event["generated"]),
            "gen_ai.usage.cache_read.input_tokens": int(event["cached"]),
            "gen_ai.input.messages": dumps(self._messages).decode(),
            "gen_ai.output.messages": dumps([{**said, "finish_reason": finish}]).decode(),
            **self._tools,
            **_value("input", dumps(self._messages).decode(), json=True),
            **_value("output", text),
            "harnesslab.event": self._record(i),
        }
        self._said = [said]
        return self._child(i, f"chat {trial.row['model']}", event, attributes)

    def _call(self, i: int, event: Any, payload: Mapping[str, Any]) -> dict[str, Any]:
        name, result = str(payload.get("tool", "")), str(payload.get("result", ""))
        arguments = dumps(payload.get("arguments", {})).decode()
        id = self._id_of_call(name, payload.get("arguments", {})) or f"call{i:05d}"
        attributes = {
            **_kinds("TOOL", "TOOL", "execute_tool"),
            "gen_ai.tool.name": name,
            "gen_ai.tool.call.id": id,
            "gen_ai.tool.call.arguments": arguments,
            "gen_ai.tool.call.result": result,
            **_value("input", arguments, json=True),
            **_value("output", result),
            "harnesslab.event": self._record(i),
        }
        self._said.append({"role": "tool", "parts": [{"type": "tool_call_response", "id": id, "response": result}]})
        return self._child(i, name or "tool", event, attributes)

    def _id_of_call(self, name: str, arguments: Any) -> str:
        """The id the reply gave this call, "" if none; each is used once."""
        answered = {p["id"] for m in self._said for p in m["parts"] if p["type"] == "tool_call_response"}
        for part in self._said[0]["parts"] if self._said else ():
            same = part["type"] == "tool_call" and part["name"] == name and part["arguments"] == arguments
            if same and part["id"] not in answered:
                return str(part["id"])
        return ""

    def _turn_over(self) -> None:
        self._messages += self._said
        self._said = []

    def _record(self, i: int) -> str:
        event = self._trial.events[i]
        record = {name: event[name].item() for name in _PLAIN}
        return dumps({"index": i, "layer": self._trial.layers[int(event["layer"])], **record}).decode()

    def _child(self, i: int, name: str, event: Any, attributes: Mapping[str, Any]) -> dict[str, Any]:
        status = Status(int(event["status"]))
        why = "" if status is Status.OK else status.name.lower()
        start = float(event["start"])
        end = start + float(event["duration"])
        return self._made(_hex(8, self._trial.id, str(i)), self._root, name, start, end, attributes, why, [])

    def _made(
        self,
        id: str,
        parent: str,
        name: str,
        start: float,
        end: float,
        attributes: Mapping[str, Any],
        error: str,
        events: list[dict[str, Any]],
    ) -> dict[str, Any]:
        span: dict[str, Any] = {"traceId": self._trace, "spanId": id}
        if parent:
            span["parentSpanId"] = parent
        span.update(name=name, kind=1, startTimeUnixNano=self._nano(start), endTimeUnixNano=self._nano(end))
        span["attributes"] = _attributes({**attributes, **({"error.type": error} if error else {})})
        if error:
            span["status"] = {"code": _ERROR, "message": error}
            facts = _attributes({"exception.type": error, "exception.message": error})
            events = [*events, {"name": "exception", "timeUnixNano": self._nano(end), "attributes": facts}]
        if events:
            span["events"] = events
        return span

    def _nano(self, seconds: float) -> str:
        # a float of seconds since the epoch is good to a quarter of a microsecond; the offset is added in whole ns
        return str(round(self._trial.started * 1e6) * 1000 + round(seconds * 1e9))


def _hex(size: int, *parts: str) -> str:
    """A span's or trace's id: a hash of what it stands for."""
    return hashlib.blake2b("\0".join(("otlp", *parts)).encode(), digest_size=size).hexdigest()


def _tools(tools: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    if not tools:
        return {}
    gen_ai = [{"type": "function", **t} for t in tools]
    mlflow = [{"type": "function", "function": dict(t)} for t in tools]
    return {"gen_ai.tool.definitions": dumps(gen_ai).decode(), "mlflow.chat.tools": dumps(mlflow).decode()}


def _kinds(openinference: str, mlflow: str, gen_ai: str) -> dict[str, str]:
    return {
        "openinference.span.kind": openinference,
        "mlflow.spanType": mlflow,
        "gen_ai.operation.name": gen_ai,
    }


def _value(side: str, text: str, *, json: bool = False) -> dict[str, str]:
    mime = "application/json" if json else "text/plain"
    return {f"{side}.value": text, f"{side}.mime_type": mime}


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "content": text}


def _attributes(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _any_value(value)} for key, value in found.items()]


def _any_value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [_any_value(v) for v in value]}}
        case _:
            return {"stringValue": str(value)}
