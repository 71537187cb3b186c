"""The examples of docs/suites.md are suites that hold every proof."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from harnesslab.suites.check import check_named
from harnesslab.suites.folder.read import TaskEntry

PAGE = Path(__file__).parents[2] / "docs" / "suites.md"


def test_the_example_works_and_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "my_suite.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert [f for f in check_named("my_suite:load", seed=1) if not f.ok] == []
    assert code.count("\n") <= 70


def test_the_folder_of_tasks_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = re.findall(r"```toml\n(# my-tasks/tasks.toml\n.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "my-tasks").mkdir()
    (tmp_path / "my-tasks" / "tasks.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert [f for f in check_named("./my-tasks", seed=1) if not f.ok] == []


def test_every_key_of_a_task_is_on_the_page() -> None:
    section = PAGE.read_text().split("## Own tasks without Python")[1].split("\n## ")[0]
    rows = "".join(line.split("|")[1] for line in section.splitlines() if line.startswith("|"))
    assert set(re.findall(r"`(\w+)`", rows)) == set(TaskEntry.model_fields)
