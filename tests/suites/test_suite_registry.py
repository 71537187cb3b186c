from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harnesslab.errors import UserError
from harnesslab.suites.registry import load_suite, suite_names
from harnesslab.types import Suite

HERE = Path(__file__).parent


def test_every_name_loads() -> None:
    assert "orders" in suite_names()
    for name in suite_names():
        suite = load_suite(name, seed=3, n=4)
        assert isinstance(suite, Suite)
        assert (suite.name, len(suite.tasks)) == (name, 4)


def test_a_foreign_suite_is_found_by_import_path_from_where_the_user_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_own_suite.py").write_text(
        "from harnesslab.suites.orders.suite import load\n"
        "def make(*, seed, n, split):\n    return load(seed=seed, n=n, split=split, name='mine')\n"
        "def empty(*, seed, n, split):\n    import dataclasses\n"
        "    return dataclasses.replace(make(seed=seed, n=1, split=split), tasks=())\n"
        "def wrong(*, seed, n, split):\n    return 3\n"
        "def bare(*, seed, n, split):\n    import dataclasses\n"
        "    return dataclasses.replace(make(seed=seed, n=1, split=split), tasks=('a task',))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert load_suite("my_own_suite:make", seed=1, n=3).name == "mine"
    with pytest.raises(UserError, match="gave a int, not a suite"):
        load_suite("my_own_suite:wrong", seed=1)
    with pytest.raises(UserError, match="has no tasks"):
        load_suite("my_own_suite:empty", seed=1)
    with pytest.raises(UserError, match="task 0 of suite 'my_own_suite:bare' is a str, not a task"):
        load_suite("my_own_suite:bare", seed=1)
    with pytest.raises(UserError, match="known: bare, empty, load, make, wrong"):
        load_suite("my_own_suite:mak", seed=1)


def test_a_changed_source_is_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "from harnesslab.suites.orders.suite import load\n"
    (tmp_path / "first_suite.py").write_text(source)
    (tmp_path / "second_suite.py").write_text(source + "# an edit\n")
    package = tmp_path / "kept_suites"
    package.mkdir()
    for name, text in {"__init__": "", "one": source, "beside": "X = 1\n"}.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    versions = [load_suite(f"{name}:load", seed=1).version for name in ("first_suite", "second_suite")]
    own = load_suite("orders", seed=1).version
    assert all(version.startswith(f"{own}.") for version in versions)
    assert versions[0] != versions[1]
    before = load_suite("kept_suites.one:load", seed=1).version
    (package / "beside.py").write_text("X = 2\n")
    assert load_suite("kept_suites.one:load", seed=1).version != before


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("    return 1 / 0", r"cannot be drawn. ZeroDivisionError: division by zero \(raising_suite.py:3\)"),
        ("    make_task(VIEW, says=('x',), **REST)", "says is a tuple of values such as Number"),
    ],
)
def test_what_a_factory_raises_is_one_line_that_says_where(
    body: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "raising_suite.py").write_text(
        "from harnesslab.suites.task import make_task\n"
        f"def load(*, seed, n, split):\n{body}\n"
        "from harnesslab.types import TaskView\n"
        "VIEW = TaskView('t', '', '')\n"
        "REST = dict(base='', variant='', tier='', oracle=(), oracle_answer='', kit=None, rows=None)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "raising_suite", raising=False)
    with pytest.raises(UserError, match=message):
        load_suite("raising_suite:load", seed=1)


@pytest.mark.parametrize(
    ("name", "message"),
    [("order", "did you mean 'orders'"), ("nowhere.at_all:x", "cannot import suite"), (":", "cannot import suite")],
)
def test_unknown_names_answer_with_the_known_ones(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_suite(name, seed=1)


def test_an_unknown_split_answers_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="known: dev, eval"):
        load_suite("orders", seed=1, split="train")
