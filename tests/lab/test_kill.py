"""Killing a sweep at any moment loses only trials in flight; none is run twice, none is lost."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

from sweeping import GRID, contents, plan_of, start, sweep

from harnesslab.store.sqlite import FILE, Store

TEXT = GRID.replace("repeats = 2", "repeats = 6")


def stored(folder: Path) -> set[str]:
    if not Store.exists(folder):
        return set()
    with Store.open(folder, readonly=True) as store:
        return store.done()


def test_kill_nine_ten_times_then_resume_equals_an_undisturbed_sweep(tmp_path: Path) -> None:
    planned = {t.id for t in plan_of(TEXT).trials}
    out, moments, steps = tmp_path / "out", random.Random(7), []
    for _ in range(10):
        before = stored(out)
        process = start(tmp_path, "--no-memo", delay=0.05, text=TEXT)
        _wait_for_more(out, len(before), process)
        time.sleep(moments.uniform(0.0, 0.5))
        process.kill()
        process.wait()
        after = stored(out)
        assert before <= after <= planned
        steps.append(len(after) - len(before))
    assert len(stored(out)) < len(planned), "the sweep was over before the last kill: the test proves nothing"
    assert sum(step > 0 for step in steps) >= 8
    sweep(out, TEXT)
    sweep(tmp_path / "undisturbed", TEXT)
    assert contents(out).keys() == planned
    assert contents(out) == contents(tmp_path / "undisturbed")


def test_ctrl_c_ends_cleanly_and_says_how_to_go_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start(tmp_path, delay=0.3)
    _wait_for_more(out, 3, process)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert "harnesslab sweep grid.toml --engine scripted --out out" in said
    assert not (out / f"{FILE}-wal").exists()
    kept = stored(out)
    assert 3 <= len(kept) < 72
    assert sweep(out).finished == 72 - len(kept)
    sweep(tmp_path / "undisturbed")
    assert contents(out) == contents(tmp_path / "undisturbed")


def test_a_second_ctrl_c_exits_at_once(tmp_path: Path) -> None:
    process = start(tmp_path, delay=0.3)
    _wait_for_more(tmp_path / "out", 1, process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    assert sweep(tmp_path / "out").missing == 0


def _wait_for_more(folder: Path, than: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while len(stored(folder)) <= than:
        assert process.poll() is None, process.stdout and process.stdout.read()
        assert time.monotonic() < until
        time.sleep(0.01)
