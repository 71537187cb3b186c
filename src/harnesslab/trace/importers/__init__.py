"""Reads trials that other programs recorded: one file per format over one shape (`shape`), streamed (`stream`).

    detect(path) -> format          which of FORMATS a file or folder is in
    read(path, format, problems)    its trials, one at a time, as `shape.ForeignTrial`

`harnesslab score` reads the format `harnesslab` (a sweep's folder, a Parquet export) without coming here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harnesslab.errors import UserError, unknown_name

if TYPE_CHECKING:
    from harnesslab.trace.importers.problems import Problems
    from harnesslab.trace.importers.shape import Found

FORMATS = {
    "tau-bench": "tau_bench",
    "tau2": "tau2",
    "openai": "openai",
    "otlp": "otlp",
    "inspect": "inspect",
}
_SUFFIXES = (".json", ".jsonl", ".ndjson", ".eval")


def read(path: Path, format: str, problems: Problems) -> Iterator[Found]:
    """The trials of a file, or of every file of a folder.

    Raises:
        UserError: no such format, or nothing can be read there.
    """
    if format not in FORMATS:
        raise unknown_name("format", format, [*FORMATS, "harnesslab"])
    module: Any = import_module(f"harnesslab.trace.importers.{FORMATS[format]}")
    one: Callable[[Path, Problems], Iterator[Found]] = module.read
    if not path.is_dir() or (format == "tau2" and is_one_run(path)):
        yield from one(path, problems)
        return
    for file in _files(path):
        yield from one(file, problems)


def is_one_run(folder: Path) -> bool:
    """Whether a folder of tau2 files is one run: its files are single simulations, or parts of a results file."""
    from harnesslab.trace.importers.problems import Problems
    from harnesslab.trace.importers.stream import layout, records

    if (folder / "simulations").is_dir():
        return True
    first = _files(folder)[0]
    if layout(first) != "object":
        return False
    keys = (r.key for r in records(first, Problems(), ("tasks", "simulations")))
    return "simulations" not in set(keys)


def detect(path: Path) -> str:
    """The format of a file or folder, by what its first records hold.

    Raises:
        UserError: there is no such file, or it is in no format we know.
    """
    if not path.exists():
        raise UserError(f"no file or folder {path}", "", "harnesslab score PATH scores traces made elsewhere")
    if path.is_dir():
        if (path / "simulations").is_dir():
            return "tau2"
        return detect(_files(path)[0])
    if path.suffix == ".eval":
        return "inspect"
    found = _sniff(path)
    if found is None:
        raise UserError(
            f"{path} is in no format that is known",
            "its first records look like none of them",
            f"say which with --from: {', '.join([*FORMATS, 'harnesslab'])}",
        )
    return found


def _files(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.rglob("*") if p.suffix in _SUFFIXES and p.is_file())
    if not found:
        raise UserError(f"nothing to score in {folder}", f"it holds no {', '.join(_SUFFIXES)} file")
    return found


def _sniff(path: Path) -> str | None:
    from harnesslab.trace.importers.problems import Problems
    from harnesslab.trace.importers.stream import records

    keys: set[str] = set()
    split = ("tasks", "simulations", "samples", "resourceSpans")
    for n, record in enumerate(records(path, Problems(), split)):
        if record.key:
            keys.add(record.key)
        elif isinstance(record.value, list):
            return "openai"
        elif isinstance(record.value, dict):
            keys |= set(record.value)
        found = _by_keys(keys)
        if found is not None:
            return found
        if n >= 20 and not record.key:
            break
    return "openai" if _plain_chat(keys) else None


def _by_keys(keys: set[str]) -> str | None:
    if "traj" in keys or {"task_id", "reward", "info"} <= keys:
        return "tau-bench"
    if "simulations" in keys or keys & {"termination_reason", "reward_info", "agent_cost"}:
        return "tau2"
    if {"version", "eval"} <= keys or {"eval", "samples"} <= keys:
        return "inspect"
    if "resourceSpans" in keys or {"info", "data"} <= keys or keys & {"context.span_id", "context.trace_id"}:
        return "otlp"
    if {"context", "span_kind"} <= keys or {"context", "attributes"} <= keys:
        return "otlp"
    return None


def _plain_chat(keys: set[str]) -> bool:
    return "messages" in keys or {"role", "content"} <= keys
