"""The command line: fast help, one line for every mistake, and each command's output."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harnesslab.cli import COMMANDS

GRID = """
name = "grid"
models = ["qwen2.5-coder-0.5b"]
suites = [{ name = "orders", n = 6 }]
repeats = 2
[harness.abort]
layers = ["abort"]
[harness.guarded]
layers = ["validate", "retry"]
"""
WITHOUT_LLAMA = "import sys; sys.modules['llama_cpp'] = None; sys.modules['llguidance'] = None"


def harnesslab(*arguments: str, at: Path, prefix: str = "") -> subprocess.CompletedProcess[str]:
    code = f"{prefix}\nfrom harnesslab.cli import main\nmain()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=at, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stand")
    (folder / "grid.toml").write_text(GRID)
    done = harnesslab("sweep", "grid.toml", "--engine", "scripted", at=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass^1" in done.stdout
    return folder


def test_help_names_every_command_and_imports_nothing_heavy(tmp_path: Path) -> None:
    show = "import atexit, sys; atexit.register(lambda: print('MODULES', *sorted(sys.modules)))"
    done = harnesslab("--help", at=tmp_path, prefix=show)
    assert done.returncode == 0
    text, modules = done.stdout.split("MODULES")
    assert all(name in text for name in COMMANDS)
    heavy = {"numpy", "pydantic", "typer", "rich", "numba", "llama_cpp", "jinja2", "httpx", "asyncio"}
    assert not heavy & set(modules.split())


def test_help_is_fast(tmp_path: Path) -> None:
    def seconds(code: str, *arguments: str) -> float:
        took = []
        for _ in range(5):
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, check=True)
            took.append(time.perf_counter() - begun)
        return min(took)

    bare = seconds("pass")
    assert seconds("from harnesslab.cli import main; main()", "--help") < 15 * max(bare, 0.02)


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_loads_without_llama_cpp_and_explains_itself(command: str, tmp_path: Path) -> None:
    done = harnesslab(command, "--help", at=tmp_path, prefix=WITHOUT_LLAMA)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_sweeping_again_computes_nothing(swept: Path) -> None:
    done = harnesslab("sweep", "grid.toml", "--engine", "scripted", at=swept)
    assert done.returncode == 0
    assert "nothing to do: all 24 trials are stored" in done.stdout


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text(GRID)
    done = harnesslab("sweep", "grid.toml", "--engine", "scripted", "--dry-run", at=tmp_path)
    assert done.returncode == 0
    assert "24 trials: 0 stored, 24 to run" in done.stdout
    assert "orders: 6 tasks of 6 templates x 2 can hardly show any difference at p <= .05" in done.stdout
    twelve = GRID.replace("n = 6", "n = 12")
    (tmp_path / "grid.toml").write_text(twelve)
    done = harnesslab("sweep", "grid.toml", "--engine", "scripted", "--dry-run", at=tmp_path)
    assert "points of pass^1 between two arms with 80 % power at p <= .05, uncorrected (guessed:" in done.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["grid.toml"]


def test_report_works_without_llama_cpp_and_as_json(swept: Path) -> None:
    text = harnesslab("report", at=swept, prefix=WITHOUT_LLAMA)
    assert text.returncode == 0, text.stderr
    assert "guarded" in text.stdout
    assert "GPU" in text.stdout
    assert max(map(len, text.stdout.splitlines())) <= 80
    as_json = harnesslab("report", "grid-scripted", "--format", "json", at=swept, prefix=WITHOUT_LLAMA)
    report = json.loads(as_json.stdout)
    assert report["format"] == "harnesslab-report/1"
    assert report["runs"][0]["facts"]["build"] == "scripted"


def test_report_as_one_page(swept: Path) -> None:
    done = harnesslab("report", "--html", "page.html", at=swept)
    assert done.returncode == 0, done.stderr
    page = (swept / "page.html").read_text()
    assert "guarded" in page
    assert "src=" not in page
    assert "href=" not in page


def test_compare(swept: Path) -> None:
    model = "qwen2.5-coder-0.5b"
    done = harnesslab("compare", f"{model}/abort", f"{model}/guarded", at=swept)
    assert done.returncode == 0
    assert "B minus A" in done.stdout
    assert "the sweep's only harness comparison" in done.stdout
    assert "unreliable: n = 6" in done.stdout
    named = harnesslab("compare", "grid-scripted", f"{model}/abort", f"{model}/guarded", at=swept)
    assert named.stdout == done.stdout
    as_json = harnesslab("compare", f"{model}/abort", f"{model}/guarded", "--format", "json", at=swept)
    assert json.loads(as_json.stdout)["comparisons"][0]["difference"]["method"]


def test_compare_says_whether_it_was_the_model_or_the_harness(tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text(GRID.replace("]\nsuites", ', "qwen2.5-coder-1.5b"]\nsuites'))
    assert harnesslab("sweep", "grid.toml", "--engine", "scripted", at=tmp_path).returncode == 0
    done = harnesslab("compare", "qwen2.5-coder-0.5b/abort", "qwen2.5-coder-1.5b/guarded", at=tmp_path)
    assert done.returncode == 0, done.stderr
    for said in (
        "not corrected for other comparisons",
        "harness effect, abort -> guarded at qwen2.5-coder-0.5b: ",
        "model effect, qwen2.5-coder-0.5b -> qwen2.5-coder-1.5b in guarded: ",
        "interaction, for these levels: ",
    ):
        assert said in done.stdout
    one = harnesslab("compare", "qwen2.5-coder-0.5b/abort", "qwen2.5-coder-0.5b/guarded", at=tmp_path)
    assert "corrected for the sweep's 2 harness comparisons (BH)" in one.stdout


def test_what_predicts_reliability_needs_eight_cells(swept: Path) -> None:
    done = harnesslab("compare", "--predict", "grid-scripted", at=swept)
    assert done.returncode == 2
    assert "fewer than 8 cells" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_trace_lists_failed_trials_first_and_shows_one(swept: Path) -> None:
    listed = harnesslab("trace", at=swept)
    rows = [line.split() for line in listed.stdout.splitlines() if line[8:10] == "  " and line[:5] != "trial"]
    verdicts = [row[1] for row in rows]
    assert len(verdicts) == 24
    assert verdicts == sorted(verdicts)
    assert set(verdicts) == {"failed", "passed"}
    for row in (rows[0], rows[-1]):
        shown = harnesslab("trace", row[0], at=swept)
        assert shown.returncode == 0, shown.stderr
        for part in ("asked:", "model says", "turn 1", f"verdict: {row[1]}", "oracle:"):
            assert part in shown.stdout
        assert max(map(len, shown.stdout.splitlines())) <= 80
    assert harnesslab("trace", "grid-scripted", rows[0][0], at=swept).returncode == 0


def test_a_stored_trial_is_replayed_through_its_own_or_other_layers(swept: Path) -> None:
    listed = harnesslab("trace", at=swept).stdout
    cells = dict(re.findall(r"^cell (\d): \S+?/(\w+)/", listed, flags=re.M))
    rows = [line.split() for line in listed.splitlines() if line[8:10] == "  " and line[:5] != "trial"]
    failed = next(r[0] for r in rows if r[1] == "failed" and cells[r[2]] == "abort")
    own = harnesslab("trace", failed, "--replay", at=swept, prefix=WITHOUT_LLAMA)
    assert own.returncode == 0, own.stderr
    assert own.stdout == "does not depart: the same events to the end\n"
    other = harnesslab("trace", "grid-scripted", failed, "--replay", "--layers", "", at=swept)
    first, second = other.stdout.splitlines()
    assert re.match(r"departs at event \d+, turn \d+; stored: LAYER of layer abort", first)
    assert second.startswith("found: ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["swep"], "did you mean 'sweep'"),
        (["sweep", "quikstart"], "did you mean 'quickstart'"),
        (["sweep", "bad.toml"], "did you mean 'repeats'"),
        (["sweep", "broken.toml"], "is not TOML"),
        (["sweep", "grid.toml", "--model", "nobody"], "unknown model 'nobody'"),
        (["sweep", "grid.toml", "--engine", "scripted", "--out", "grid.toml"], "cannot use grid.toml"),
        (["sweep", "grid.toml", "--engine", "scripted", "--out", "/proc/nowhere"], "cannot use /proc/nowhere"),
        (["report", "nothing"], "unknown sweep 'nothing'"),
        (["report", "foreign"], "damaged"),
        (["trace", "grid-scripted", "0000"], "no single trial"),
        (["trace", "grid-scripted", "0000", "--replay"], "no single trial"),
        (["trace", "grid-scripted", "--replay"], "--replay needs a TRIAL"),
        (["trace", "grid-scripted", "0000", "--layers", "retry"], "--layers needs --replay"),
        (["trace", "grid-scripted", "0000", "--replay", "--layers", "retri"], "did you mean 'retry'"),
        (["compare", "grid-scripted", "a/b", "c/d"], "unknown cell 'a/b'"),
        (["compare", "one"], "compare takes two cells"),
        (["report", "grid-scripted", "--html", "no/such/folder/page.html"], "cannot write"),
    ],
)
def test_every_mistake_is_one_line(arguments: list[str], says: str, swept: Path) -> None:
    (swept / "bad.toml").write_text("repeet = 2\n" + GRID)
    (swept / "broken.toml").write_text("models = [")
    foreign = swept / "sweeps" / "foreign"
    foreign.mkdir(exist_ok=True)
    (foreign / "trials.sqlite").write_text("hello" * 999)
    os.utime(foreign / "trials.sqlite", (1, 1))
    done = harnesslab(*arguments, at=swept)
    assert done.returncode == 2, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    assert says in lines[0]
