"""What a trial is charged for energy, as the lab sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol


class EnergyMeter(Protocol):
    """`telemetry.sampler.Telemetry` is one."""

    def begin(self) -> float: ...

    def end(self, mark: float) -> float: ...


@dataclass(slots=True)
class Bill:
    """Joules attributed to one trial; nan until it has ended, and where nothing measures energy."""

    joules: float = float("nan")


@contextmanager
def billed(meter: EnergyMeter) -> Iterator[Bill]:
    """Charges what happens inside; a trial that is cancelled or fails inside stops being charged too."""
    bill = Bill()
    mark = meter.begin()
    try:
        yield bill
    finally:
        bill.joules = meter.end(mark)
