"""The sampler thread, on whatever machine the test runs."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harnesslab.telemetry.hardware import cpu_name
from harnesslab.telemetry.processes import ProcessTree
from harnesslab.telemetry.sampler import Telemetry, hardware


class Watch:
    """A meter that draws 50 W by the clock."""

    name = "watch"

    def joules(self) -> float:
        return 50.0 * time.perf_counter()


def test_a_machine_without_a_meter_says_why_and_reports_no_zero() -> None:
    telemetry = Telemetry(period=0.02, meters=())
    telemetry.energy_reason = "nothing here counts joules"
    telemetry.start()
    mark = telemetry.begin()
    assert math.isnan(telemetry.end(mark))
    assert math.isnan(telemetry.joules(0.0, 1.0))
    summary = telemetry.stop()
    assert summary["joules"] is None
    assert summary["joules_attributed"] is None
    assert summary["energy_reason"]
    assert bool(summary["gpus"]) != ("gpu_reason" in summary)
    assert json.loads(json.dumps(summary)) == summary


def test_overlapping_trials_share_and_the_sum_is_the_meters() -> None:
    telemetry = Telemetry(period=0.02, meters=[Watch()])
    telemetry.start()
    start = time.perf_counter()
    a = telemetry.begin()
    time.sleep(0.1)
    b = telemetry.begin()
    time.sleep(0.1)
    billed = [telemetry.end(a), telemetry.end(b)]
    end = time.perf_counter()
    time.sleep(0.05)
    summary = telemetry.stop()
    assert billed[0] > 1.5 * billed[1] > 0
    assert sum(billed) == pytest.approx(50 * (end - start), rel=0.3)
    assert telemetry.joules(start, end) == pytest.approx(50 * (end - start), rel=0.1)
    assert summary["joules"] == pytest.approx(summary["joules_attributed"] + summary["joules_idle"])
    assert summary["joules_attributed"] == pytest.approx(sum(billed))
    assert summary["joules"] == pytest.approx(50 * summary["seconds"], rel=0.2)


def test_it_sees_this_process_work_and_costs_little() -> None:
    telemetry = Telemetry(period=0.05)
    telemetry.start()
    until = time.perf_counter() + 0.4
    while time.perf_counter() < until:
        sum(range(1000))
    summary = telemetry.stop()
    assert summary["samples"] >= 3
    assert summary["cpu_percent_max"] > 10.0
    assert summary["rss_bytes_max"] > 5_000_000
    assert summary["sampling_seconds"] < 0.5 * summary["seconds"]


def test_children_are_counted() -> None:
    tree = ProcessTree()
    alone = tree.read()[1]
    code = "x = bytearray(40_000_000); print(flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        assert ProcessTree().read()[1] > alone + 30_000_000
    finally:
        child.communicate(b"\n")


def test_hardware_facts_are_json_and_name_what_is_missing(tmp_path: Path) -> None:
    facts = hardware()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["cpu"]
    assert facts["memory_bytes"] > 0
    assert bool(facts["gpus"]) != ("gpu_reason" in facts)
    assert cpu_name(tmp_path / "none")
