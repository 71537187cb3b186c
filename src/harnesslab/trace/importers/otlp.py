"""Traces of OpenTelemetry spans: OTLP JSON lines, with OpenInference's or gen_ai's attributes; MLflow's and Phoenix's
dumps.

A trace is a trial: its LLM spans are replies, the calls in their output are emitted calls, and TOOL spans (or the tool
messages of the next LLM span) answer them. Spans come in any order and are held, packed small, until the file ends.
Traces that harnesslab exported carry their records in `harnesslab.event` and `harnesslab.trial`, and come back exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harnesslab.trace.events import loads
from harnesslab.trace.importers.build import Tokens, TraceBuilder, may_write
from harnesslab.trace.importers.chat import read_arguments, status_of
from harnesslab.trace.importers.held import Call, Model, Ran, pack, unpack
from harnesslab.trace.importers.problems import Problems
from harnesslab.trace.importers.shape import ForeignTrial, OwnTrial, Tells
from harnesslab.trace.importers.spans import Span, spans_of
from harnesslab.trace.importers.stream import records
from harnesslab.trace.importers.values import count, fits, items, mapping, text_of
from harnesslab.types import Status, ToolCall, stable_hash
from harnesslab_kernels.events import EVENT

_MODEL_KINDS = ("LLM", "CHAT_MODEL", "CHAT", "GENERATE_CONTENT", "TEXT_COMPLETION")
_TOOL_KINDS = ("TOOL", "EXECUTE_TOOL")
_AGENT_KINDS = ("AGENT", "INVOKE_AGENT")


@dataclass(slots=True)
class _Trace:
    """One trace so far."""

    place: str
    spans: list[bytes] = field(default_factory=list)  # packed by `held`
    own: Mapping[str, Any] | None = None  # what `harnesslab.trial` says
    records: list[tuple[int, str, bytes]] = field(default_factory=list)  # index, layer, EVENT, of `harnesslab.event`
    start: float = math.inf
    end: float = 0.0
    model: str = ""
    agent: str = ""


def read(path: Path, problems: Problems) -> Iterator[ForeignTrial | OwnTrial]:
    traces: dict[str, _Trace] = {}
    for key, value, place in _records(path, problems):
        try:
            spans = list(spans_of(key, value))
        except RecursionError:
            problems.skip("nested too deeply", place)
            continue
        if not spans:
            problems.skip("no spans: neither OTLP, MLflow's nor Phoenix's", place)
        for span in spans:
            try:
                _take(span, traces, place, problems)
            except RecursionError:
                problems.skip("nested too deeply", place)
    for id, trace in traces.items():
        if trace.own is not None:
            yield _own(trace, trace.own)
        elif trace.spans:
            yield _trial(id, trace, path, problems)
        else:
            problems.remark("traces without an LLM or a TOOL span, left out", trace.place)


def _records(path: Path, problems: Problems) -> Iterator[tuple[str, Any, str]]:
    loose: dict[str, Any] = {}
    for record in records(path, problems, ("resourceSpans",)):
        place = f"{path.name} {record.place}"
        if record.key in ("", "resourceSpans"):
            yield record.key, record.value, place
        else:
            loose[record.key] = record.value
    if "data" in loose or "context.span_id" in loose or "context" in loose:  # a file that is one MLflow trace or row
        yield "", loose, f"{path.name} line 1"


def _take(span: Span, traces: dict[str, _Trace], place: str, problems: Problems) -> None:
    trace = traces.setdefault(span.trace, _Trace(place))
    if span.start:
        trace.start, trace.end = min(trace.start, span.start), max(trace.end, span.end)
    attributes = span.attributes
    if (own := _json(attributes.get("harnesslab.trial"))) is not None:
        trace.own = own
    found = [_json(inner.get("harnesslab.event")) for inner in (attributes, *(a for _, _, a in span.events))]
    recorded = [_record(r) for r in found if r is not None]
    if recorded:
        trace.records += recorded
        return
    kind = _kind(attributes)
    if kind in _MODEL_KINDS:
        trace.spans.append(pack(_model(span)))
        names = ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name", "mlflow.llm.model", "llm.model")
        trace.model = trace.model or next((text_of(attributes[name]) for name in names if attributes.get(name)), "")
    elif kind in _TOOL_KINDS:
        trace.spans.append(pack(_ran(span)))
    elif kind in _AGENT_KINDS and not trace.agent:
        trace.agent = text_of(attributes.get("gen_ai.agent.name")) or span.name


def _kind(attributes: Mapping[str, Any]) -> str:
    for name in ("openinference.span.kind", "mlflow.spanType", "gen_ai.operation.name"):
        found = attributes.get(name)
        if isinstance(found, str) and found.upper() in (*_MODEL_KINDS, *_TOOL_KINDS, *_AGENT_KINDS):
            return found.upper()
    return ""


def _json(text: Any) -> Mapping[str, Any] | None:
    """The object that a JSON attribute holds; None where there is none."""
    try:
        found = loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, Mapping) else None


# --- one span


def _model(span: Span) -> Model:
    messages = _messages(span.attributes, "output")
    calls = tuple(c for m in messages for c in m.calls)
    text = "".join(m.text for m in messages) or text_of(span.attributes.get("output.value"))
    status = Status.UNPARSEABLE if any(m.broken for m in messages) else Status.OK
    heard = _messages(span.attributes, "input")
    last = next((i for i in range(len(heard) - 1, -1, -1) if heard[i].role == "assistant"), -1)
    answers = tuple((m.answers, status_of(m.text, ""), stable_hash(m.text)) for m in heard[last + 1 :] if m.answers)
    return Model(_id(span), span.start, span.end, stable_hash(text), status, _tokens(span.attributes), calls, answers)


def _ran(span: Span) -> Ran:
    a = span.attributes
    name = text_of(a.get("gen_ai.tool.name", a.get("tool.name"))) or span.name
    given = a.get("gen_ai.tool.call.arguments", a.get("input.value", a.get("mlflow.spanInputs")))
    arguments, _ = read_arguments(given)
    answered = text_of(a.get("gen_ai.tool.call.result", a.get("output.value", a.get("mlflow.spanOutputs"))))
    status = Status.TOOL_ERROR if span.failed else status_of(answered, name)
    id = text_of(a.get("gen_ai.tool.call.id", a.get("tool_call.id")))
    return Ran(_id(span), span.start, span.end, _hashed(name, arguments or {}, id), status, stable_hash(answered))


def _id(span: Span) -> int:
    return stable_hash(span.id) if span.id else 0


def _hashed(name: str, arguments: Mapping[str, Any], id: str) -> Call:
    call = ToolCall(name, arguments)
    return Call(stable_hash(id) if id else 0, call.key, call.tool_key, may_write(name))


def _tokens(a: Mapping[str, Any]) -> Tokens:
    used = mapping(a.get("mlflow.chat.tokenUsage"))
    prompt = a.get("gen_ai.usage.input_tokens", a.get("llm.token_count.prompt", used.get("input_tokens")))
    prompt = a.get("gen_ai.usage.prompt_tokens") if prompt is None else prompt
    said = a.get("gen_ai.usage.output_tokens", a.get("llm.token_count.completion", used.get("output_tokens")))
    said = a.get("gen_ai.usage.completion_tokens") if said is None else said
    if prompt is None and said is None:
        return Tokens()
    cached = a.get("gen_ai.usage.cache_read.input_tokens", a.get("llm.token_count.prompt_details.cache_read"))
    thought = a.get("llm.token_count.completion_details.reasoning")
    return Tokens(count(prompt), count(cached), count(said), count(thought), True)


@dataclass(frozen=True, slots=True)
class _Message:
    role: str
    text: str
    calls: tuple[Call, ...] = ()
    answers: int = 0  # hash of the id of the call it answers
    broken: bool = False  # a call in it cannot be read


def _messages(a: Mapping[str, Any], side: str) -> list[_Message]:
    """Of an LLM span's "input" or "output", in gen_ai's or OpenInference's words."""
    raw = a.get(f"gen_ai.{side}.messages")
    if isinstance(raw, str):
        try:
            raw = loads(raw)
        except (ValueError, RecursionError):
            raw = None
    if isinstance(raw, list):
        return [_gen_ai(mapping(m)) for m in raw]
    return list(_openinference(a, f"llm.{side}_messages"))


