"""Spans that others wrote: gen_ai and OpenInference attributes, MLflow's and Phoenix's dumps."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import foreign_files as files
import pytest

from harnesslab.lab.foreign import Foreign, score_path
from harnesslab.score.summary import CellSummary

T0 = 1_700_000_000  # seconds


def attributes(found: dict[str, Any]) -> list[dict[str, Any]]:
    def value(v: Any) -> dict[str, Any]:
        return {"intValue": str(v)} if isinstance(v, int) else {"stringValue": v}

    return [{"key": k, "value": value(v)} for k, v in found.items()]


def spans(trial: int, style: str) -> list[dict[str, Any]]:
    """look up, a refused renewal, the same again, an answer: as (name, kind, start, seconds, failed, attributes)."""
    steps = [("get_loan", {"loan_id": "L1"}, '{"weeks": 1}', False)]
    steps += [("renew_loan", {"loan_id": "L1", "weeks": 99}, "at most 4 weeks", True)] * 2
    found = [{"name": "agent", "kind": "AGENT", "at": 0.0, "took": 9.0, "failed": False, "attributes": {}}]
    for i, (name, arguments, result, failed) in enumerate(steps):
        found.append(model_span(i, style, name, arguments, f"c{trial}.{i}"))
        a = tool_attributes(style, name, arguments, result, f"c{trial}.{i}")
        found.append({"name": name, "kind": "TOOL", "at": i + 0.6, "took": 0.1, "failed": failed, "attributes": a})
    found.append(model_span(len(steps), style, None, None, ""))
    return found


def model_span(i: int, style: str, name: str | None, arguments: Any, id: str) -> dict[str, Any]:
    text = None if name else "It cannot be renewed."
    if style == "gen_ai":
        part = {"type": "tool_call", "id": id, "name": name, "arguments": arguments}
        parts = [part] if name else [{"type": "text", "content": text}]
        a: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "some-model",
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 10,
            "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": parts}]),
        }
    else:
        a = {
            "openinference.span.kind": "LLM",
            "llm.model_name": "some-model",
            "llm.token_count.prompt": 100,
            "llm.token_count.completion": 10,
            "llm.output_messages.0.message.role": "assistant",
        }
        if name:
            head = "llm.output_messages.0.message.tool_calls.0.tool_call"
            a[f"{head}.id"], a[f"{head}.function.name"] = id, name
            a[f"{head}.function.arguments"] = json.dumps(arguments)
        else:
            a["llm.output_messages.0.message.content"] = text
    return {"name": "chat", "kind": "LLM", "at": float(i), "took": 0.5, "failed": False, "attributes": a}


def tool_attributes(style: str, name: str, arguments: Any, result: str, id: str) -> dict[str, Any]:
    if style == "gen_ai":
        return {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": name,
            "gen_ai.tool.call.id": id,
            "gen_ai.tool.call.arguments": json.dumps(arguments),
            "gen_ai.tool.call.result": result,
        }
    return {
        "openinference.span.kind": "TOOL",
        "tool.name": name,
        "input.value": json.dumps(arguments),
        "output.value": result,
    }


def otlp_span(trial: int, i: int, span: dict[str, Any], style: str) -> dict[str, Any]:
    found = dict(span["attributes"])
    if span["kind"] == "AGENT":
        found["gen_ai.operation.name" if style == "gen_ai" else "openinference.span.kind"] = (
            "invoke_agent" if style == "gen_ai" else "AGENT"
        )
    return {
        "traceId": f"{trial:032x}",
        "spanId": f"{trial * 100 + i:016x}",
        "name": span["name"],
        "startTimeUnixNano": str(int((T0 + span["at"]) * 1e9)),
        "endTimeUnixNano": str(int((T0 + span["at"] + span["took"]) * 1e9)),
        "attributes": attributes(found),
        "status": {"code": 2} if span["failed"] else {},
    }


def export(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": found}]}]}


def mlflow(trial: int) -> dict[str, Any]:
    def one(i: int, span: dict[str, Any]) -> dict[str, Any]:
        kind = {"AGENT": "AGENT", "LLM": "CHAT_MODEL", "TOOL": "TOOL"}[span["kind"]]
        a = {k: v for k, v in span["attributes"].items() if not k.startswith("gen_ai.operation")}
        if kind == "CHAT_MODEL":
            del a["gen_ai.usage.input_tokens"], a["gen_ai.usage.output_tokens"]
            a["mlflow.chat.tokenUsage"] = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
        return {
            "trace_id": base64.b64encode(trial.to_bytes(16, "big")).decode(),
            "span_id": base64.b64encode((trial * 100 + i).to_bytes(8, "big")).decode(),
            "name": span["name"],
            "start_time_unix_nano": int((T0 + span["at"]) * 1e9),
            "end_time_unix_nano": int((T0 + span["at"] + span["took"]) * 1e9),
            "status": {"code": "STATUS_CODE_ERROR" if span["failed"] else "STATUS_CODE_OK"},
            "attributes": {k: json.dumps(v) for k, v in {**a, "mlflow.spanType": kind}.items()},
        }

    return {"info": {"trace_id": str(trial)}, "data": {"spans": [one(*x) for x in enumerate(spans(trial, "gen_ai"))]}}


def phoenix(trial: int) -> list[dict[str, Any]]:
    def nested(a: dict[str, Any]) -> dict[str, Any]:
        """Phoenix keeps messages as lists of objects with dotted keys."""
        head = "llm.output_messages.0."
        message = {k.removeprefix(head): v for k, v in a.items() if k.startswith(head)}
        calls = {k.partition("tool_calls.0.")[2]: v for k, v in message.items() if "tool_calls" in k}
        plain = {k: v for k, v in message.items() if "tool_calls" not in k}
        kept = {f"attributes.{k}": v for k, v in a.items() if not k.startswith(head)}
        if message:
            kept["attributes.llm.output_messages"] = [{**plain, **({"message.tool_calls": [calls]} if calls else {})}]
        return kept

    return [
        {
            "context.trace_id": f"{trial:032x}",
            "context.span_id": f"{trial * 100 + i:016x}",
            "name": span["name"],
            "span_kind": span["kind"],
            "start_time": f"2023-11-14T22:13:{20 + span['at']:09.6f}+00:00",
            "end_time": f"2023-11-14T22:13:{20 + span['at'] + span['took']:09.6f}+00:00",
            "status_code": "ERROR" if span["failed"] else "OK",
            **nested(span["attributes"]),
        }
        for i, span in enumerate(spans(trial, "openinference"))
    ]


def made(path: Path, style: str) -> Path:
    if style == "mlflow":
        return files.write_lines(path, [mlflow(t) for t in range(1, 4)])
    if style == "phoenix":
        return files.write(path, [row for t in range(1, 4) for row in phoenix(t)])
    flat = [otlp_span(t, i, s, style) for t in range(1, 4) for i, s in enumerate(spans(t, style))]
    flat = flat[::-1]  # exporters send spans as they end, in batches of any size
    return files.write_lines(path, [export(flat[:10]), export(flat[10:11]), export(flat[11:])])


def scored(path: Path) -> tuple[CellSummary, Foreign]:
    found = score_path(path, None, "drop")
    assert found.format == "otlp"
    return found.summary.cells[0], found


@pytest.mark.parametrize("style", ["gen_ai", "openinference", "mlflow", "phoenix"])
def test_every_dialect_of_spans_tells_the_same(tmp_path: Path, style: str) -> None:
    cell, found = scored(made(tmp_path / "spans.jsonl", style))
    assert cell.trials == 3
    assert cell.ladder.attempts == 9
    assert cell.ladder.executed.value == pytest.approx(1 / 3)
    assert cell.recovery.episodes == cell.recovery.endings["abandoned"] == cell.recovery.paths["identical"] == 3
    assert cell.budget.tokens_per_trial == 440
    assert cell.budget.after_error.value == pytest.approx(220 / 440)
    assert cell.parse.replies.value == 1.0
    assert [f.value for f in cell.pass_k] == [None]
    notes = " ".join(found.summary.notes)
    assert "whether a trial passed" in notes
    assert "how long a trial took" not in notes
    if style != "mlflow":
        assert cell.model == "some-model"


def test_answers_in_the_next_input_count_where_no_tool_was_traced(tmp_path: Path) -> None:
    call = {"type": "tool_call", "id": "x", "name": "renew_loan", "arguments": {"weeks": 99}}
    response = {"type": "tool_call_response", "id": "x", "response": "Error: at most 4"}
    first = {"gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [call]}])}
    heard = [{"role": "assistant", "parts": [call]}, {"role": "tool", "parts": [response]}]
    second = {
        "gen_ai.input.messages": json.dumps(heard),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "No."}]}]),
    }
    flat = []
    for i, a in enumerate((first, second)):
        span = {"name": "chat", "kind": "LLM", "at": float(i), "took": 0.5, "failed": False}
        flat.append(otlp_span(1, i, {**span, "attributes": {"gen_ai.operation.name": "chat", **a}}, "gen_ai"))
    path = files.write(tmp_path / "one.json", export([*flat, flat[0]]), indent=1)
    cell, found = scored(path)
    assert cell.ladder.attempts == 1
    assert cell.ladder.executed.value == 0.0
    assert cell.recovery.endings["abandoned"] == 1
    assert cell.budget.tokens_per_trial is None
    assert "1 x spans that were there already" in " ".join(found.summary.notes)
