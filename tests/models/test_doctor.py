from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harnesslab.cli.doctor import gpu_hint, mend, nvidia_gpus, run_checks


def test_every_check_reports_and_none_is_broken_here(cache: Path) -> None:
    checks = {check.name: check for check in run_checks()}
    assert set(checks) >= {"python", "packages", "llama.cpp", "NVIDIA GPU", "cores", "cache", "models"}
    assert [c for c in checks.values() if c.state == "broken"] == []
    assert "llama-cpp-python" in checks["llama.cpp"].text
    assert str(cache) in checks["cache"].text


def test_exit_0_and_80_columns(cache: Path) -> None:
    doctor = [sys.executable, "-c", "from harnesslab.cli import run; raise SystemExit(run(['doctor']))"]
    done = subprocess.run(doctor, capture_output=True, text=True, env=os.environ | {"COLUMNS": "80"}, check=False)
    assert done.returncode == 0, done.stderr
    table = done.stdout.split("\n\n")[0]
    assert max(map(len, table.splitlines())) <= 80


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine has an NVIDIA driver")
def test_without_a_driver_there_is_a_reason_and_no_hint() -> None:
    gpus, why = nvidia_gpus()
    assert gpus == []
    assert why
    assert gpu_hint() is None


def test_a_bad_models_toml_is_one_line_of_the_report(cache: Path) -> None:
    own = Path(os.environ["HARNESSLAB_MODELS"])
    own.parent.mkdir(parents=True)
    own.write_text("[oops")
    models = next(check for check in run_checks() if check.name == "models")
    assert models.state == "broken"
    assert "not valid TOML" in models.text


def test_an_idle_gpu_comes_with_the_command_that_mends_it() -> None:
    said = mend("RTX 4090", "0.3.36", has_compiler=False)
    assert "RTX 4090 stands idle" in said
    assert "nvcc" in said
    command = said.splitlines()[-1]
    assert command.startswith('CMAKE_ARGS="-DGGML_CUDA=on" ')
    assert command.endswith("--no-binary llama-cpp-python llama-cpp-python==0.3.36")
    assert "nvcc" not in mend("RTX 4090", "0.3.36", has_compiler=True)