def _gen_ai(message: Mapping[str, Any]) -> _Message:
    text, calls, answers, broken = text_of(message.get("content")), [], 0, False
    for part in map(mapping, items(message.get("parts"))):
        match part.get("type"):
            case "text":
                text += text_of(part.get("content"))
            case "tool_call":
                arguments, _ = read_arguments(part.get("arguments"))
                name = text_of(part.get("name"))
                broken = broken or arguments is None or not name
                if arguments is not None and name:
                    calls.append(_hashed(name, arguments, text_of(part.get("id"))))
            case "tool_call_response":
                answers = stable_hash(text_of(part.get("id")))
                text += text_of(part.get("response", part.get("result")))
    return _Message(text_of(message.get("role")), text, tuple(calls), answers, broken)


def _openinference(a: Mapping[str, Any], prefix: str) -> Iterator[_Message]:
    found: dict[int, dict[str, Any]] = {}
    for key, value in a.items():
        if key.startswith(prefix):
            place, _, rest = key[len(prefix) + 1 :].partition(".message.")
            if place.isdecimal() and len(place) < 9:
                found.setdefault(int(place), {})[rest] = value
    for _, mine in sorted(found.items()):
        calls, broken, j = [], False, 0
        while (name := mine.get(f"tool_calls.{j}.tool_call.function.name")) is not None:
            arguments, _ = read_arguments(mine.get(f"tool_calls.{j}.tool_call.function.arguments"))
            broken = broken or arguments is None
            if arguments is not None:
                id = text_of(mine.get(f"tool_calls.{j}.tool_call.id"))
                calls.append(_hashed(text_of(name), arguments, id))
            j += 1
        text, answers = text_of(mine.get("content")), mine.get("tool_call_id")
        whose = stable_hash(text_of(answers)) if answers else 0
        yield _Message(text_of(mine.get("role")), text, tuple(calls), whose, broken)


