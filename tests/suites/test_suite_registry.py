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
    with pytest.raises(UserError, match="known: bare, empty, make, wrong"):
        load_suite("my_own_suite:mak", seed=1)


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
