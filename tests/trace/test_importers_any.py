"""Importers never raise: not on files cut, spliced or altered anywhere, nor on values of any type in any place."""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path
from typing import Any

import foreign_files as files
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_importers import eval_file
from test_otlp_foreign import export, mlflow, otlp_span, phoenix, spans

from harnesslab.errors import UserError
from harnesslab.score.tables import summarise
from harnesslab.store.columns import ORACLE, TRIAL, CellRow, Columns, TaskRow
from harnesslab.store.imported import gather
from harnesslab.store.rows import trial_row
from harnesslab.trace.importers import FORMATS, read
from harnesslab.trace.importers.build import Tokens, TraceBuilder
from harnesslab.trace.importers.held import Call, Model, Ran, pack, unpack
from harnesslab.trace.importers.problems import Problems
from harnesslab.trace.importers.tools import Tools
from harnesslab.trace.otlp import Recorded, to_line
from harnesslab.types import Status, ToolCall


def own_line() -> Any:
    """A trial as `harnesslab export --format otlp` writes it."""
    built = TraceBuilder()
    built.reply("", answer=False)
    call = ToolCall("get_loan", {"loan_id": "L1"}, "a")
    built.answered(built.call(call), Status.OK, 7, wrote=True)
    built.reply("done", answer=True)
    events = built.finish()
    cell, task = CellRow("k", "m", "h", "s", {"greedy": False}), TaskRow("s", "t", "t", "", "", np.zeros(1, ORACLE))
    trials = np.zeros(1, dtype=TRIAL)
    columns = Columns((cell,), (task,), trials, events, np.array([0, len(events)]), ("",))
    payloads: list[dict[str, Any]] = [{"text": "", "calls": [("get_loan", {"loan_id": "L1"}, "a")]}]
    payloads += [{"tool": "get_loan", "arguments": {"loan_id": "L1"}, "result": "1"}] * 2
    payloads += [{"text": "done"}, {"reason": "answered", "text": "done"}]
    row = trial_row(columns, 0, "00")
    return json.loads(to_line(Recorded("00", row, events, payloads, ("",), ("be brief", "renew"), (), 1e9, 1.0)))


TRIALS = [files.tau_trial(t, r, (t + r) % 2 == 0) for t in range(2) for r in range(2)]
SAMPLES: dict[str, list[Any]] = {
    "tau-bench": [TRIALS],
    "tau2": [files.tau2_run(TRIALS), files.tau2_run(TRIALS)["simulations"]],
    "openai": [[files.openai_line(t) for t in TRIALS], TRIALS[0]["traj"]],
    "otlp": [
        export([otlp_span(1, i, s, "gen_ai") for i, s in enumerate(spans(1, "gen_ai"))]),
        export([otlp_span(1, i, s, "openinference") for i, s in enumerate(spans(1, "openinference"))]),
        mlflow(1),
        phoenix(1),
        own_line(),
    ],
    "inspect": [files.inspect_log(TRIALS)],
}
ODD: list[Any] = [
    *(None, True, 0, -1, 2**70, 1.5, float("nan"), float("inf"), "", "x", "{", "{'a': {1}}", "\ud800", "1e999"),
    *([], {}, [[]], [None], [{}], {"": None}, {"role": 3}, [[[[1]]]]),
]


