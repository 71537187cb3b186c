"""SQLite's complaints, said as one line of what, why and what next."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harnesslab.errors import UserError


@contextmanager
def one_line(path: Path) -> Iterator[None]:
    """Turns what SQLite or the file system raises inside into a `UserError` about `path`."""
    try:
        yield
    except sqlite3.Error as e:
        raise explain(path, e) from e
    except OSError as e:
        raise UserError(
            f"cannot use {path}", e.strerror or str(e), "give another folder with --out, or mend this one"
        ) from e


def explain(path: Path, error: sqlite3.Error) -> UserError:
    said = str(error)
    if "full" in said:
        return UserError(
            f"no room to write {path}", said, "free some space and run the same command again; finished trials are kept"
        )
    if "locked" in said or "busy" in said:
        return UserError(f"{path} is locked", "another program is writing to it", "wait for it to end, then try again")
    if "readonly" in said or "read-only" in said:
        return UserError(
            f"cannot write {path}", "the file or its folder is read-only", "give another folder with --out"
        )
    if "not a database" in said or "malformed" in said or "no such table" in said or "no such column" in said:
        return UserError(f"{path} is damaged", said, "restore it from a copy, or move it away and run the sweep again")
    return UserError(f"cannot use {path}", said, "check that the folder exists and can be written to")
