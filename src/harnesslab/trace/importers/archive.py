"""Zip archives whose members are compressed by Zstandard (method 93), as Inspect's `.eval` files are.

Python reads them from 3.14 on; before, `backports.zstd` brings that very code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from harnesslab.errors import UserError


def members(path: Path) -> tuple[list[str], Callable[[str, int], bytes]]:
    """(names, read): `read(name, limit)` gives a member's bytes, or raises ValueError: damaged, or more than `limit`.

    Raises:
        UserError: it is no zip archive.
    """
    module: Any = import_module("zipfile" if sys.version_info >= (3, 14) else "backports.zstd.zipfile")
    # Of a damaged archive zipfile and its decompressors raise whatever their parsing comes upon, of a dozen types.
    try:
        archive = module.ZipFile(path)
    except Exception as e:
        raise UserError(f"cannot read {path}", f"it is no .eval archive: {e}") from e

    def read(name: str, limit: int) -> bytes:
        try:
            with archive.open(name) as member:
                data: bytes = member.read(limit + 1)
        except Exception as e:
            raise ValueError(f"{type(e).__name__}: {e}") from e
        if len(data) > limit:
            raise ValueError(f"longer than {limit >> 20} MB")
        return data

    return archive.namelist(), read
