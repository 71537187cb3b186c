"""The sampler thread: one reading a second of processor, memory, GPUs and energy, and the bill for every trial.

A reading costs a few milliseconds; the summary says what all of them took. Times are those of `time.perf_counter`.
"""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from harnesslab.telemetry.hardware import hardware
from harnesslab.telemetry.ledger import EnergyLedger
from harnesslab.telemetry.meters import Gpu, Meter, find_gpus, find_meters
from harnesslab.telemetry.processes import ProcessTree

__all__ = ["Telemetry", "hardware"]

_KEPT = 0.25  # seconds between the readings that are kept for `joules`
_FRESH = 0.02  # seconds for which an energy reading is good enough to bill a trial with


class Telemetry:
    """Measures from `start` to `stop`. Safe to call from any thread.

    Args:
        period: seconds between readings.
        meters: energy meters; what this machine has by default.
    """

    def __init__(self, period: float = 1.0, meters: Sequence[Meter] | None = None) -> None:
        self._period = period
        self._gpus: tuple[Gpu, ...]
        self._gpus, self.gpu_reason = find_gpus()
        self._meters, self.energy_reason = find_meters(self._gpus) if meters is None else (tuple(meters), "")
        self._tree = ProcessTree()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._ledger = EnergyLedger()
        self._offsets: list[float] = []
        self._by_meter: list[float] = []
        self._read_at = -math.inf
        self._times: list[float] = []  # of energy readings
        self._totals: list[float] = []  # joules at these times
        self._cpu: list[float] = []
        self._rss = 0
        self._watts: list[list[float]] = [[] for _ in self._gpus]
        self._vram: list[float] = []
        self._vram_before: list[float] = []
        self._began = self._ended = 0.0
        self._took = 0.0

    def start(self) -> None:
        """Takes the first reading and goes on in a thread of its own."""
        self._began = time.perf_counter()
        first = [(meter, meter.joules()) for meter in self._meters]
        answering = [(meter, joules) for meter, joules in first if not math.isnan(joules)]
        self._meters = tuple(meter for meter, _ in answering)
        self._offsets = [joules for _, joules in answering]
        self._by_meter = [0.0] * len(self._meters)
        self._vram_before = [gpu.vram_used() for gpu in self._gpus]
        self._vram = list(self._vram_before)
        self._tree.read()
        with self._lock:
            self._read_energy()
        self._thread = threading.Thread(target=self._run, name="harnesslab-telemetry", daemon=True)
        self._thread.start()

    def stop(self) -> dict[str, Any]:
        """Takes the last reading and returns the summary, JSON-able: None where nothing measures a thing.

        Keys: seconds, samples, sampling_seconds; cpu_percent_mean and _max (of one core), rss_bytes_max; gpus (a list
        of name, vram_bytes_before, vram_bytes_max, watts_mean) or gpu_reason; joules, joules_attributed, joules_idle,
        joules_by_meter, or energy_reason.
        """
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._sample()
        self._ended = time.perf_counter()
        return self._summary()

    # --- energy ------------------------------------------------------------------------------------------------------

    def begin(self) -> float:
        """A trial begins; returns the mark that its `end` needs."""
        with self._lock:
            self._refresh_energy()
            return self._ledger.begin()

    def end(self, mark: float) -> float:
        """A trial ends; returns the joules attributed to it, nan where nothing measures energy.

        Attribution: energy between two readings is split equally over the trials alive then; see `ledger`.
        """
        with self._lock:
            self._refresh_energy()
            joules = self._ledger.end(mark)
        return joules if self._meters else math.nan

    def joules(self, start: float, end: float) -> float:
        """Joules of the whole machine between two times, interpolated; nan where nothing measures them."""
        if not self._meters or end < start:
            return math.nan
        with self._lock:
            if self._times and end > self._times[-1]:
                self._refresh_energy()
            return self._total_at(end) - self._total_at(start)

    def _total_at(self, when: float) -> float:
        times, totals = self._times, self._totals
        i = bisect_left(times, when)
        if i == 0:
            return totals[0] if totals else math.nan
        if i == len(times):
            return totals[-1]
        part = (when - times[i - 1]) / (times[i] - times[i - 1])
        return totals[i - 1] + part * (totals[i] - totals[i - 1])

    def _refresh_energy(self) -> None:
        if self._meters and time.perf_counter() - self._read_at >= _FRESH:
            self._read_energy()

    def _read_energy(self) -> None:
        if not self._meters:
            return
        for i, meter in enumerate(self._meters):
            joules = meter.joules() - self._offsets[i]
            if joules > self._by_meter[i]:  # also false for nan: a meter that died keeps its last reading
                self._by_meter[i] = joules
        self._read_at = time.perf_counter()
        self._ledger.read(math.fsum(self._by_meter))
        if len(self._times) > 1 and self._times[-1] - self._times[-2] < _KEPT:
            self._times[-1], self._totals[-1] = self._read_at, self._ledger.total
        else:
            self._times.append(self._read_at)
            self._totals.append(self._ledger.total)

    # --- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.wait(self._period):
            self._sample()

    def _sample(self) -> None:
        started = time.perf_counter()
        percent, rss = self._tree.read()
        with self._lock:
            self._cpu.append(percent)
            self._rss = max(self._rss, rss)
            for i, gpu in enumerate(self._gpus):
                self._watts[i].append(gpu.power())
                self._vram[i] = max(self._vram[i], gpu.vram_used())
            self._read_energy()
            self._took += time.perf_counter() - started

    def _summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = {
            "seconds": self._ended - self._began,
            "samples": len(self._cpu),
            "sampling_seconds": self._took,
            "cpu_percent_mean": math.fsum(self._cpu) / len(self._cpu),
            "cpu_percent_max": max(self._cpu),
            "rss_bytes_max": self._rss,
            "gpus": [
                {
                    "name": gpu.name,
                    "vram_bytes_before": _known(self._vram_before[i]),
                    "vram_bytes_max": _known(self._vram[i]),
                    "watts_mean": _known(_mean(self._watts[i])),
                }
                for i, gpu in enumerate(self._gpus)
            ],
            "joules": _known(self._ledger.total if self._meters else math.nan),
            "joules_attributed": _known(self._ledger.attributed if self._meters else math.nan),
            "joules_idle": _known(self._ledger.idle if self._meters else math.nan),
            "joules_by_meter": {m.name: j for m, j in zip(self._meters, self._by_meter, strict=True)},
        }
        if self.gpu_reason:
            summary["gpu_reason"] = self.gpu_reason
        if self.energy_reason:
            summary["energy_reason"] = self.energy_reason
        return summary


def _mean(values: Sequence[float]) -> float:
    known = [v for v in values if not math.isnan(v)]
    return math.fsum(known) / len(known) if known else math.nan


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
