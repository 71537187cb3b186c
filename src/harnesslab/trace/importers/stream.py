"""JSON files of any size, one record at a time, and on past what is not JSON.

A record is an element of the outer array, a line of a JSON-lines file, or a value of the outer object; of some keys of
the outer object each element of the array is a record. Only brackets and strings are looked at to find where a record
ends, so one that is not JSON inside costs itself only. Memory is bounded by the largest record.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from harnesslab.errors import UserError
from harnesslab.trace.events import loads
from harnesslab.trace.importers.problems import Problems

CHUNK = 1 << 20
LONGEST = 1 << 26  # bytes of one record; beyond, the file is cut or not what it seems

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
# A string, a sign of structure, or a quote whose string is not complete yet.
_SHALLOW = re.compile(_STRING + rb'|[{}\[\],:"]', re.DOTALL)
# Everything up to the next bracket, or to a quote whose string is not complete yet.
_DEEP = re.compile(rb'(?:[^"{}\[\]]++|' + _STRING + rb')*+([{}\[\]"])', re.DOTALL)

Layout = Literal["array", "object", "lines", "nothing"]


@dataclass(frozen=True, slots=True)
class Record:
    """One value, where it begins (from 1), and the key of the outer object that it stands under, else ""."""

    value: Any
    line: int
    key: str = ""

    @property
    def place(self) -> str:
        return f"line {self.line}"


def opened(path: Path) -> BinaryIO:
    """The file, for reading, past a byte order mark.

    Raises:
        UserError: it cannot be read.
    """
    try:
        file = path.open("rb")
    except OSError as e:
        raise UserError(f"cannot read {path}", e.strerror or str(e)) from e
    if file.read(3) != b"\xef\xbb\xbf":
        file.seek(0)
    return file


def layout(path: Path) -> Layout:
    """How the file is laid out, by its beginning: JSON lines if its first line is a whole value and more follows."""
    with opened(path) as file:
        first = file.readline(LONGEST)
        while first and not first.strip():
            first = file.readline(LONGEST)
        start = first.strip()[:1]
        if not start:
            return "nothing"
        if start not in b"[{":
            return "lines"
        more = file.read(CHUNK)
        if more.strip() and first.endswith(b"\n"):
            try:
                loads(first)
                return "lines"
            except (ValueError, RecursionError):
                pass
        return "array" if start == b"[" else "object"


def records(path: Path, problems: Problems, split: Collection[str] = ()) -> Iterator[Record]:
    """Every record of a file, in order; what cannot be read goes to `problems`.

    Args:
        split: keys of the outer object whose array's elements are records of their own.
    """
    match layout(path):
        case "nothing":
            return
        case "lines":
            with opened(path) as file:
                yield from _lines(file, path, problems)
        case _:
            with opened(path) as file:
                yield from _Splitter(file, path, problems, split).records()


def whole(path: Path, problems: Problems) -> dict[str, Any]:
    """The outer object of a file, entire."""
    return {r.key: r.value for r in records(path, problems)}


def _lines(file: BinaryIO, path: Path, problems: Problems) -> Iterator[Record]:
    number = 0
    while line := file.readline(LONGEST):
        number += 1
        if not line.strip():
            continue
        if len(line) == LONGEST:
            problems.skip(f"longer than {LONGEST >> 20} MB", f"{path.name} line {number}")
            while line and not line.endswith(b"\n"):
                line = file.readline(LONGEST)
            continue
        value, why = _value(line)
        if why:
            problems.skip(why, f"{path.name} line {number}")
        else:
            yield Record(value, number)


def _value(text: bytes) -> tuple[Any, str]:
    """(value, "") or (None, why it is none)."""
    try:
        return loads(text), ""
    except (ValueError, RecursionError) as e:
        return None, f"not JSON: {_reason(e)}"


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error).split(":")[0].lower() or "unreadable"


class _Splitter:
    """Finds the records of one JSON array or object.

    `level` is the depth whose commas part records: 1, or 2 inside an array that is split. `buffer[start:]` is the
    record being read; it begins on line `line`.
    """

    def __init__(self, file: BinaryIO, path: Path, problems: Problems, split: Collection[str]) -> None:
        self._file, self._path, self._problems, self._split = file, path, problems, split
        self._buffer = b""
        self._pos = self._start = self._counted = 0
        self._line = 1
        self._depth, self._level = 0, 1
        self._is_object = False
        self._key: str | None = None  # of the value being read; None: a key comes next
        self._valued = False  # a key's colon has been read
        self._over = False

    def records(self) -> Iterator[Record]:
        while self._more():
            yield from self._scan()
            if self._over:
                break
        rest = self._buffer[self._start :]
        if self._over:
            rest = self._buffer[self._pos :] + self._file.read(CHUNK)
            if rest.strip():
                self._problems.skip("text after the end of the JSON value", self._place(self._pos))
        elif len(rest) > LONGEST:
            self._problems.skip(f"longer than {LONGEST >> 20} MB, given up", self._place(self._start))
        else:
            yield from self._cut(rest)

    def _cut(self, rest: bytes) -> Iterator[Record]:
        """The end of a file that stops in the middle: its last record may be whole."""
        end = self._place(len(self._buffer) - len(rest.lstrip()))
        value, why = _value(rest) if rest.strip() else (None, "")
        if why or (self._headless and rest.strip()):
            self._problems.skip("the file ends inside this record", end)
            return
        self._problems.remark("the file ends without its closing bracket", end)
        if rest.strip() and self._depth:
            yield Record(value, self._line, self._key or "")

    @property
    def _headless(self) -> bool:
        """Whether what is being read stands under no key, in an object."""
        return self._is_object and not self._valued

    def _more(self) -> bool:
        """Reads on, keeping the record in progress; as much as is kept, so that long records are not read often."""
        kept = len(self._buffer) - self._start
        if kept > LONGEST:
            return False
        data = self._file.read(max(CHUNK, kept))
        if not data:
            return False
        self._at(self._start)
        self._buffer = self._buffer[self._start :] + data
        self._pos -= self._start
        self._counted -= self._start
        self._start = 0
        return True

    def _at(self, offset: int) -> int:
        """The line of a position; positions are asked for in rising order."""
        self._line += self._buffer.count(b"\n", self._counted, offset)
        self._counted = max(self._counted, offset)
        return self._line

    def _place(self, offset: int) -> str:
        return f"{self._path.name} line {self._at(offset)}"

    def _scan(self) -> Iterator[Record]:
        """Takes the buffer apart as far as it goes."""
        while not self._over:
            deep = self._depth > self._level
            found = _DEEP.match(self._buffer, self._pos) if deep else _SHALLOW.search(self._buffer, self._pos)
            if found is None:
                if not deep:
                    self._pos = max(self._pos, len(self._buffer))
                return
            token = found[1] if deep else found[0]
            if token == b'"':
                self._pos = found.start(1) if deep else found.start()
                return
            self._pos = found.end()
            at = found.end() - len(token)
            if token[:1] == b'"':
                self._name(token)
            elif token in b"{[":
                self._open(token, at)
            elif token in b"}]":
                yield from self._close(at)
            elif token == b",":
                yield from self._emit(at)
                if self._is_object and self._level == 1:
                    self._key, self._valued = None, False
            elif self._is_object and self._level == 1 and self._depth == 1:
                self._start, self._valued = self._pos, True

    def _name(self, token: bytes) -> None:
        if self._is_object and self._depth == 1 and self._key is None:
            value, why = _value(token)
            self._key = value if not why else token.decode(errors="replace")

    def _open(self, token: bytes, at: int) -> None:
        self._depth += 1
        if self._depth == 1:
            self._is_object = token == b"{"
            self._start = self._pos
        elif (
            self._depth == 2
            and self._level == 1
            and token == b"["
            and self._is_object
            and self._key in self._split
            and not self._buffer[self._start : at].strip()
        ):
            self._level = 2
            self._start = self._pos

    def _close(self, at: int) -> Iterator[Record]:
        if self._depth == self._level:
            yield from self._emit(at)
            self._level = 1
        self._depth -= 1
        self._over = self._depth <= 0

    def _emit(self, end: int) -> Iterator[Record]:
        text = self._buffer[self._start : end]
        begin = self._start + len(text) - len(text.lstrip())
        self._start = self._pos
        if not text.strip():
            return
        line = self._at(begin)
        value, why = _value(text) if not self._headless else (None, "not JSON: a key without a value")
        if why:
            self._problems.skip(why, f"{self._path.name} line {line}")
        else:
            yield Record(value, line, self._key or "")
