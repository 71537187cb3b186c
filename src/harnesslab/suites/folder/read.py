"""Reads a folder's *.toml and *.jsonl into entries, each with the file and line it stands in."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harnesslab.errors import UserError, unknown_name

_TABLE = re.compile(r"\s*\[\[\s*task\s*\]\]")
Said = Annotated[str, Field(min_length=1)] | int | float


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CallEntry(_Table):
    """One tool call."""

    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class TaskEntry(_Table):
    """One task as it is written. Every key but `id` and `prompt` may also stand at the top of a TOML file, for all."""

    prompt: str = Field(min_length=1)
    id: str = Field(default="", pattern=r"^[A-Za-z0-9._-]*$")  # "": the file's name and the task's number
    base: str = ""  # the template it belongs to; "": it is one of its own
    tier: str = "own"
    system: str = ""  # "": the world's own words
    turns: int = Field(default=12, ge=0, le=1000)
    world: Literal["files", "orders", "none"] = "files"
    start: str = ""  # a folder beside the file: its files are what the world starts with
    files: dict[str, str] = Field(default_factory=dict)  # path -> text, beside those of `start`
    rows: dict[str, dict[str, dict[str, Any]]] = Field(default_factory=dict)  # table -> id -> row, of world "orders"
    answer: Said | list[Said] | None = None  # what the answer must say, matched by value
    check: str | list[str] = Field(default_factory=list)  # a command; its exit status 0 means passed
    timeout: float = Field(default=10.0, gt=0, le=600, strict=False)  # seconds, of the command
    reads: list[CallEntry] = Field(default_factory=list)  # calls that must have been made
    solution: list[CallEntry] = Field(default_factory=list)  # the oracle's calls
    solution_answer: str = ""  # the oracle's statement; "": made of `answer`


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands."""

    file: Path
    line: int
    text: str  # from that line on

    def error(self, what: str, why: str = "", todo: str = "", *, key: str = "") -> UserError:
        """A `UserError` for this entry, with the line of `key` where it can be found."""
        line = self.line
        for i, text in enumerate(self.text.split("\n")):
            if i and _TABLE.match(text):
                break
            if key and re.match(rf"\s*(?:\[+\s*task\s*\.\s*)?{re.escape(key)}\b", text):
                line += i
                break
        return UserError(f"{self.file} line {line}: {what}", why, todo)


@dataclass(frozen=True, slots=True)
class Entry:
    """One task, and where it stands."""

    task: TaskEntry
    place: Place
    number: int  # in its file, from 1


def read_folder(folder: Path) -> Iterator[Entry]:
    """All tasks of a folder, by file name, then in their order.

    Raises:
        UserError: no such folder, no task file, or one that cannot be read: file, line, and what to do.
    """
    if not folder.is_dir():
        why = f"looked in {Path.cwd()}" if not folder.is_absolute() else ""
        todo = (
            f"a Python suite is named {folder.stem}:load"
            if folder.suffix == ".py"
            else "give the path of a folder with tasks"
        )
        raise UserError(f"no folder {folder}", why, todo)
    files = sorted(p for p in folder.iterdir() if p.suffix in (".toml", ".jsonl") and p.is_file())
    if not files:
        raise UserError(f"no tasks in {folder}", "it has no .toml and no .jsonl file", "see docs/suites.md")
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as e:
            raise UserError(f"cannot read {file}", getattr(e, "strerror", None) or "it is not UTF-8 text") from e
        yield from _toml(file, text) if file.suffix == ".toml" else _lines(file, text)


def _toml(file: Path, text: str) -> Iterator[Entry]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise UserError(f"{file} is not TOML", str(e), "mend that line") from e
    whole = Place(file, 1, text)
    tasks = data.pop("task", None)
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise whole.error("no tasks", "a task is a table under [[task]]", "add one, see docs/suites.md")
    known = set(TaskEntry.model_fields) - {"id", "prompt"}
    for key in data:
        if key not in known:
            error = unknown_name("key", key, known)
            raise whole.error(error.what, error.why, "tasks stand under [[task]]", key=key)
    starts = _starts(text, len(tasks))
    for number, task in enumerate(tasks, 1):
        line = starts[number - 1]
        place = Place(file, line, text.split("\n", line - 1)[-1])
        yield Entry(_entry({**data, **task}, place), place, number)


def _starts(text: str, n: int) -> list[int]:
    """Line numbers of the n [[task]] headers; one inside a multi-line string is none: what precedes it is no TOML."""
    lines = text.split("\n")
    found: list[int] = []
    for i, line in enumerate(lines):
        if _TABLE.match(line):
            try:
                count = len(tomllib.loads("\n".join(lines[: i + 1])).get("task", ()))
            except tomllib.TOMLDecodeError:
                continue
            if count == len(found) + 1:
                found.append(i + 1)
    return found + [1] * (n - len(found))  # tasks written in another way, as an array of inline tables


def _lines(file: Path, text: str) -> Iterator[Entry]:
    number = 0
    for at, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        number += 1
        place = Place(file, at, "")
        try:
            task = json.loads(line)
        except (ValueError, RecursionError) as e:
            raise place.error("this is no JSON", str(e), "one task is one line") from None
        if not isinstance(task, dict):
            raise place.error("this is no task", f"it is a {type(task).__name__}, not an object", "see docs/suites.md")
        yield Entry(_entry(task, place), place, number)


def _entry(task: Mapping[str, Any], place: Place) -> TaskEntry:
    try:
        return TaskEntry.model_validate(_plain(dict(task)))
    except ValidationError as e:
        first = min(e.errors(), key=lambda error: error["type"] != "extra_forbidden")
        key = str(first["loc"][0])
        where = ".".join(str(part) for part in first["loc"] if part not in _UNIONS)
        if first["type"] == "extra_forbidden":
            fields = TaskEntry.model_fields if len(first["loc"]) == 1 else CallEntry.model_fields
            error = unknown_name("key", str(first["loc"][-1]), fields)
            raise place.error(error.what, error.why, "mend that key", key=key) from None
        if first["type"] == "missing":
            raise place.error(f"{where} is missing", "", f"add {where}") from None
        said = first["msg"][0].lower() + first["msg"][1:]
        raise place.error(f"bad {where}", said, "see docs/suites.md", key=key) from None


_UNIONS = {"constrained-str", "str", "int", "float", "list[union[constrained-str,int,float]]", "list[str]"}


def _plain(value: Any) -> Any:
    """TOML's dates as text, as they stand in worlds and calls."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value
