"""Where sweeps lie, which one is meant, and that only one process works on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from harnesslab.errors import UserError, unknown_name
from harnesslab.store.sqlite import FILE, Store

ROOT = Path("sweeps")  # under the folder the user stands in


def folder_of(name: str, out: Path | None = None) -> Path:
    return out if out is not None else ROOT / name


def find_sweep(name: str | None) -> Path:
    """The folder meant by a path, by a name under ./sweeps, or by nothing: the one worked on last.

    Raises:
        UserError: there is none.
    """
    if name is not None:
        for folder in (Path(name), ROOT / name):
            if Store.exists(folder):
                return folder
            if folder.is_file() and folder.name == FILE:
                return folder.parent
    found = {p.parent.name: p.parent for p in ROOT.glob(f"*/{FILE}") if Store.exists(p.parent)}
    if name is not None:
        raise unknown_name("sweep", name, found, f"sweeps lie under {ROOT.resolve()}; or give a folder")
    if not found:
        raise UserError(f"no sweeps under {ROOT.resolve()}", "", "harnesslab sweep quickstart makes one")
    return max(found.values(), key=_worked_on)


def _worked_on(folder: Path) -> float:
    return max(p.stat().st_mtime for p in (folder / FILE, folder / f"{FILE}-wal") if p.exists())


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Holds the folder's lock; it is free again when the process ends, however it ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("a+")
    except OSError as e:
        raise UserError(f"cannot use {folder}", e.strerror or str(e), "give another folder with --out") from e
    with file:
        try:
            import fcntl
        except ImportError:  # not a POSIX system: SQLite's own lock is all there is
            yield
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            raise UserError(
                f"another sweep is working in {folder}",
                "two at once would run the same trials",
                "wait for it, or stop it; harnesslab report shows what is there meanwhile",
            ) from e
        yield
