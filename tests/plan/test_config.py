"""A config is read as written, and every mistake in it is one line that names the file, the key and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from harnesslab import config, paths
from harnesslab.errors import UserError

GOOD = """
models = ["m"]
suites = ["orders", { name = "orders", n = 3, tiers = ["policy"], seed = 7 }]
repeats = 2
[harness.guarded]
layers = ["validate", { name = "retry", budget = 3 }]
[sampling]
temperature = 1
[budget]
turns = 4
"""


def test_a_config_is_read_as_written() -> None:
    read = config.parse(GOOD, Path("some/where.toml"))
    assert read.name == "where"
    assert [(s.name, s.n, s.tiers, s.seed) for s in read.suites] == [
        ("orders", None, None, None),
        ("orders", 3, ["policy"], 7),
    ]
    assert [(la.name, la.params) for la in read.harness["guarded"].layers] == [
        ("validate", {}),
        ("retry", {"budget": 3}),
    ]
    assert read.sampling.temperature == 1.0
    assert read.budget.turns == 4


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("models = [", "not TOML"),
        ("repeet = 2\n" + GOOD, "did you mean 'repeats'"),
        (GOOD.replace("layers =", "layrs ="), "'harness.guarded.layrs'.*did you mean 'layers'"),
        (GOOD.replace("temperature", "temprature"), "did you mean 'temperature'"),
        (GOOD.replace("turns", "turn"), "did you mean 'turns'"),
        (GOOD.replace("n = 3", "m = 3"), "suites.1.m"),
        (GOOD.replace("n = 3", "n = 0"), "greater than or equal to 1, got 0"),
        (GOOD.replace("repeats = 2", "repeats = 'two'"), "repeats.*valid integer, got 'two'"),
        (GOOD.replace("repeats = 2", "repeats = 2.5"), "repeats.*valid integer"),
        (GOOD.replace('["m"]', "[]"), "models.*at least 1"),
        (GOOD.replace('models = ["m"]', ""), "models is missing"),
        (GOOD.replace("[harness.guarded]", "[harness.'a/b']"), "harness.a/b"),
        ('name = "../up"\n' + GOOD, "name"),
        ('models = ["m"]\nsuites = ["orders"]', "no harness.*presets"),
        ("ablate = { harnes = 'guarded' }\n" + GOOD, "did you mean 'harness'"),
        (GOOD.replace('"validate"', "3"), "harness.guarded.layers.0"),
        (GOOD.replace("temperature = 1", "temperature = -1"), "sampling.temperature.*got -1"),
    ],
)
def test_every_mistake_is_one_line(wrong: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as error:
        config.parse(wrong, Path("c.toml"))
    assert "\n" not in str(error.value)
    assert "c.toml" in str(error.value)


def test_configs_are_found_by_path_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.find("quickstart") == paths.configs_dir() / "quickstart.toml"
    assert config.find("configs/quickstart.toml") == paths.configs_dir() / "quickstart.toml"
    (tmp_path / "mine.toml").write_text(GOOD)
    assert config.find("mine.toml") == Path("mine.toml")
    with pytest.raises(UserError, match="did you mean 'quickstart'"):
        config.find("quikstart")
    with pytest.raises(UserError, match="no file"):
        config.find("no/such.toml")


def test_shipped_configs_are_good_and_named_after_their_files() -> None:
    files = sorted(paths.configs_dir().glob("*.toml"))
    assert files
    for file in files:
        assert config.load(file)[0].name == file.stem


def test_an_unreadable_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="not UTF-8"):
        config.load(tmp_path / "c.toml")
