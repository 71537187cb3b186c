"""Model files other programs have already put on this machine: the hub's cache, LM Studio, Ollama, llama.cpp.

Only looked at; nothing in those folders is written to. Hub and Ollama name their blobs by sha256, so a known model is
recognised there without being read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harnesslab.models.entry import ModelEntry

OLLAMA_MODEL = "application/vnd.ollama.image.model"


@dataclass(frozen=True, slots=True)
class Found:
    """A GGUF file in another program's folder. `name` is what that program calls it."""

    origin: str
    name: str
    path: Path


def found() -> list[Found]:
    """Every whole GGUF text model in the known caches, by origin and name; shards and projectors are left out."""
    every = [*_hub(), *_lm_studio(), *_ollama(), *_llama_cpp()]
    return sorted(every, key=lambda f: (f.origin, f.name.lower()))


def same_file(entry: ModelEntry, among: list[Found] | None = None) -> list[Found]:
    """Candidates for being the entry's file: named by its hash, or of its name and length. Empty without a hash.

    Args:
        among: what `found` returned; looked up if left out.
    """
    if not entry.sha256:
        return []
    hits: list[Found] = []
    for candidate in found() if among is None else among:
        real = candidate.path.resolve().name
        if real.removeprefix("sha256-") == entry.sha256:
            hits.insert(0, candidate)
        elif candidate.path.name == entry.file and entry.bytes in (0, candidate.path.stat().st_size):
            hits.append(candidate)
    return hits


def _ggufs(root: Path, pattern: str = "**/*.gguf") -> Iterator[Path]:
    if not root.is_dir():
        return
    for path in root.glob(pattern):
        name = path.name.lower()
        if path.is_file() and "mmproj" not in name and "-of-0" not in name:
            yield path


def _hub() -> Iterator[Found]:
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    root = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    for path in _ggufs(root, "models--*/snapshots/*/**/*.gguf"):
        repo = path.relative_to(root).parts[0].removeprefix("models--").replace("--", "/")
        yield Found("hub", f"{repo}/{path.name}", path)


def _lm_studio() -> Iterator[Found]:
    pointer = Path.home() / ".lmstudio-home-pointer"
    home = Path(pointer.read_text().strip()) if pointer.is_file() else Path.home() / ".lmstudio"
    for root in (home / "models", Path.home() / ".cache" / "lm-studio" / "models"):
        for path in _ggufs(root):
            yield Found("LM Studio", str(path.relative_to(root)), path)


def _ollama() -> Iterator[Found]:
    own = os.environ.get("OLLAMA_MODELS")
    for root in [Path(own)] if own else [Path.home() / ".ollama/models", Path("/usr/share/ollama/.ollama/models")]:
        manifests = root / "manifests"
        if not os.access(manifests, os.R_OK):
            continue
        for manifest in sorted(manifests.rglob("*")):
            blob = _ollama_blob(manifest, root)
            if blob:
                *path, tag = manifest.relative_to(manifests).parts[1:]  # the first part is the server
                yield Found("Ollama", "/".join(p for p in path if p != "library") + f":{tag}", blob)


def _ollama_blob(manifest: Path, root: Path) -> Path | None:
    """The model layer of one manifest, where it is a readable GGUF file."""
    try:
        layers = json.loads(manifest.read_text())["layers"] if manifest.is_file() else []
        digest = next(layer["digest"] for layer in layers if layer["mediaType"] == OLLAMA_MODEL)
        blob = root / "blobs" / str(digest).replace(":", "-")
        with blob.open("rb") as file:
            return blob if file.read(4) == b"GGUF" else None
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return None


def _llama_cpp() -> Iterator[Found]:
    root = Path(os.environ.get("LLAMA_CACHE") or Path.home() / ".cache" / "llama.cpp")
    for path in _ggufs(root):
        yield Found("llama.cpp", path.name, path)
