"""Names -> models. Ours come from models.toml; the user's own file overrides them key by key and adds to them.

A model is asked for as `name`, `name:QUANT`, `path/to/FILE.gguf` or `hf:owner/repo/file.gguf`. Nothing is fetched here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harnesslab.errors import UserError, unknown_name
from harnesslab.models.entry import HubSource, ModelEntry, PathSource
from harnesslab.models.parse import parse_model
from harnesslab.paths import models_toml, user_models_toml

_QUANT = re.compile(r"(?i)(?<![a-z0-9])(i?q\d\w*|mxfp4|bf16|f16|f32)(?=\.gguf$)")


@dataclass(frozen=True, slots=True)
class Registry:
    """All models known by name.

    Attributes:
        entries: by name.
        quants: by name, then by quant in upper case; the entry's own is among them.
        user_file: where the user's own entries are, or would be.
    """

    entries: Mapping[str, ModelEntry]
    quants: Mapping[str, Mapping[str, ModelEntry]]
    user_file: Path

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.entries))

    def get(self, spec: str) -> ModelEntry:
        """The model a spec stands for.

        Raises:
            UserError: an unknown name or quant, or a path with no file.
        """
        if spec.startswith("hf:"):
            return self._hub(spec)
        if spec.lower().endswith(".gguf") or Path(spec).expanduser().is_file():
            return self._file(Path(spec).expanduser())
        if spec in self.entries:
            return self.entries[spec]
        name, _, quant = spec.rpartition(":")
        if name in self.entries:
            known = self.quants[name]
            if quant.upper() in known:
                return known[quant.upper()]
            raise unknown_name(f"quant of {name}", quant, known, "or name one file: hf:owner/repo/file.gguf")
        raise unknown_name("model", spec, self.names(), "or name a file: FILE.gguf, hf:owner/repo/file.gguf")

    def _file(self, path: Path) -> ModelEntry:
        if not path.is_file():
            raise UserError(f"no such model file: {path}", "", "harnesslab models list shows what is known and found")
        return replace(self._like(path.name), sources=(PathSource(path.resolve()),))

    def _hub(self, spec: str) -> ModelEntry:
        parts = spec.removeprefix("hf:").split("/")
        if len(parts) < 3 or not all(parts) or not parts[-1].lower().endswith(".gguf"):
            raise UserError(f"{spec!r} does not name a file of the hub", "", "write hf:owner/repo/file.gguf")
        source = HubSource("/".join(parts[:2]), "/".join(parts[2:]))  # many repositories share a file name
        for known in [e for quants in self.quants.values() for e in quants.values()]:
            if source in known.sources:
                return known
        return replace(self._like(parts[-1]), file="--".join(parts), sources=(source,))

    def _like(self, file: str) -> ModelEntry:
        """An entry for a file of this name; parameters as for the known model whose publisher uses that name."""
        blank = ModelEntry(name=file.removesuffix(".gguf"), file=file, sampling_source="harnesslab's default: greedy")
        for quants in self.quants.values():
            for known in quants.values():
                if known.file == file:
                    source = f"as for {known.name}, by file name ({known.sampling_source})"
                    return replace(known, name=blank.name, sha256="", bytes=0, sampling_source=source)
        return blank


def load_registry(user_file: Path | None = None) -> Registry:
    """Our models.toml with the user's own laid over it.

    Args:
        user_file: the user's file; by default $HARNESSLAB_MODELS, or the one in the config folder. It need not exist.

    Raises:
        UserError: a file that is not TOML, an unknown key, a value of the wrong type or out of range.
    """
    ours, user_file = models_toml(), user_file or user_models_toml()
    own = read_toml(user_file) if user_file.is_file() else {}
    tables = read_toml(ours)
    entries: dict[str, ModelEntry] = {}
    quants: dict[str, dict[str, ModelEntry]] = {}
    for name in [*tables, *(n for n in own if n not in tables)]:
        file = user_file if name in own else ours
        table = _overlay(_table(tables.get(name, {}), name, ours), _table(own.get(name, {}), name, user_file))
        entries[name], quants[name] = _with_quants(name, table, file)
    return Registry(entries, quants, user_file)


def read_toml(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file} is not valid TOML", str(error), "mend the line it names") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read", str(error)) from error


def _table(value: Any, name: str, file: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserError(
            f"{file}: {name} is not a table", "every model is a table", f'write ["{name}"] and its keys below'
        )
    return value


def _overlay(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _overlay(merged[key], value) if both else value
    if "sampling" in over and "sampling_source" not in over:
        merged["sampling_source"] = "the user's models.toml"
    return merged


def _with_quants(name: str, table: dict[str, Any], file: Path) -> tuple[ModelEntry, dict[str, ModelEntry]]:
    """The entry itself and its quants: `[NAME.quants.Q8_0]` changes file, sha256, bytes and sources of the entry."""
    others = _table(table.pop("quants", {}), f"{name}.quants", file)
    entry = parse_model(name, table, file)
    quants = {}
    own = _QUANT.search(entry.file)
    if own:
        quants[own[0].upper()] = entry
    for quant, changes in others.items():
        changes = _table(changes, f"{name}.quants.{quant}", file)
        base = {k: v for k, v in table.items() if k not in ("sha256", "bytes", "sources", "file")}
        quants[quant.upper()] = parse_model(f"{name}:{quant.upper()}", base | changes, file)
    return entry, quants
