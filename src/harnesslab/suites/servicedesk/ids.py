"""How tools read what a model writes: ids without "#", in capitals; text without stray blanks."""

from __future__ import annotations

from harnesslab.suites.tools import ToolError
from harnesslab.suites.world import Row, World


def find(world: World, table: str, id: str, what: str) -> tuple[str, Row]:
    """The row, and its id as the table has it. Raises ToolError where there is none."""
    key = id.strip().lstrip("#").strip().upper()
    row = world.get(table, key)
    if row is None:
        raise ToolError(f"no {what} {id.strip()[:40]}")
    return key, row


def text(value: str, what: str) -> str:
    """Free text in one form: "12  mill lane" and "12 Mill Lane" are one street. Raises ToolError if it is empty."""
    tidy = " ".join(value.split()).strip(" .,").title()[:80]
    if not tidy:
        raise ToolError(f"no {what}")
    return tidy


def same(a: str, b: str) -> bool:
    return " ".join(a.split()).casefold() == " ".join(b.split()).casefold()
