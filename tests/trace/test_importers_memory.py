"""Importing needs memory for the packed events and for one record, whatever the size of the file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import foreign_files as files
import pytest
from test_otlp_foreign import export, otlp_span, spans

# Scores a small file first, so that compilers and libraries are in memory, then the large one. The peak of a process
# never falls, so what the large file needed is the difference.
PROGRAM = """
import resource, sys
from pathlib import Path
from harnesslab.lab.foreign import score_path
small, large, format = sys.argv[1:]
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
score_path(Path(small), format, "drop")
before = peak()
found = score_path(Path(large), format, "drop")
print(found.trials, peak() - before, peak())
"""


def grow(path: Path, megabytes: float, format: str) -> tuple[Path, int]:
    """A file of this size and the number of its trials; every trial is about 28 kB, as real ones are."""
    size = trials = 0
    with path.open("w", encoding="utf-8") as file:
        file.write("[" if format == "tau-bench" else "")
        while size < megabytes * 1e6:
            comma = "," if format == "tau-bench" and trials else ""
            text = comma + record(trials, format) + "\n"
            size += file.write(text)
            trials += 1
        file.write("]" if format == "tau-bench" else "")
    return path, trials


def record(number: int, format: str) -> str:
    if format == "otlp":
        found = [otlp_span(number + 1, i, s, "gen_ai") for i, s in enumerate(spans(number + 1, "gen_ai"))]
        for span in found:
            span["attributes"].append({"key": "input.value", "value": {"stringValue": "x" * 3500}})
        return json.dumps(export(found))
    trial: dict[str, Any] = files.tau_trial(number % 500, number // 500, number % 3 == 0)
    turns = files.conversation(number % 500, True)[2:6]
    messages = [*trial["traj"][:2], *turns * 9, *trial["traj"][2:]]
    trial["traj"] = [{**m, "content": (m["content"] or "") + " as the rules say" * 30} for m in messages]
    return json.dumps(trial if format == "tau-bench" else files.openai_line(trial))


def growth(tmp_path: Path, megabytes: float, format: str) -> float:
    small, _ = grow(tmp_path / "small.json", 0.2, format)
    large, trials = grow(tmp_path / "large.json", megabytes, format)
    try:
        command = [sys.executable, "-c", PROGRAM, str(small), str(large), format]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=900)
    finally:
        large.unlink()
    read, grew, _ = done.stdout.split()
    assert int(read) == trials
    return float(grew)


@pytest.mark.parametrize("format", ["tau-bench", "openai", "otlp"])
def test_a_file_of_20_mb_needs_little(tmp_path: Path, format: str) -> None:
    assert growth(tmp_path, 20, format) < 20


@pytest.mark.slow
@pytest.mark.parametrize("format", ["tau-bench", "openai", "otlp"])
def test_a_file_of_300_mb_needs_less_than_300(tmp_path: Path, format: str) -> None:
    assert growth(tmp_path, 300, format) < 150
