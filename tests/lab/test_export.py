"""What is exported scores the same when it is read back, and looks as the products expect it."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sweeping import GRID, sweep

from harnesslab.errors import UserError
from harnesslab.lab.export import write_otlp
from harnesslab.lab.foreign import score_path
from harnesslab.report.export import to_json
from harnesslab.store.columns import Columns
from harnesslab.store.rows import Gathering, add_row, trial_row
from harnesslab.store.sqlite import Store
from harnesslab.store.tables import read_tables, write_tables
from harnesslab.types import Weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("sweep") / "grid"
    sweep(where, GRID)
    return where


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with Store.open(folder, readonly=True) as opened:
        yield opened


def figures(path: Path) -> dict[str, Any]:
    """The whole report but for `meter`, which is of the runs and not of the trials."""
    found = to_json(score_path(path, None, "drop").summary)
    return {k: v for k, v in found.items() if k not in ("meter", "unmetered_runs")}


def plain(columns: Columns) -> list[Any]:
    """Everything of a sweep's columns, comparable: layer names in the place of their numbers."""
    names = [n for n in columns.events.dtype.names or () if n not in ("pad", "layer")]
    layers = [columns.layers[n] for n in columns.events["layer"].tolist()]
    trials = [n for n in columns.trials.dtype.names or () if n != "pad"]
    return [
        [(c.label, c.key, dict(c.facts)) for c in columns.cells],
        [(t.suite, t.id, t.base, t.variant, t.tier, t.oracle.tolist(), t.null) for t in columns.tasks],
        [[repr(v) for v in columns.trials[n].tolist()] for n in trials],
        [columns.events[n].tolist() for n in names],
        layers,
        columns.offsets.tolist(),
    ]


def test_parquet_comes_back_whole(store: Store, folder: Path, tmp_path: Path) -> None:
    written = write_tables(store, tmp_path, "parquet")
    assert [p.name for p in written] == ["trials.parquet", "events.parquet"]
    assert plain(read_tables(tmp_path)) == plain(store.columns_and_ids()[0])
    for path in (tmp_path, *written):
        assert figures(path) == figures(folder)


def test_weights_of_the_standalone_ledger_go_with_the_trials(store: Store) -> None:
    columns, ids = store.columns_and_ids()
    weights = {columns.cells[0].model: Weights(1e-3, 2e-3, 3e-2, 4e-6, 5e-6, 6e-4)}
    columns = replace(columns, weights=weights)
    gathering = Gathering()
    for i, id in enumerate(ids):
        events = columns.events[columns.offsets[i] : columns.offsets[i + 1]]
        add_row(gathering, trial_row(columns, i, id), events, columns.layers)
    back = gathering.columns()
    assert back.weights == weights
    assert plain(back) == plain(columns)


def test_parquet_rows_may_be_in_any_order(store: Store, folder: Path, tmp_path: Path) -> None:
    import polars

    _, events = write_tables(store, tmp_path, "parquet")
    polars.read_parquet(events).sample(fraction=1.0, shuffle=True, seed=1).write_parquet(events)
    assert figures(tmp_path) == figures(folder)


