"""The built-in worlds that a task of a folder may name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harnesslab.suites import files
from harnesslab.suites.orders import tools as orders
from harnesslab.suites.orders.policy import SYSTEM
from harnesslab.suites.tools import Toolkit
from harnesslab.suites.world import World

_ROLE = "Do what is asked by calling tools, and nothing more. When all is done, answer in one short sentence."


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """One world.

    Attributes:
        tables: names, with the fields every row must have.
        as_files: the world as path -> text, for a check command.
    """

    kit: Toolkit
    system: str
    tables: Mapping[str, Mapping[str, type]] = field(default_factory=dict)
    as_files: Callable[[World], dict[str, str]] = lambda world: {}


def _texts(world: World) -> dict[str, str]:
    return {path: str((world.get("files", path) or {})["text"]) for path in world.ids("files")}


def _json(world: World) -> dict[str, str]:
    """One file per table: {id: row}."""
    tables = {table: {id: world.get(table, id) for id in world.ids(table)} for table in world.base.tables}
    return {f"{table}.json": json.dumps(rows, default=_unfrozen, indent=1) for table, rows in tables.items()}


def _unfrozen(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else sorted(value)


WORLDS: Mapping[str, BuiltIn] = {
    "files": BuiltIn(files.KIT, _ROLE, {"files": {"text": str}}, _texts),
    "orders": BuiltIn(
        orders.KIT,
        SYSTEM,
        {
            "customers": {"name": str, "email": str, "level": str, "city": str},
            "orders": {"customer": str, "item": str, "quantity": int, "status": str, "city": str},
            "payments": {"order": str, "method": str, "paid": int, "refunded": int},
            "items": {"price": int, "stock": int},
        },
        _json,
    ),
    "none": BuiltIn(Toolkit(), "Answer in one short sentence."),
}
