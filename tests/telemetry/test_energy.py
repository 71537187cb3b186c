"""Energy meters and who pays for what they read."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnesslab.telemetry.ledger import EnergyLedger
from harnesslab.telemetry.meters import CounterMeter, PowerMeter, find_rapl, visible


def test_energy_is_split_equally_over_the_trials_alive() -> None:
    ledger = EnergyLedger()
    ledger.read(10.0)  # nobody: idle
    a = ledger.begin()
    ledger.read(20.0)  # a alone: 10
    b = ledger.begin()
    ledger.read(50.0)  # both: 15 each
    assert ledger.end(a) == pytest.approx(25.0)
    ledger.read(51.0)
    assert ledger.end(b) == pytest.approx(16.0)
    ledger.read(55.0)
    assert (ledger.idle, ledger.attributed, ledger.total) == (14.0, 41.0, 55.0)


@given(st.lists(st.one_of(st.sampled_from(["begin", "end"]), st.floats(0, 100)), max_size=60))
def test_attributed_and_idle_add_up_to_the_meter(steps: list[str | float]) -> None:
    ledger, marks, billed, meter = EnergyLedger(), [], 0.0, 0.0
    for step in steps:
        if step == "begin":
            marks.append(ledger.begin())
        elif step == "end":
            if marks:
                billed += ledger.end(marks.pop(0))
        else:
            meter += float(step)
            ledger.read(meter)
    billed += sum(ledger.end(mark) for mark in marks)
    assert billed + ledger.idle == pytest.approx(meter)
    assert billed == pytest.approx(ledger.attributed)


def test_a_counter_that_wraps_goes_on_counting() -> None:
    readings = iter([90.0, 95.0, 5.0, 7.0])
    meter = CounterMeter("cpu", lambda: next(readings), wrap=100.0)
    assert [meter.joules() for _ in range(3)] == [5.0, 15.0, 17.0]


def test_a_reading_that_fails_is_nan_and_the_next_one_counts_on() -> None:
    readings = iter([1.0, math.nan, 4.0])
    meter = CounterMeter("gpu", lambda: next(readings))
    assert math.isnan(meter.joules())
    assert meter.joules() == 3.0
    assert math.isnan(meter.joules())  # the iterator is out: as a driver that went away


def test_power_is_integrated_by_trapezoids() -> None:
    watts, clock = iter([10.0, 30.0, 30.0]), iter([0.0, 1.0, 3.0])
    meter = PowerMeter("gpu 0", lambda: next(watts), lambda: next(clock))
    assert [meter.joules(), meter.joules()] == [20.0, 80.0]
    assert "integrated" in meter.name


def _package(root: Path, number: int, energy: str) -> Path:
    folder = root / f"intel-rapl:{number}"
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"package-{number}\n")
    (folder / "energy_uj").write_text(energy)
    (folder / "max_energy_range_uj").write_text("1000000000")
    return folder


def test_package_counters_are_found_and_read(tmp_path: Path) -> None:
    folder = _package(tmp_path, 0, "5000000")
    _package(tmp_path, 1, "0")
    (tmp_path / "intel-rapl:0:0").mkdir()  # a core inside the package: counted already
    meters, reason = find_rapl(tmp_path)
    assert ([m.name for m in meters], reason) == (["cpu package-0", "cpu package-1"], "")
    (folder / "energy_uj").write_text("7500000")
    assert meters[0].joules() == 2.5


def test_no_counters_is_a_reason_and_no_zero(tmp_path: Path) -> None:
    assert find_rapl(tmp_path / "none")[0] == ()
    assert "no CPU energy counters" in find_rapl(tmp_path / "none")[1]
    _package(tmp_path, 0, "not a number")
    assert find_rapl(tmp_path)[0] == ()
    assert "cannot be read" in find_rapl(tmp_path)[1]


def test_only_visible_devices_are_measured() -> None:
    assert visible(None, 0, "GPU-aaaa-1")
    assert visible("1, 0", 0, "GPU-aaaa-1")
    assert visible("GPU-aaaa", 3, "GPU-aaaa-1")
    assert not visible("1", 0, "GPU-aaaa-1")
    assert not visible("", 0, "GPU-aaaa-1")
    assert not visible("-1", 0, "GPU-aaaa-1")
