"""The grading benchmark runs, and no operation of the world grows with the table it stands on."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_grades_are_cheap_and_do_not_grow_with_the_table() -> None:
    command = [sys.executable, "-m", "benchmarks.grade", "--grades", "500", "--sizes", "300", "30000"]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True).stdout
    figures = {name: float(value) for name, value in re.findall(r"^(\w+)=([0-9.]+)$", out, flags=re.M)}
    assert figures["grades_per_second"] >= 1_000
    for name in ("snapshot", "restore", "digest", "write"):
        assert figures[f"growth_{name}"] < 5, "the table is 100 times as large"
