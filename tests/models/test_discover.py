from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from harnesslab.models import discover
from harnesslab.models.entry import ModelEntry


@pytest.fixture
def home(cache: Path, tmp_path: Path) -> Path:
    return tmp_path / "home"


def names() -> list[tuple[str, str]]:
    return [(f.origin, f.name) for f in discover.found()]


def test_nothing_anywhere(home: Path) -> None:
    assert discover.found() == []


def test_hub_cache(home: Path, make_gguf: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make_gguf("m.gguf", home / ".cache/huggingface/hub/models--org--repo/snapshots/abc/sub")
    assert names() == [("hub", "org/repo/m.gguf")]
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    assert names() == []
    make_gguf("n.gguf", tmp_path / "elsewhere/models--o--r/snapshots/abc")
    assert names() == [("hub", "o/r/n.gguf")]


def test_lm_studio(home: Path, make_gguf: Any, tmp_path: Path) -> None:
    make_gguf("m.gguf", home / ".lmstudio/models/pub/repo")
    make_gguf("old.gguf", home / ".cache/lm-studio/models/pub/repo")
    assert names() == [("LM Studio", "pub/repo/m.gguf"), ("LM Studio", "pub/repo/old.gguf")]
    make_gguf("moved.gguf", tmp_path / "lm/models/pub/repo")
    (home / ".lmstudio-home-pointer").write_text(f"{tmp_path / 'lm'}\n")
    assert ("LM Studio", "pub/repo/moved.gguf") in names()


def test_shards_and_projectors_are_left_out(home: Path, make_gguf: Any) -> None:
    for name in ("mmproj-model-f16.gguf", "big-00001-of-00003.gguf", "whole.gguf"):
        make_gguf(name, home / ".lmstudio/models/a/b")
    assert names() == [("LM Studio", "a/b/whole.gguf")]


def ollama(root: Path, where: str, blob: bytes, media: str = discover.OLLAMA_MODEL) -> None:
    digest = hashlib.sha256(blob).hexdigest()
    (root / "blobs").mkdir(parents=True, exist_ok=True)
    (root / "blobs" / f"sha256-{digest}").write_bytes(blob)
    manifest = root / "manifests" / where
    manifest.parent.mkdir(parents=True)
    layers = [{"mediaType": "text/licence", "digest": "sha256:0"}, {"mediaType": media, "digest": f"sha256:{digest}"}]
    manifest.write_text(json.dumps({"layers": layers}))


def test_ollama(home: Path, make_gguf: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root = home / ".ollama/models"
    ollama(root, "server/library/qwen3/8b", make_gguf().read_bytes())
    ollama(root, "server/someone/theirs/latest", make_gguf(**{"general.name": "Other"}).read_bytes())
    ollama(root, "server/library/not-a-model/latest", b"GGUF", media="something/else")
    ollama(root, "server/library/safetensors/latest", b"PK..")
    (root / "manifests/server/library/broken").write_text("{")
    (root / "manifests/server/library/odd").write_text("[1]")
    assert names() == [("Ollama", "qwen3:8b"), ("Ollama", "someone/theirs:latest")]
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "none"))
    assert names() == []


def test_llama_cpp(home: Path, make_gguf: Any) -> None:
    make_gguf("m.gguf", home / ".cache/llama.cpp")
    assert names() == [("llama.cpp", "m.gguf")]


def test_a_known_model_is_recognised_by_the_blobs_name_before_its_file_name(home: Path, make_gguf: Any) -> None:
    blob = make_gguf().read_bytes()
    sha = hashlib.sha256(blob).hexdigest()
    ollama(home / ".ollama/models", "server/library/tiny/latest", blob)
    make_gguf("tiny.gguf", home / ".cache/llama.cpp")
    entry = ModelEntry(name="tiny", file="tiny.gguf", sha256=sha, bytes=len(blob))
    assert [f.origin for f in discover.same_file(entry)] == ["Ollama", "llama.cpp"]
    other = ModelEntry(name="tiny", file="tiny.gguf", sha256="0" * 64, bytes=len(blob) + 1)
    assert discover.same_file(other) == []
    assert discover.same_file(ModelEntry(name="tiny", file="tiny.gguf")) == []
