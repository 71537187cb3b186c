"""The one place that decides how kernels are compiled: cached on disk, no Python objects, parallel where it pays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def _sources() -> tuple[tuple[str, int, int], ...]:
    """Name, time and size of every file of this package."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return tuple((f.name, f.stat().st_mtime_ns, f.stat().st_size) for f in files)


SOURCES = _sources()


def _cached(dispatcher: Any) -> Any:
    """Ties a kernel's cache to every file of this package.

    Numba by itself watches the kernel's own file only, and would go on using a kernel after one of its parts, which
    stand in other files, has changed.
    """
    dispatcher._cache._cache_file._source_stamp = SOURCES
    return dispatcher


def kernel(function: F) -> F:
    """A serial kernel, called from Python."""
    return _cached(numba.njit(cache=True, nogil=True)(function))  # type: ignore[no-any-return]


def parallel_kernel(function: F) -> F:
    """A kernel that uses all cores. One iteration writes each output element, so thread count changes nothing."""
    return _cached(numba.njit(cache=True, nogil=True, parallel=True)(function))  # type: ignore[no-any-return]


def part(function: F) -> F:
    """A piece of a kernel: compiled into its callers, never called from Python on its own."""
    return numba.njit(function)  # type: ignore[no-any-return]


prange = numba.prange
