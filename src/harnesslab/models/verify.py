"""Whether a file is the file somebody named: sha256, remembered by path, size and time of change."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path

from harnesslab.errors import UserError
from harnesslab.models.progress import Meter
from harnesslab.paths import cache_dir

CHUNK = 1 << 22
TELL = 1 << 30  # hashing more than this takes seconds, so it is shown


def digest(path: Path, *, progress: bool = False) -> str:
    """sha256 of a file, 64 hex digits. A file hashed before, with size and time unchanged, is not read again."""
    key, stat = str(path.resolve()), path.stat()
    known = _remembered().get(key)
    if known and known[:2] == [stat.st_size, stat.st_mtime_ns]:
        return str(known[2])
    h = hashlib.sha256()
    with (
        path.open("rb") as file,
        Meter(f"checking {path.name}", stat.st_size, progress and stat.st_size > TELL) as meter,
    ):
        while chunk := file.read(CHUNK):
            h.update(chunk)
            meter.advance(len(chunk))
    _remember(key, [stat.st_size, stat.st_mtime_ns, h.hexdigest()])
    return h.hexdigest()


def matches(path: Path, sha256: str, n_bytes: int = 0, *, progress: bool = False) -> bool:
    """Whether the file has the stated length (0: not stated) and hash; the length is looked at first."""
    if n_bytes and path.stat().st_size != n_bytes:
        return False
    return digest(path, progress=progress) == sha256.lower()


def rename(path: Path, target: Path, *, progress: bool = False) -> None:
    """Renames a file together with what is known of it."""
    sha256, stat = digest(path, progress=progress), path.stat()
    os.replace(path, target)
    _remember(str(target.resolve()), [stat.st_size, stat.st_mtime_ns, sha256])


def mismatch(path: Path, sha256: str, n_bytes: int) -> UserError:
    size = path.stat().st_size
    if n_bytes and size != n_bytes:
        why = f"it has {size:,} bytes, models.toml states {n_bytes:,}"
    else:
        why = f"its sha256 is {digest(path)}, models.toml states {sha256}"
    return UserError(
        f"{path} is not the file models.toml names",
        f"{why}; nothing was deleted",
        f"move it away to have it fetched, or use it as it is: harnesslab models add NAME {path}",
    )


def _store() -> Path:
    return cache_dir() / "verified.json"


def _remembered() -> dict[str, list[int | str]]:
    try:
        known = json.loads(_store().read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _remember(key: str, entry: list[int | str]) -> None:
    """Best effort: where the cache cannot be written the file is simply hashed again."""
    with contextlib.suppress(OSError):
        known = {k: v for k, v in _remembered().items() if os.path.exists(k)} | {key: entry}
        _store().parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=_store().parent, prefix="verified-", suffix=".tmp")
        with os.fdopen(handle, "w") as file:
            json.dump(known, file, indent=1)
        os.replace(name, _store())
