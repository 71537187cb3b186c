"""A sweep as two tables, trials and events: to Parquet, CSV and JSON lines, and back from Parquet.

One row per trial as in `rows.trial_row`; one row per event with the fields of EVENT, codes in words. Parquet goes
through polars, an extra; the others need nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harnesslab.errors import UserError
from harnesslab.store.columns import Columns
from harnesslab.store.rows import Gathering, add_row, trial_row
from harnesslab.store.sqlite import Store
from harnesslab.trace.events import dumps, unpack_payloads
from harnesslab.types import EventKind, Status
from harnesslab_kernels.events import EVENT

Format = Literal["parquet", "csv", "json"]

TRIALS, EVENTS = "trials", "events"
_SUFFIX = {"parquet": ".parquet", "csv": ".csv", "json": ".jsonl"}
_KINDS = {int(k): k.name.lower() for k in EventKind}
_STATUSES = {int(s): s.name.lower() for s in Status}
_WORDS = ("kind", "status", "layer", "tool")  # fields of EVENT that a row has in words; `tool` as `tool_hash` too
_NUMBERS = tuple(name for name in EVENT.names or () if name not in (*_WORDS, "pad"))


def write_tables(store: Store, folder: Path, format: Format) -> tuple[Path, Path]:
    """Writes both tables of a sweep into `folder`; returns their files.

    Raises:
        UserError: polars is not installed, or the folder cannot be written.
    """
    polars = _polars() if format == "parquet" else None
    columns, ids = store.columns_and_ids()
    tools = _tool_names(store, columns, ids)
    trials, events = folder / f"{TRIALS}{_SUFFIX[format]}", folder / f"{EVENTS}{_SUFFIX[format]}"
    rows = (trial_row(columns, i, id) for i, id in enumerate(ids))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if polars is not None:
            polars.DataFrame(list(rows), infer_schema_length=None).write_parquet(trials)
            polars.DataFrame(_event_columns(columns, ids, tools)).write_parquet(events)
        else:
            write = _write_csv if format == "csv" else _write_lines
            write(trials, rows)
            write(events, _event_rows(columns, ids, tools))
    except OSError as e:
        raise UserError(f"cannot write to {folder}", e.strerror or str(e), "give another folder with --out") from e
    return trials, events


def read_tables(folder: Path) -> Columns:
    """The sweep that `write_tables` wrote as Parquet.

    Raises:
        UserError: polars is not installed, a table is missing, or it is none of ours.
    """
    polars = _polars()
    paths = [folder / f"{name}.parquet" for name in (TRIALS, EVENTS)]
    for path in paths:
        if not path.is_file():
            raise UserError(f"no {path.name} in {folder}", "an export has two tables", "export the sweep again")
    try:
        trials, events = (polars.read_parquet(p) for p in paths)
        order = trials.select("trial").with_row_index("at")
        events = events.join(order, on="trial", how="left").sort("at", "index")
        lengths = np.bincount(events["at"].drop_nulls().to_numpy(), minlength=len(trials))
        packed, layers = _packed(events)
    except (polars.exceptions.PolarsError, OSError, KeyError, ValueError, TypeError) as e:
        raise UserError(
            f"the tables in {folder} cannot be read", str(e).split("\n")[0], "export the sweep again"
        ) from e
    gathering = Gathering()
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    for i, row in enumerate(trials.iter_rows(named=True)):
        add_row(gathering, row, packed[offsets[i] : offsets[i + 1]], layers)
    return gathering.columns()


def _packed(events: Any) -> tuple[NDArray[Any], tuple[str, ...]]:
    """(EVENT[m], layer names) of the table of events."""
    packed = np.zeros(len(events), dtype=EVENT)
    for name in _NUMBERS:
        packed[name] = events[name].to_numpy()
    packed["tool"] = events["tool_hash"].to_numpy()
    names = ("", *sorted(set(events["layer"].unique()) - {""}))
    for name, words in (
        ("kind", {word: code for code, word in _KINDS.items()}),
        ("status", {word: code for code, word in _STATUSES.items()}),
        ("layer", {word: code for code, word in enumerate(names)}),
    ):
        packed[name] = events[name].replace_strict(words).to_numpy()
    return packed, names


def _tool_names(store: Store, columns: Columns, ids: Sequence[str]) -> dict[int, str]:
    """Names by hash; of the payloads only those are opened that hold a tool not seen yet."""
    names = {0: ""}
    for i, id in enumerate(ids):
        events = columns.events[columns.offsets[i] : columns.offsets[i + 1]]
        if all(tool in names for tool in set(events["tool"].tolist())):
            continue
        payloads = unpack_payloads(store.trial(id).payload)
        for tool, payload in zip(events["tool"].tolist(), payloads, strict=True):
            names.setdefault(tool, str(payload.get("tool", "")))
    return names


def _event_columns(columns: Columns, ids: Sequence[str], tools: Mapping[int, str]) -> dict[str, Any]:
    """The table of events by column, without the padding."""
    lengths = np.diff(columns.offsets)
    events = columns.events
    found: dict[str, Any] = {
        "trial": np.repeat(np.array(ids, dtype=object), lengths).tolist(),
        "index": np.arange(len(events), dtype=np.int64) - np.repeat(columns.offsets[:-1], lengths),
        "kind": [_KINDS[k] for k in events["kind"].tolist()],
        "status": [_STATUSES[s] for s in events["status"].tolist()],
        "layer": [columns.layers[n] for n in events["layer"].tolist()],
        "tool": [tools.get(t, "") for t in events["tool"].tolist()],
        "tool_hash": np.ascontiguousarray(events["tool"]),
    }
    found.update({name: np.ascontiguousarray(events[name]) for name in _NUMBERS})
    return found


def _event_rows(columns: Columns, ids: Sequence[str], tools: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    for i, id in enumerate(ids):
        for index, event in enumerate(columns.events[columns.offsets[i] : columns.offsets[i + 1]]):
            yield {
                "trial": id,
                "index": index,
                "kind": _KINDS[int(event["kind"])],
                "status": _STATUSES[int(event["status"])],
                "layer": columns.layers[int(event["layer"])],
                "tool": tools.get(int(event["tool"]), ""),
                "tool_hash": int(event["tool"]),
                **{name: event[name].item() for name in _NUMBERS},
            }


def _write_csv(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer: csv.DictWriter[str] | None = None
        for row in rows:
            if writer is None:
                writer = csv.DictWriter(file, list(row))
                writer.writeheader()
            writer.writerow(row)


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("wb") as file:
        for row in rows:
            file.write(dumps(row) + b"\n")


def _polars() -> Any:
    try:
        import polars
    except ImportError as e:
        raise UserError(
            "Parquet needs polars, which is not installed", "it is an extra", "pip install 'harnesslab[parquet]'"
        ) from e
    return polars
