"""Importers never raise: not on files cut, spliced or altered anywhere, nor on values of any type in any place."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import foreign_files as files
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_otlp_foreign import export, mlflow, otlp_span, phoenix, spans

from harnesslab.score.tables import summarise
from harnesslab.store.imported import gather
from harnesslab.trace.importers import FORMATS, read
from harnesslab.trace.importers.problems import Problems

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
        for path in places(sample)[:60]:
            if not path:
                continue
            text = json.dumps(altered(sample, path, "@", drop=False))
            nested = "[" * 5000 + "]" * 5000
            for inner in (nested, "[" * 900 + "1" + "]" * 900, '{"a":' * 900 + "1" + "}" * 900):
                file = tmp_path / "file.json"
                file.write_text(text.replace('"@"', inner))
                survives(format, file)
