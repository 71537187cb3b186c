"""Energy meters and GPU readings: NVML where it answers, CPU package counters (RAPL) where they may be read."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

POWERCAP = Path("/sys/class/powercap")


class Meter(Protocol):
    """Something that counts joules."""

    @property
    def name(self) -> str: ...

    def joules(self) -> float:
        """Joules since the meter was opened; nan once it no longer answers."""
        ...


class CounterMeter:
    """A hardware energy counter that may wrap around.

    Args:
        read: the counter, in joules.
        wrap: the joules at which it starts again from 0; 0 if it does not.
    """

    def __init__(self, name: str, read: Callable[[], float], wrap: float = 0.0) -> None:
        self.name = name
        self._read = read
        self._wrap = wrap
        self._last = read()
        self._total = 0.0

    def joules(self) -> float:
        try:
            now = self._read()
        except Exception:  # a driver's own error types; a meter that fails must not end a sweep
            return math.nan
        if math.isnan(now):
            return math.nan
        step = now - self._last
        if step < 0.0:
            step = step + self._wrap if self._wrap else 0.0
        self._last = now
        self._total += step
        return self._total


class PowerMeter:
    """Power integrated over time by trapezoids, for devices that have no energy counter. As good as it is often read.

    Args:
        read: the power now, in watts.
        clock: seconds.
    """

    def __init__(self, name: str, read: Callable[[], float], clock: Callable[[], float] = time.perf_counter) -> None:
        self.name = f"{name} (power integrated)"
        self._read = read
        self._clock = clock
        self._last = (clock(), read())
        self._total = 0.0

    def joules(self) -> float:
        try:
            now, power = self._clock(), self._read()
        except Exception:  # as above
            return math.nan
        if math.isnan(power):
            return math.nan
        then, before = self._last
        self._total += (now - then) * (power + before) / 2
        self._last = (now, power)
        return self._total


@dataclass(frozen=True, slots=True)
class Gpu:
    """One NVIDIA device. Every reading is nan where the driver does not offer it."""

    index: int
    name: str
    memory: int  # bytes
    handle: Any

    def vram_used(self) -> float:
        """Bytes in use on the device, by anyone."""
        return _ask(lambda nvml: nvml.nvmlDeviceGetMemoryInfo(self.handle).used)

    def power(self) -> float:
        """Watts."""
        return _ask(lambda nvml: nvml.nvmlDeviceGetPowerUsage(self.handle)) / 1e3

    def energy(self) -> float:
        """Joules since the driver was loaded."""
        return _ask(lambda nvml: nvml.nvmlDeviceGetTotalEnergyConsumption(self.handle)) / 1e3

    def meter(self) -> Meter | None:
        name = f"gpu {self.index}"
        if not math.isnan(self.energy()):
            return CounterMeter(name, self.energy)
        return None if math.isnan(self.power()) else PowerMeter(name, self.power)


def _ask(question: Callable[[Any], float]) -> float:
    import pynvml

    try:
        return float(question(pynvml))
    except pynvml.NVMLError:
        return math.nan


def find_gpus() -> tuple[tuple[Gpu, ...], str]:
    """The NVIDIA devices this process may use, or none and the reason."""
    try:
        import pynvml
    except ImportError:
        return (), "the NVML bindings (nvidia-ml-py) are not installed"
    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        found = [
            Gpu(i, _text(pynvml.nvmlDeviceGetName(h)), int(pynvml.nvmlDeviceGetMemoryInfo(h).total), h)
            for i, h in enumerate(handles)
            if visible(os.environ.get("CUDA_VISIBLE_DEVICES"), i, _text(pynvml.nvmlDeviceGetUUID(h)))
        ]
    except pynvml.NVMLError as e:
        return (), f"NVML does not answer: {e} (only NVIDIA GPUs are measured)"
    if not found:
        return (), "no NVIDIA GPU is visible to this process"
    return tuple(found), ""


def driver_version() -> str:
    """The NVIDIA driver's version, "" where there is none. Call after `find_gpus`."""
    import pynvml

    try:
        return _text(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return ""


def visible(chosen: str | None, index: int, uuid: str) -> bool:
    """Whether CUDA_VISIBLE_DEVICES leaves a device to this process; indices are taken in NVML's order."""
    if chosen is None:
        return True
    names = [name.strip() for name in chosen.split(",") if name.strip()]
    return any(name == str(index) or (len(name) > 4 and uuid.startswith(name)) for name in names)


def find_rapl(root: Path = POWERCAP) -> tuple[tuple[Meter, ...], str]:
    """A meter per CPU package, or none and the reason."""
    packages = sorted(p for p in root.glob("*-rapl:*") if p.name.count(":") == 1) if root.is_dir() else []
    if not packages:
        return (), f"no CPU energy counters: {root} has none"
    meters: list[Meter] = []
    for package in packages:
        try:
            counter = package / "energy_uj"
            label = (package / "name").read_text().strip()
            wrap = float((package / "max_energy_range_uj").read_text()) / 1e6
            meters.append(CounterMeter(f"cpu {label}", partial(_joules, counter), wrap))
        except (OSError, ValueError) as e:
            return (), f"CPU energy counters cannot be read: {e}"
    return tuple(meters), ""


def find_meters(gpus: Sequence[Gpu]) -> tuple[tuple[Meter, ...], str]:
    """Everything here that counts joules, and what is missing."""
    cpu, reason = find_rapl()
    of_gpus = [meter for gpu in gpus if (meter := gpu.meter()) is not None]
    return (*cpu, *of_gpus), reason


def _joules(counter: Path) -> float:
    return float(counter.read_text()) / 1e6


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
