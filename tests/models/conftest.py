"""Empty caches, a folder that is pip's whole world, and a small web server: real programs, nothing mocked."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from model_files import Web, gguf_bytes

MakeGguf = Callable[..., Path]


@pytest.fixture
def make_gguf(tmp_path: Path) -> MakeGguf:
    def make(name: str = "tiny.gguf", folder: Path = tmp_path, **extra: Any) -> Path:
        facts: dict[str, Any] = {
            "general.architecture": "llama",
            "general.name": "Tiny",
            "general.file_type": 15,
            "llama.context_length": 4096,
            "llama.block_count": 2,
            "llama.embedding_length": 64,
            "llama.attention.head_count": 4,
            "llama.attention.head_count_kv": 2,
            "tokenizer.ggml.tokens": ["a", "b", "c"],
            "tokenizer.ggml.eos_token_id": 2,
            "tokenizer.chat_template": "{% if enable_thinking %}{{ messages }}{% endif %}",
        }
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_bytes(gguf_bytes(facts | extra))
        return path

    return make


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty folders for everything that is looked at, and a home of its own."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HF_HOME", "HF_HUB_CACHE", "OLLAMA_MODELS", "LLAMA_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HARNESSLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HARNESSLAB_MODELS", str(tmp_path / "own" / "models.toml"))
    return tmp_path / "cache"


@pytest.fixture
def wheelhouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is pip's whole world."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def web() -> Iterator[Web]:
    """Serves files with ETag and Range, and enough of the hub's API to download from."""
    state = Web()

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.serve(body=False)

        def do_GET(self) -> None:
            self.serve(body=True)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            state.asked.append(("POST", self.path, ""))
            data = state.files.get(self.path, b"[]")
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def serve(self, body: bool) -> None:
            wanted = self.headers.get("range", "")
            state.asked.append((self.command, self.path, wanted))
            data = state.files.get(self.path)
            if data is None:
                self.send_error(404)
                return
            tag, sha = f'"{hashlib.md5(data).hexdigest()}"', hashlib.sha256(data).hexdigest()
            start = 0
            if wanted and self.headers.get("if-range", tag) == tag:
                start = int(wanted.removeprefix("bytes=").split("-")[0])
            self.send_response(206 if start else 200)
            for name, value in {
                "etag": tag,
                "content-length": str(len(data) - start),
                "x-repo-commit": "0" * 40,
                "x-linked-etag": f'"{sha}"',
                "x-linked-size": str(len(data)),
            }.items():
                self.send_header(name, value)
            if start:
                self.send_header("content-range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            if body:
                rest = data[start:]
                self.wfile.write(rest[: state.cut_after] if state.cut_after else rest)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
