"""Adds a model to the user's own models.toml. What is in that file already is kept, comments too."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from harnesslab.errors import UserError
from harnesslab.models import verify
from harnesslab.models.gguf import read_facts
from harnesslab.models.parse import parse_model
from harnesslab.models.registry import Registry


def describe(source: str, registry: Registry) -> dict[str, Any]:
    """The table of a model, from where it is: FILE.gguf, hf:owner/repo/file.gguf, the URL of a file or of a server.

    Raises:
        UserError: no such file, or a file that is damaged.
    """
    if source.startswith(("http://", "https://")):
        file = source.split("?")[0].rsplit("/", 1)[-1]
        if file.lower().endswith(".gguf"):
            return {"file": file, "sources": [{"url": source}]}
        return {"engine": "openai", "base_url": source}
    if source.startswith("hf:"):
        entry = registry.get(source)
        owner, repo, *file_in_repo = source.removeprefix("hf:").split("/")
        hub = {"repo": f"{owner}/{repo}", "file": "/".join(file_in_repo)}
        stated = {"sha256": entry.sha256, "bytes": entry.bytes} if entry.sha256 else {}
        return {"file": entry.file, **stated, "sources": [{"hub": hub}]}
    path = Path(source).expanduser().resolve()
    facts = read_facts(path)
    return {
        "file": path.name,
        "sha256": verify.digest(path, progress=True),
        "bytes": facts.file_bytes,
        "sources": [{"path": str(path)}],
    }


def add(name: str, table: dict[str, Any], file: Path) -> None:
    """Appends `[name]` to the user's models.toml, in one step, after checking that the whole stays readable.

    Raises:
        UserError: the name is there already; the table does not describe a model; the file cannot be written.
    """
    import tomli_w

    parse_model(name, table, file)
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if name in tomllib.loads(text):
        raise UserError(f"{name} is in {file} already", "", "choose another name, or edit that file")
    text = (text.rstrip() + "\n\n" if text.strip() else "") + tomli_w.dumps({name: table})
    tomllib.loads(text)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(file.name + ".part")
        part.write_text(text, encoding="utf-8")
        os.replace(part, file)
    except OSError as error:
        raise UserError(
            f"cannot write {file}", str(error.strerror), "set HARNESSLAB_MODELS to a file you own"
        ) from error
