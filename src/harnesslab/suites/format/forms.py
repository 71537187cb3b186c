"""Forms an answer may be asked for in: each reads the text as emitted, or says in one line why it cannot.

Nothing is mended: no code fence, no word around the answer is forgiven, only blanks at its ends. `read` gives a plain
value (what JSON can hold), and two answers are equal if their values are: keys of objects have no order, 2.0 is 2.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

_FENCE = re.compile(r"\s*```")


class Unreadable(Exception):
    """The answer does not have the form; the message says why."""


class Form(Protocol):
    """One form."""

    def read(self, text: str) -> Any:
        """The value that a text in this form holds.

        Raises:
            Unreadable: the text is not in this form.
        """
        ...

    def write(self, value: Any) -> str:
        """A text in this form that holds the value."""
        ...


@dataclass(frozen=True)
class Json:
    """JSON that fits a schema."""

    schema: Mapping[str, Any]

    def read(self, text: str) -> Any:
        _no_fence(text)
        try:
            value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_twins)
        except (ValueError, RecursionError) as e:
            raise Unreadable(f"not JSON: {e}") from None
        _fit(value, self.schema)
        return value

    def write(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Yaml:
    """YAML (1.1, as PyYAML reads it) that fits a schema. Dates are their ISO text; anchors are refused."""

    schema: Mapping[str, Any]

    def read(self, text: str) -> Any:
        _no_fence(text)
        value = _plain(_load_yaml(text))
        _fit(value, self.schema)
        return value

    def write(self, value: Any) -> str:
        import yaml

        return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True)).strip()


@dataclass(frozen=True)
class Csv:
    """RFC 4180: a header and rows of as many cells, all text; quotes only where they may stand."""

    columns: tuple[str, ...]

    def read(self, text: str) -> Any:
        _no_fence(text)
        try:
            rows = list(csv.reader(io.StringIO(text.strip(), newline=""), strict=True))
        except csv.Error as e:
            raise Unreadable(f"not CSV: {e}") from None
        if not rows or tuple(rows[0]) != self.columns:
            raise Unreadable(f"the header is not {','.join(self.columns)}")
        for i, row in enumerate(rows[1:], 2):
            if len(row) != len(self.columns):
                raise Unreadable(f"row {i} has {len(row)} cells, not {len(self.columns)}")
        return rows[1:]

    def write(self, value: Any) -> str:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([self.columns, *value])
        return text.getvalue().strip()


@dataclass(frozen=True)
class Label:
    """One of some words, letter by letter."""

    labels: tuple[str, ...]

    def read(self, text: str) -> Any:
        if text.strip() not in self.labels:
            raise Unreadable(f"not one of {', '.join(self.labels)}")
        return text.strip()

    def write(self, value: Any) -> str:
        return str(value)


@dataclass(frozen=True)
class Day:
    """A date as 2026-03-04, or a date and time as 2026-03-04T09:30."""

    time: bool = False

    def read(self, text: str) -> Any:
        said, pattern = text.strip(), r"\d{4}-\d\d-\d\dT\d\d:\d\d" if self.time else r"\d{4}-\d\d-\d\d"
        if not re.fullmatch(pattern, said, re.ASCII):
            raise Unreadable("not of the form YYYY-MM-DD" + ("THH:MM" if self.time else ""))
        try:
            datetime.fromisoformat(said)
        except ValueError as e:
            raise Unreadable(f"no date: {e}") from None
        return said

    def write(self, value: Any) -> str:
        return str(value)


@dataclass(frozen=True)
class Lines:
    """Lines that all have one pattern, without numbers, bullets or blank lines between them."""

    pattern: str

    def read(self, text: str) -> Any:
        lines = [line.rstrip() for line in text.strip().split("\n")]
        for i, line in enumerate(lines, 1):
            if not re.fullmatch(self.pattern, line):
                raise Unreadable(f"line {i} is not of the form that was asked for")
        return lines

    def write(self, value: Any) -> str:
        return "\n".join(value)


def _no_fence(text: str) -> None:
    if _FENCE.match(text):
        raise Unreadable("wrapped in a code fence")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _no_twins(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _load_yaml(text: str) -> Any:
    import yaml

    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise Unreadable("not plain YAML: it has an alias")
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as e:
        raise Unreadable(f"not YAML: {' '.join(str(e).split())[:120]}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise Unreadable(f"a {type(value).__name__} is no plain value")


def _fit(value: Any, schema: Mapping[str, Any]) -> None:
    import jsonschema_rs

    try:
        jsonschema_rs.validate(dict(schema), value)
    except jsonschema_rs.ValidationError as e:
        raise Unreadable(f"does not fit the schema: {e.message.splitlines()[0][:120]}") from None
    except ValueError as e:
        raise Unreadable(f"no plain value: {e}") from None


# --- schemas


def record(**fields: Any) -> dict[str, Any]:
    """The schema of an object with just these fields; a Python type stands for its schema."""
    properties = {name: _kind(kind) for name, kind in fields.items()}
    return {"type": "object", "properties": properties, "required": list(fields), "additionalProperties": False}


def several(kind: Any) -> dict[str, Any]:
    """The schema of a list."""
    return {"type": "array", "items": _kind(kind)}


_KINDS = {str: "string", int: "integer", float: "number", bool: "boolean"}


def _kind(kind: Any) -> Any:
    if isinstance(kind, type):
        return {"type": _KINDS[kind]}
    if isinstance(kind, tuple):
        return {"enum": list(kind)}
    return kind
