"""Spans as three programs write them, made alike: OTLP JSON, MLflow's `Trace.to_json()`, and Phoenix's rows.

OTLP has hex ids and typed attribute values, 64-bit integers as strings. MLflow has base64 ids and attributes encoded as
JSON once more. Phoenix's rows have dotted keys and times as text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from harnesslab.trace.events import loads
from harnesslab.trace.importers.values import items, mapping, number, text_of


@dataclass(frozen=True, slots=True)
class Span:
    """One span. Times are seconds since the epoch, 0 if unknown; `attributes` are flat, with dotted keys."""

    trace: str
    id: str
    parent: str
    name: str
    start: float
    end: float
    failed: bool
    attributes: Mapping[str, Any]
    events: tuple[tuple[str, float, Mapping[str, Any]], ...] = ()  # name, time, attributes


def spans_of(key: str, value: Any) -> Iterator[Span]:
    """All spans of one record; nothing where it holds none.

    Args:
        key: of the outer object that the record stands under, "" if it is itself one.
    """
    found = mapping(value)
    if key == "resourceSpans":
        yield from _otlp(found)
    elif "resourceSpans" in found:
        for resource in items(found["resourceSpans"]):
            yield from _otlp(mapping(resource))
    elif isinstance(mapping(found.get("data")).get("spans"), list):
        for span in found["data"]["spans"]:
            yield _mlflow(mapping(span))
    elif "context.span_id" in found or "span_id" in mapping(found.get("context")):
        yield _phoenix(found)


def _otlp(resource: Mapping[str, Any]) -> Iterator[Span]:
    common = _attributes(mapping(resource.get("resource")).get("attributes"))
    for scope in items(resource.get("scopeSpans")):
        for raw in items(mapping(scope).get("spans")):
            span = mapping(raw)
            yield Span(
                trace=text_of(span.get("traceId")),
                id=text_of(span.get("spanId")),
                parent=text_of(span.get("parentSpanId")),
                name=text_of(span.get("name")),
                start=_nanoseconds(span.get("startTimeUnixNano")),
                end=_nanoseconds(span.get("endTimeUnixNano")),
                failed=_is_error(mapping(span.get("status")).get("code")),
                attributes={**common, **_attributes(span.get("attributes"))},
                events=tuple(
                    (
                        text_of(event.get("name")),
                        _nanoseconds(event.get("timeUnixNano")),
                        _attributes(event.get("attributes")),
                    )
                    for event in map(mapping, items(span.get("events")))
                ),
            )


def _mlflow(span: Mapping[str, Any]) -> Span:
    attributes = {str(k): _decoded(v) for k, v in mapping(span.get("attributes")).items()}
    return Span(
        trace=text_of(span.get("trace_id")) or text_of(mapping(span.get("context")).get("trace_id")),
        id=text_of(span.get("span_id")) or text_of(mapping(span.get("context")).get("span_id")),
        parent=text_of(span.get("parent_span_id", span.get("parent_id"))),
        name=text_of(span.get("name")),
        start=_nanoseconds(span.get("start_time_unix_nano", span.get("start_time"))),
        end=_nanoseconds(span.get("end_time_unix_nano", span.get("end_time"))),
        failed=_is_error(mapping(span.get("status")).get("code", span.get("status_code"))),
        attributes=attributes,
    )


def _phoenix(row: Mapping[str, Any]) -> Span:
    context = mapping(row.get("context"))
    attributes = dict(_flat(mapping(row.get("attributes"))))
    for key, value in row.items():
        if key.startswith("attributes.") and value is not None:
            attributes.update(_flat({key.removeprefix("attributes."): value}))
    kind = row.get("span_kind")
    if isinstance(kind, str):
        attributes.setdefault("openinference.span.kind", kind)
    return Span(
        trace=text_of(row.get("context.trace_id", context.get("trace_id"))),
        id=text_of(row.get("context.span_id", context.get("span_id"))),
        parent=text_of(row.get("parent_id")),
        name=text_of(row.get("name")),
        start=_moment(row.get("start_time")),
        end=_moment(row.get("end_time")),
        failed=_is_error(row.get("status_code", mapping(row.get("status")).get("code"))),
        attributes=attributes,
    )


def _attributes(raw: Any) -> dict[str, Any]:
    """OTLP's [{key, value: {stringValue: ...}}]."""
    return {text_of(a.get("key")): _any_value(mapping(a.get("value"))) for a in map(mapping, items(raw))}


def _any_value(value: Mapping[str, Any]) -> Any:
    for kind, inner in value.items():
        match kind:
            case "intValue":
                found = number(inner)
                return int(found) if found is not None else None
            case "arrayValue":
                return [_any_value(mapping(v)) for v in items(mapping(inner).get("values"))]
            case "kvlistValue":
                return _attributes(mapping(inner).get("values"))
            case _:
                return inner
    return None


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested objects and lists of objects as dotted keys; anything else as it is."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list) and any(isinstance(v, Mapping) for v in value):
        for i, inner in enumerate(value):
            yield from _flat(inner, f"{prefix}.{i}")
    else:
        yield prefix, value


def _decoded(value: Any) -> Any:
    """An attribute that MLflow encoded as JSON; text that is none stays."""
    if isinstance(value, str):
        try:
            return loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _is_error(code: Any) -> bool:
    return code == 2 or (isinstance(code, str) and code.upper().rpartition("_")[2] in ("ERROR", "2"))


def _nanoseconds(value: Any) -> float:
    found = number(value)
    return found / 1e9 if found is not None and found > 0 else 0.0


def _moment(value: Any) -> float:
    """Seconds of a time as ISO text, or as milliseconds, which is what a dataframe's JSON has."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return 0.0
    found = number(value)
    return found / 1e3 if found is not None and found > 0 else 0.0
