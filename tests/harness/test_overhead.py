"""The overhead benchmark runs, and the harness costs a small part of what a peer's does (70 to 86 ms a trajectory)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_trajectory_costs_a_few_milliseconds() -> None:
    command = [sys.executable, "-m", "benchmarks.overhead", "--trajectories", "60", "--layers", "validate,retry"]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True).stdout
    figures = dict(re.findall(r"^(\w+)=([0-9.]+)$", out, flags=re.M))
    assert set(figures) == {"ms_per_trajectory", "seconds_1000", "cpu_ms_per_trajectory"}
    assert float(figures["cpu_ms_per_trajectory"]) < 10.0
