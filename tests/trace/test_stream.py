"""Records out of JSON files of any layout, and on past what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harnesslab.trace.importers import stream
from harnesslab.trace.importers.problems import Problems
from harnesslab.trace.importers.stream import layout, records

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def read(path: Path, text: str | bytes, *split: str) -> tuple[list[Any], Problems]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    problems = Problems()
    return [(r.key, r.value) for r in records(path, problems, split)], problems


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.json"


@settings(max_examples=150, deadline=None)
@given(values=st.lists(VALUES, max_size=6), indent=st.sampled_from([None, 1]), chunk=st.integers(1, 40))
def test_an_array_gives_its_elements_however_it_is_cut_into_chunks(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], indent: int | None, chunk: int
) -> None:
    path = tmp_path_factory.mktemp("a") / "file.json"
    before, stream.CHUNK = stream.CHUNK, chunk
    try:
        found, problems = read(path, "\n" + json.dumps(values, indent=indent))
    finally:
        stream.CHUNK = before
    assert [v for _, v in found] == values
    assert not problems.lines()


@settings(max_examples=150, deadline=None)
@given(
    value=st.dictionaries(st.text(), VALUES, min_size=1, max_size=5),
    parts=st.lists(VALUES, max_size=4),
    chunk=st.integers(1, 40),
)
def test_an_object_gives_its_values_and_the_elements_of_split_keys(
    tmp_path_factory: pytest.TempPathFactory, value: dict[str, Any], parts: list[Any], chunk: int
) -> None:
    path = tmp_path_factory.mktemp("o") / "file.json"
    whole = {**value, "samples": parts}
    before, stream.CHUNK = stream.CHUNK, chunk
    try:
        found, problems = read(path, json.dumps(whole), "samples")
    finally:
        stream.CHUNK = before
    expected = [(k, v) for k, v in whole.items() if k != "samples"]
    assert [f for f in found if f[0] != "samples"] == expected
    assert [v for k, v in found if k == "samples"] == parts
    assert not problems.lines()


def test_lines_say_where_and_a_bad_one_costs_itself_only(path: Path) -> None:
    found, problems = read(path, '{"a": 1}\n\n{"a": 2,}\n{"a": 3}\n{"a": "\xff"}\n'.encode("latin-1"))
    assert [v for _, v in found] == [{"a": 1}, {"a": 3}]
    assert "line 3" in problems.lines()[0]
    assert problems.lost == 2


def test_a_bad_element_costs_itself_only_and_is_named_by_its_line(path: Path) -> None:
    found, problems = read(path, '[\n{"a": 1},\n{"a": [1, tru]},\n{"a": 3}\n]')
    assert [v for _, v in found] == [{"a": 1}, {"a": 3}]
    assert problems.lost == 1
    assert "file.json line 3" in problems.lines()[0]


def test_what_python_writes_and_json_forbids_is_read(path: Path) -> None:
    found, problems = read(path, '[{"reward": NaN}, {"n": 123456789012345678901234567890}, {"s": "\\ud800"}]')
    assert len(found) == 3
    assert not problems.lines()


@pytest.mark.parametrize(
    ("text", "values", "why"),
    [
        ('[{"a": 1}, {"a": [2', 1, "ends inside this record"),
        ('[{"a": 1}', 1, "without its closing bracket"),
        ('[{"a": 1}, {"b": 2}', 2, "without its closing bracket"),
        ('{"a": 1, "b": 2', 2, "without its closing bracket"),
        ('[{"a": 1},', 1, "without its closing bracket"),
        ('[{"a": 1}] [2]', 1, "after the end"),
        ('{"a": {"b": 1}, "c"', 1, "ends inside this record"),
        ('{"a", "b": 1}', 1, "a key without a value"),
        ("hello\nworld", 0, "not JSON"),
        ("[" * 100000, 0, ""),
        ("[" + "[" * 3000 + "]" * 3000 + ", 1]", 1, "not JSON: nested too deeply"),
    ],
)
def test_a_broken_file_gives_what_comes_before(path: Path, text: str, values: int, why: str) -> None:
    found, problems = read(path, text)
    assert len(found) == values
    assert why in "".join(problems.lines())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "nothing"),
        ("\n \n", "nothing"),
        ("[1, 2]", "array"),
        ("[1, 2]\n[3]\n", "lines"),
        ('{"a": 1}', "object"),
        ('{"a":\n 1}\n', "object"),
        ('\n{"a": 1}\n{"a": 2}\n', "lines"),
        ("\ufeff[1]", "array"),
    ],
)
def test_layouts(path: Path, text: str, expected: str) -> None:
    path.write_text(text, encoding="utf-8")
    assert layout(path) == expected


def test_a_record_beyond_the_limit_is_given_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LONGEST", 1 << 16)
    monkeypatch.setattr(stream, "CHUNK", 1 << 12)
    found, problems = read(path, json.dumps([1, ["x" * 500_000], 2]))
    assert [v for _, v in found] == [1]
    assert "longer than" in problems.lines()[0]
    found, problems = read(path, "1\n" + json.dumps("x" * 100_000) + "\n2\n")
    assert [v for _, v in found] == [1, 2]
    assert "longer than" in problems.lines()[0]