def survives(format: str, path: Path) -> None:
    problems = Problems()
    columns = gather(read(path, format, problems), problems, format=format)
    assert len(columns.offsets) == len(columns.trials) + 1
    if len(columns.trials):
        summarise(columns)
    problems.lines()


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += places(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            found += places(inner, (*path, i))
    return found


def altered(value: Any, path: tuple[Any, ...], new: Any, *, drop: bool) -> Any:
    """A copy with something else, or nothing, at one place."""
    if not path:
        return new
    value = json.loads(json.dumps(value))
    at = value
    for step in path[:-1]:
        at = at[step]
    if drop:
        del at[path[-1]]
    else:
        at[path[-1]] = new
    return value


@pytest.mark.parametrize("format", list(FORMATS))
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_any_value_in_any_place(tmp_path_factory: pytest.TempPathFactory, format: str, seed: int) -> None:
    chance = random.Random(seed)
    value = chance.choice(SAMPLES[format])
    for _ in range(chance.randint(1, 6)):
        path = chance.choice(places(value))
        value = altered(value, path, chance.choice(ODD), drop=chance.random() < 0.3 and bool(path))
        if not isinstance(value, (dict, list)):
            break
    file = tmp_path_factory.mktemp("odd") / "file.json"
    file.write_text(json.dumps(value))
    survives(format, file)


@pytest.mark.parametrize("format", list(FORMATS))
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), lines=st.booleans())
def test_any_bytes_anywhere(tmp_path_factory: pytest.TempPathFactory, format: str, seed: int, lines: bool) -> None:
    chance = random.Random(seed)
    value = chance.choice(SAMPLES[format])
    text = b"\n".join(json.dumps(v).encode() for v in (value if isinstance(value, list) else [value, value]))
    data = bytearray(text if lines else json.dumps(value, indent=1).encode())
    for _ in range(chance.randint(1, 8)):
        at, size = chance.randrange(len(data)), chance.randint(0, 40)
        match chance.randrange(3):
            case 0:
                data[at : at + size] = chance.randbytes(size)
            case 1:
                del data[at : at + size * 10]
            case _:
                data[at:at] = bytes(chance.choices(b'[]{},:"\\\n \x00\xff', k=size))
        data = data or bytearray(b" ")
    file = tmp_path_factory.mktemp("bytes") / "file.json"
    file.write_bytes(bytes(data))
    survives(format, file)


@pytest.mark.parametrize("format", list(FORMATS))
def test_nesting_without_end(tmp_path: Path, format: str) -> None:
    for sample in SAMPLES[format]:
        for path in places(sample)[1:60:4]:
            text = json.dumps(altered(sample, path, "@", drop=False))
            nested = "[" * 5000 + "]" * 5000
            for inner in (nested, "[" * 900 + "1" + "]" * 900, '{"a":' * 900 + "1" + "}" * 900):
                file = tmp_path / "file.json"
                file.write_text(text.replace('"@"', inner))
                survives(format, file)


def test_our_own_line_is_read_as_our_own(tmp_path: Path) -> None:
    file = files.write(tmp_path / "own.json", own_line())
    problems = Problems()
    columns = gather(read(file, "otlp", problems), problems, format="otlp")
    assert columns.cells[0].label == "m/h/s"
    assert columns.events["kind"].tolist() == [1, 2, 3, 1, 6]
    assert not problems.lines()


@pytest.mark.parametrize(
    "schema",
    [
        *({"$ref": "http://example.invalid/x"}, {"$ref": "#/nope"}, {"properties": {"a": {"$ref": "file:///etc/x"}}}),
        *({"type": 3}, {"properties": {"a": {"pattern": "("}}}, {"$schema": "http://example.invalid/s"}, [], None),
    ],
)
def test_a_schema_that_is_none_accepts_everything_and_is_not_fetched(schema: Any) -> None:
    tools = Tools.read([{"function": {"name": "f", "parameters": schema}}])
    assert tools is not None
    assert tools.judge(ToolCall("f", {"a": 1})) == (True, True)
    assert tools.judge(ToolCall("g", {})) == (False, False)


u64 = st.integers(0, 2**64 - 1)
i31 = st.integers(0, 2**31 - 1)
finite = st.floats(allow_nan=False, allow_infinity=False)
a_call = st.builds(Call, u64, u64, st.integers(0, 2**32 - 1), st.booleans())
statuses = st.sampled_from(Status)
tokens = st.builds(Tokens, i31, i31, i31, i31, st.booleans())
heard = st.lists(st.tuples(u64, statuses, u64), max_size=3).map(tuple)
calls = st.lists(a_call, max_size=3).map(tuple)


@given(
    st.builds(Model, u64, finite, finite, u64, statuses, tokens, calls, heard)
    | st.builds(Ran, u64, finite, finite, a_call, statuses, u64)
)
def test_what_is_held_of_a_span_comes_back(found: Model | Ran) -> None:
    assert unpack(pack(found)) == found


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_damaged_archive_is_an_error_or_a_loss(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    chance = random.Random(seed)
    folder = tmp_path_factory.mktemp("archive")
    data = bytearray(eval_file(folder / "whole.eval", TRIALS).read_bytes())
    for _ in range(chance.randint(1, 6)):
        at, size = chance.randrange(len(data)), chance.randint(1, 12)
        if chance.random() < 0.7:
            data[at : at + size] = chance.randbytes(size)
        else:
            del data[at : at + size * 20]
    file = folder / "damaged.eval"
    file.write_bytes(bytes(data))
    with contextlib.suppress(UserError):
        survives("inspect", file)
