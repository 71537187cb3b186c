"""A word for each event, so that docs/metrics.md can count a trace in a line."""

from __future__ import annotations

from typing import Any

import numpy as np

from harnesslab_kernels import counts
from harnesslab_kernels import events as ev
from harnesslab_kernels.scan import Scanned, scan

Event = dict[str, Any]
COLUMNS = {value: name.lower() for name, value in vars(counts).items() if name.isupper() and name != "WIDTH"}
STATUSES = {
    "unparseable": ev.UNPARSEABLE,
    "unknown tool": ev.UNKNOWN_TOOL,
    "invalid": ev.INVALID_ARGUMENTS,
    "error": ev.TOOL_ERROR,
}


def number(text: object) -> int:
    """A name as a hash: small, distinct, never 0."""
    return int.from_bytes(str(text).encode(), "little") % (2**61 - 1) + 1


def reply(text: str = "", **fields: int) -> Event:
    status = {"": ev.OK, "answer": ev.OK}.get(text, STATUSES.get(text, ev.OK))
    return {"kind": ev.REPLY, "status": status, "flags": ev.ANSWER if text == "answer" else 0, **fields}


def call(tool: str, arguments: object = "", end: str = "", result: object = "", *, wrote: bool = False) -> list[Event]:
    """A call in a turn of its own; `end` says how it failed."""
    flags = ev.KNOWN_TOOL | ev.SCHEMA_VALID | ev.REACHED
    flags = {"unknown tool": 0, "invalid": ev.KNOWN_TOOL}.get(end, flags)
    same = {"tool": number(tool) % 2**32, "action": number((tool, arguments)), "status": STATUSES.get(end, ev.OK)}
    made = {"kind": ev.CALL, "flags": flags, "result": number((tool, arguments, end, result)), "oracle": -1, **same}
    if result:
        made["result"] = number(result)
    return [made, {"kind": ev.EXEC, "flags": ev.WROTE, **same}] if wrote else [made]


def scanned(*events: Event | list[Event], oracle: tuple[tuple[str, object], ...] = ()) -> Scanned:
    """One trial, counted."""
    flat = [e for event in events for e in (event if isinstance(event, list) else [event])]
    records = np.zeros(len(flat), dtype=ev.EVENT)
    for turn, (record, event) in enumerate(zip(records, flat, strict=True)):
        record["turn"] = turn
        for name, value in event.items():
            record[name] = value
    action = np.array([number(expected) for expected in oracle], dtype=np.uint64)
    tool = np.array([number(name) % 2**32 for name, _ in oracle], dtype=np.uint32)
    ends, task = np.array([0, len(oracle)]), np.zeros(1, dtype=np.int32)
    return scan(records, np.array([0, len(records)]), action, tool, ends, task, departures=True)


def count(*events: Event | list[Event], oracle: tuple[tuple[str, object], ...] = ()) -> dict[str, int]:
    """What one trial is counted into: the columns that are not 0, by name."""
    row = scanned(*events, oracle=oracle).counts[0]
    return {COLUMNS[i]: int(value) for i, value in enumerate(row) if value}