# --- one trace


def _own(trace: _Trace, facts: Mapping[str, Any]) -> OwnTrial:
    """A trial that `trace.otlp` wrote. A record that is not one of ours costs itself only."""
    layers: dict[str, int] = {"": 0}
    rows = sorted({index: (layer, record) for index, layer, record in trace.records}.items())
    events = np.frombuffer(bytearray(b"".join(record for _, (_, record) in rows)), dtype=EVENT)
    events["layer"] = [min(layers.setdefault(layer, len(layers)), 255) for _, (layer, _) in rows]
    return OwnTrial(facts, events, tuple(layers), trace.place)


def _record(row: Mapping[str, Any]) -> tuple[int, str, bytes]:
    """(index, layer, EVENT as bytes) of one `harnesslab.event`; what does not fit a field stays 0."""
    event = np.zeros(1, dtype=EVENT)
    for name in EVENT.names or ():
        value = row.get(name)
        if name not in ("pad", "layer") and isinstance(value, (int, float)) and fits(value, EVENT[name]):
            event[name] = value
    return count(row.get("index")), text_of(row.get("layer")), event.tobytes()


def _trial(id: str, trace: _Trace, path: Path, problems: Problems) -> ForeignTrial:
    begin = trace.start if math.isfinite(trace.start) else 0.0
    spans = [unpack(data) for data in trace.spans]
    unique = list({s.span or -i: s for i, s in enumerate(spans, start=1)}.values())
    for _ in range(len(spans) - len(unique)):
        problems.remark("spans that were there already, left out", trace.place)
    models = [s for s in unique if isinstance(s, Model)]
    told = {Tells.PARSE}
    if models and all(s.tokens.known for s in models):
        told |= {Tells.TOKENS, Tells.REPLY_TOKENS}
        if any(s.tokens.cached for s in models):
            told.add(Tells.CACHE)
    return ForeignTrial(
        model=trace.model or path.stem,
        harness=trace.agent or "as-recorded",
        suite=path.stem,
        task=id,
        repeat=0,
        passed=None,
        events=_events(unique, begin),
        tells=frozenset(told),
        place=trace.place,
        seconds=trace.end - begin if trace.end > begin > 0 else math.nan,
        started=begin,
    )


def _events(spans: list[Model | Ran], begin: float) -> Any:
    built = TraceBuilder()
    waiting: list[tuple[Call, int]] = []

    def answer(at: int, status: Status, result: int) -> None:
        call, index = waiting.pop(at)
        built.answered(index, status, result, wrote=call.writes)

    # At one time a reply comes before what it caused.
    for span in sorted(spans, key=lambda s: (s.start, isinstance(s, Ran))):
        start, duration = max(0.0, span.start - begin), max(0.0, span.end - span.start)
        if isinstance(span, Model):
            for id, status, result in span.heard:
                found = [i for i, (c, _) in enumerate(waiting) if c.id == id]
                if found:
                    answer(found[0], status, result)
            waiting = []
            built.hashed_reply(
                span.said,
                answer=not span.calls,
                status=span.status,
                tokens=span.tokens,
                start=start,
                duration=duration,
            )
            waiting = [(c, built.hashed_call(c.action, c.tool, start=start + duration)) for c in span.calls]
            continue
        at = _whose(span.call, waiting)
        if at is None:
            waiting.append((span.call, built.hashed_call(span.call.action, span.call.tool, start=start)))
            at = len(waiting) - 1
        answer(at, span.status, span.result)
    return built.finish()


def _whose(call: Call, waiting: list[tuple[Call, int]]) -> int | None:
    """The emitted call that a TOOL span ran: by id, else the same action, else the same tool where an id is missing."""
    by_id = [i for i, (c, _) in enumerate(waiting) if c.id and c.id == call.id]
    by_action = [i for i, (c, _) in enumerate(waiting) if c.action == call.action]
    by_tool = [i for i, (c, _) in enumerate(waiting) if c.tool == call.tool and not (c.id and call.id)]
    return next(iter((*by_id, *by_action, *by_tool)), None)
