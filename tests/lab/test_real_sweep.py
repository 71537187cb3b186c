"""A sweep of a real model: it ends, resumes, and loses nothing when its worker is killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from harnesslab import config
from harnesslab.lab.sweep import Options, run_sweep
from harnesslab.plan import Plan, make_plan
from harnesslab.store.sqlite import Store

pytestmark = pytest.mark.model

TEXT = """
name = "real"
models = ["smollm2-135m"]
suites = [{ name = "orders", n = 3 }]
seed = 1
concurrency = 2
[harness.abort]
layers = ["abort"]
[harness.loop]
layers = []
[sampling]
temperature = 0
max_tokens = 24
[budget]
turns = 2
"""


def real_plan() -> Plan:
    return make_plan(config.parse(TEXT, Path("real.toml")))


def test_killing_the_worker_loses_no_trial(tmp_path: Path, smollm2: Path) -> None:
    killed: list[int] = []

    def kill_first_worker() -> None:
        while not killed:
            for child in psutil.Process().children():
                if any("harnesslab.engine.worker" in part for part in child.cmdline()):
                    time.sleep(2.0)  # into loading or the first replies
                    os.kill(child.pid, signal.SIGKILL)
                    killed.append(child.pid)
                    return
            time.sleep(0.02)

    killer = threading.Thread(target=kill_first_worker, daemon=True)
    killer.start()
    plan = real_plan()
    result = run_sweep(plan, tmp_path, options=Options(show=False))
    assert killed
    assert (result.finished, result.missing, result.problems) == (len(plan.trials), 0, [])
    with Store.open(tmp_path, readonly=True) as store:
        assert store.done() == {t.id for t in plan.trials}
        events = store.columns().events
        build = store.runs()[0]["facts"]["build"]
    assert (events["generated"] > 0).any()
    assert build.startswith("llama-cpp-python ")
    assert run_sweep(real_plan(), tmp_path, options=Options(show=False)).finished == 0