def test_otlp_comes_back_the_same_and_is_the_same_bytes(store: Store, folder: Path, tmp_path: Path) -> None:
    path, again = write_otlp(store, tmp_path / "a.jsonl"), write_otlp(store, tmp_path / "b.jsonl")
    assert path.read_bytes() == again.read_bytes()
    assert figures(path) == figures(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    (tmp_path / "c.jsonl").write_bytes(b"".join(reversed(lines)))
    back = {c["key"]: c["pass_k"] for c in figures(tmp_path / "c.jsonl")["cells"]}
    assert back == {c["key"]: c["pass_k"] for c in figures(folder)["cells"]}


def test_the_profile(store: Store, tmp_path: Path) -> None:
    line = write_otlp(store, tmp_path / "a.jsonl").read_text().splitlines()[-1]
    spans = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    kinds: dict[str, list[dict[str, Any]]] = {}
    for span in spans:
        found = {a["key"]: next(iter(a["value"].values())) for a in span["attributes"]}
        kinds.setdefault(found["openinference.span.kind"], []).append(found)
        assert len(span["traceId"]) == 32
        assert len(span["spanId"]) == 16
        assert span["startTimeUnixNano"].isdecimal()
        assert not {k for k in found if k.startswith(("llm.token_count", "mlflow.spanInputs"))}
        assert {"input.value", "input.mime_type", "output.value", "output.mime_type"} <= set(found)
        assert ("error.type" in found) == (span.get("status", {}).get("code") == 2)
    agent = kinds["AGENT"][0]
    assert agent["gen_ai.operation.name"] == "invoke_agent"
    assert not {k for k in agent if "usage" in k}
    assert {"gen_ai.agent.name", "gen_ai.conversation.id", "session.id", "metadata", "tag.tags"} <= set(agent)
    for model in kinds["LLM"]:
        assert model["mlflow.spanType"] == "CHAT_MODEL"
        assert isinstance(json.loads(model["gen_ai.input.messages"]), list)
        output = json.loads(model["gen_ai.output.messages"])
        assert "finish_reason" in output[0]
        assert "finish_reason" not in json.loads(model["gen_ai.input.messages"])[-1]
        assert json.loads(model["gen_ai.tool.definitions"])[0]["name"]
        assert json.loads(model["mlflow.chat.tools"])[0]["function"]["name"]
        assert int(model["gen_ai.usage.input_tokens"]) > 0
    for tool in kinds["TOOL"]:
        assert tool["gen_ai.operation.name"] == "execute_tool"
        assert isinstance(json.loads(tool["gen_ai.tool.call.arguments"]), dict)
    emitted = [
        (p["id"], p["name"])
        for m in kinds["LLM"]
        for p in json.loads(m["gen_ai.output.messages"])[0]["parts"]
        if p["type"] == "tool_call"
    ]
    assert emitted == [(t["gen_ai.tool.call.id"], t["gen_ai.tool.name"]) for t in kinds["TOOL"]]


def test_what_others_can_read_in_it_is_right_without_our_own_attributes(
    store: Store, folder: Path, tmp_path: Path
) -> None:
    path = write_otlp(store, tmp_path / "a.jsonl")
    lines = []
    for line in path.read_text().splitlines():
        value = json.loads(line)
        for span in value["resourceSpans"][0]["scopeSpans"][0]["spans"]:
            span["attributes"] = [a for a in span["attributes"] if not a["key"].startswith("harnesslab.")]
            span.pop("events", None)
        lines.append(json.dumps(value) + "\n")
    path.write_text("".join(lines))
    mine = {(c["model"], c["harness"]): c for c in figures(folder)["cells"]}
    theirs = {(c["model"], c["harness"]): c for c in figures(path)["cells"]}
    assert set(mine) == set(theirs)
    for key, cell in theirs.items():
        assert cell["trials"] == mine[key]["trials"]
        assert cell["budget"]["tokens_per_trial"] == mine[key]["budget"]["tokens_per_trial"]
        assert cell["pass_k"] == [None]
        emitted = mine[key]["ladder"]
        calls = round(emitted["attempts"] * emitted["parseable"]["value"])
        assert cell["ladder"]["attempts"] == calls


@pytest.mark.parametrize("format", ["csv", "json"])
def test_csv_and_json_hold_the_same_rows(store: Store, tmp_path: Path, format: str) -> None:
    trials, events = write_tables(store, tmp_path, format)  # type: ignore[arg-type]
    columns, ids = store.columns_and_ids()
    if format == "csv":
        rows = [list(csv.DictReader(p.open(newline=""))) for p in (trials, events)]
    else:
        rows = [[json.loads(line) for line in p.open()] for p in (trials, events)]
    assert [r["trial"] for r in rows[0]] == ids
    assert {r["status"] for r in rows[0]} == {"passed", "failed"}
    assert len(rows[1]) == len(columns.events)
    assert {r["kind"] for r in rows[1]} >= {"reply", "call", "exec", "end"}
    assert "get_order" in {r["tool"] for r in rows[1]}
    assert [int(r["generated"]) for r in rows[1]] == columns.events["generated"].tolist()


def test_mistakes_are_one_line(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for write in (lambda: write_tables(store, file, "csv"), lambda: write_otlp(store, file / "a.jsonl")):
        with pytest.raises(UserError, match="cannot write"):
            write()
    write_tables(store, tmp_path, "parquet")
    (tmp_path / "events.parquet").write_bytes(b"nothing")
    with pytest.raises(UserError, match="cannot be read"):
        read_tables(tmp_path)
    (tmp_path / "events.parquet").unlink()
    with pytest.raises(UserError, match=r"no events\.parquet"):
        read_tables(tmp_path)


def test_the_one_liners_of_the_docs_run(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import polars

    write_tables(store, tmp_path / "export", "parquet")
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[2] / "docs" / "traces.md").read_text()
    lines = [line.strip() for line in text.splitlines() if line.startswith("    pl.")]
    assert len(lines) == 2
    for line in lines:
        assert len(eval(line, {"pl": polars})) > 0


def test_a_missing_trial_goes_out_and_comes_back_missing(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "sweep")
    with sqlite3.connect(tmp_path / "sweep" / "trials.sqlite") as db:
        db.execute(
            "UPDATE trial SET status = 2, ending = 255, events = x'', payload = x'' "
            "WHERE id = (SELECT min(id) FROM trial)"
        )
    with Store.open(tmp_path / "sweep", readonly=True) as store:
        line = write_otlp(store, tmp_path / "a.jsonl")
        write_tables(store, tmp_path / "pq", "parquet")
    assert figures(line) == figures(tmp_path / "pq") == figures(tmp_path / "sweep")
    assert sum(c["missing"]["trials"] for c in figures(line)["cells"]) == 1
