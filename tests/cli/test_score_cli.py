"""`harnesslab score` and `harnesslab export` as a user meets them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS / "trace"))
import foreign_files as files  # noqa: E402

RUN = "import sys; sys.modules['llama_cpp'] = None; from harnesslab.cli import main; main()"


def harnesslab(*arguments: str, at: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments], cwd=at, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stand")
    files.write(folder / "airline-like.json", files.tau_trials())
    return folder


def test_the_published_figures_are_printed(stand: Path) -> None:
    done = harnesslab("score", "airline-like.json", at=stand)
    assert done.returncode == 0, done.stderr
    assert "airline-like.json: tau-bench (found out), 200 trials of 50 tasks" in done.stdout
    assert next(line.split()[1:] for line in done.stdout.splitlines() if line.startswith("as-recorded")) == [
        ".420",
        ".273",
        ".220",
        ".200",
    ]
    assert "First departure" in done.stdout
    assert "Not told" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_json_is_the_reports_format(stand: Path) -> None:
    done = harnesslab("score", "airline-like.json", "--from", "tau-bench", "--format", "json", at=stand)
    report = json.loads(done.stdout)
    assert report["format"] == "harnesslab-report/1"
    assert report["cells"][0]["pass_k"] == pytest.approx(list(files.PASS_K))
    assert report["cells"][0]["first_departure"]["kinds"]["arguments"] == 116
    assert report["cells"][0]["budget"]["tokens_per_success"]["value"] is None
    assert report["source"] == {
        "path": "airline-like.json",
        "format": "tau-bench",
        "detected": False,
        "not_read": 0,
        "notes": [],
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["score", "nowhere.json"], "no file or folder nowhere.json"),
        (["score", "nowhere.json", "--from", "openai"], "cannot read nowhere.json"),
        (["score", "text.json"], "in no format that is known"),
        (["score", "text.json", "--from", "tau2"], "no trial of text.json could be read as tau2"),
        (["score", "text.json", "--from", "inspect"], "no trial of text.json could be read as inspect"),
        (["score", "text.json", "--from", "harnesslab"], "no sweep in"),
        (["score", "text.eval"], "cannot read text.eval"),
        (["score", "odd.parquet"], "no trials.parquet"),
        (["export", "nothing"], "unknown sweep 'nothing'"),
    ],
)
def test_every_mistake_is_one_line(stand: Path, arguments: list[str], says: str) -> None:
    for name in ("text.json", "text.eval", "odd.parquet"):
        (stand / name).write_text("once upon a time")
    done = harnesslab(*arguments, at=stand)
    assert done.returncode == 2, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    assert says in lines[0]
