"""A sweep's trials as OTLP JSON lines, one trial a line, written as they are read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from harnesslab.errors import UserError
from harnesslab.store.columns import Columns
from harnesslab.store.rows import trial_row
from harnesslab.store.sqlite import Store
from harnesslab.trace.events import unpack_payloads
from harnesslab.trace.otlp import Recorded, to_line

_SAMPLING = ("temperature", "top_p", "top_k", "max_tokens")


def write_otlp(store: Store, path: Path) -> Path:
    """Writes every stored trial, missing ones too; returns the path.

    Raises:
        UserError: the file cannot be written.
    """
    columns, ids = store.columns_and_ids()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for i, id in enumerate(ids):
                file.write(to_line(_recorded(store, columns, i, id)) + b"\n")
    except OSError as e:
        raise UserError(f"cannot write {path}", e.strerror or str(e), "give another file with --out") from e
    return path


def _recorded(store: Store, columns: Columns, i: int, id: str) -> Recorded:
    text, trial = store.trial(id), columns.trials[i]
    facts: Any = columns.cells[trial["cell"]].facts
    sampling: Any = facts.get("sampling", {})
    seconds = float(trial["seconds"])
    return Recorded(
        id=id,
        row=trial_row(columns, i, id),
        events=columns.events[columns.offsets[i] : columns.offsets[i + 1]],
        payloads=unpack_payloads(text.payload) if text.payload else (),
        layers=columns.layers,
        asked=(str(text.task_facts.get("system", "")), str(text.task_facts.get("prompt", ""))),
        tools=tuple(text.task_facts.get("tools", ())),
        started=float(trial["started"]),
        seconds=0.0 if math.isnan(seconds) else seconds,
        sampling={name: sampling[name] for name in _SAMPLING if sampling.get(name) is not None},
    )
