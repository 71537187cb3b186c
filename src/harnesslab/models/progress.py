"""One line of progress on standard error; silent when asked to be, or when nobody watches."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Meter:
    """Bytes done of bytes in all.

    Args:
        total: bytes; 0 where not known.
        done: bytes already there, from an earlier, interrupted run.
    """

    def __init__(self, label: str, total: int, show: bool, done: int = 0) -> None:
        self._label, self._total, self._done = label, total, done
        self._show = show and sys.stderr.isatty()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Meter:
        if self._show:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

            columns = (TextColumn("{task.description}"), BarColumn(20), DownloadColumn(), TransferSpeedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self._label, total=self._total or None, completed=self._done)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self, n: int) -> None:
        if self._bar and self._task is not None:
            self._bar.advance(self._task, n)


def say(line: str, show: bool) -> None:
    """One plain line on standard error, so that standard output stays a table or JSON."""
    if show:
        print(line, file=sys.stderr, flush=True)
