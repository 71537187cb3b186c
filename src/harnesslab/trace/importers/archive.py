"""Zip archives whose members are compressed by Zstandard (method 93), as Inspect's `.eval` files are.

Python reads them from 3.14 on; before, `backports.zstd` brings that very code.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from harnesslab.errors import UserError


def members(path: Path) -> tuple[list[str], Callable[[str, int], bytes]]:
    """(names, read): `read(name, limit)` gives a member's bytes, or raises ValueError beyond `limit` of them.

    Raises:
        UserError: it is no zip archive.
    """
    zip, faults = _zipfile()
    try:
        archive = zip.ZipFile(path)
    except (OSError, zip.BadZipFile) as e:
        raise UserError(f"cannot read {path}", f"it is no .eval archive: {e}") from e

    def read(name: str, limit: int) -> bytes:
        try:
            with archive.open(name) as member:
                data: bytes = member.read(limit + 1)
        except faults as e:
            raise ValueError(str(e)) from e
        if len(data) > limit:
            raise ValueError(f"longer than {limit >> 20} MB")
        return data

    return archive.namelist(), read


def _zipfile() -> tuple[Any, tuple[type[Exception], ...]]:
    """The module, and what it raises for a damaged member."""
    own = sys.version_info >= (3, 14)
    zip: Any = import_module("zipfile" if own else "backports.zstd.zipfile")
    zstd: Any = import_module("compression.zstd" if own else "backports.zstd")
    return zip, (zip.BadZipFile, zlib.error, zstd.ZstdError, NotImplementedError, RuntimeError, OSError, EOFError)
