"""CPU time and resident memory of this process and its children, the model workers."""

from __future__ import annotations

import time

import psutil

_REFRESH = 5.0  # seconds between looks for new children, which is a walk over all processes


class ProcessTree:
    """Readings of a process and its descendants."""

    def __init__(self, pid: int | None = None) -> None:
        self._root = psutil.Process(pid)
        self._tree = [self._root]
        self._looked = -_REFRESH
        self._cpu: dict[int, float] = {}
        self._read_at = time.perf_counter()

    def read(self) -> tuple[float, int]:
        """CPU use since the last reading, in percent of one core, and resident bytes now.

        Memory that processes share is counted in each of them.
        """
        now = time.perf_counter()
        if now - self._looked >= _REFRESH:
            self._looked = now
            self._tree = [self._root, *self._children()]
        spent, resident, seen = 0.0, 0, {}
        for process in self._tree:
            try:
                with process.oneshot():
                    times, rss = process.cpu_times(), process.memory_info().rss
            except psutil.Error:
                continue
            total = times.user + times.system
            seen[process.pid] = total
            resident += rss
            if process.pid in self._cpu:
                spent += max(0.0, total - self._cpu[process.pid])
        percent = 100.0 * spent / max(now - self._read_at, 1e-9)
        self._cpu, self._read_at = seen, now
        return percent, resident

    def _children(self) -> list[psutil.Process]:
        try:
            return self._root.children(recursive=True)
        except psutil.Error:
            return []
