"""Reads what a GGUF file says of itself: metadata, chat template, tensor table.

A small reader of our own, because llama.cpp answers a damaged file with an abort or a page of log. It reads the header
only, and compares the tensor table with the file's length, so a truncated download is found before anything is loaded.
Format: versions 2 and 3, little endian (github.com/ggml-org/ggml, docs/gguf.md).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harnesslab.errors import UserError
from harnesslab.models.gguf_types import BLOCKS, FILE_TYPES, SCALARS

MAX_KEYS = 1 << 16
MAX_TENSORS = 1 << 20
MAX_STRING = 1 << 26
KEPT_ARRAY = 1024  # longer arrays (the vocabulary) are read over, not kept
STRING, ARRAY = 8, 9


@dataclass(frozen=True, slots=True)
class GgufFacts:
    """What the header of one GGUF file states.

    Attributes:
        n_ctx_train: tokens of context the model was trained for.
        n_head_kv: heads of keys and values per layer; the largest where layers differ.
        n_swa: width of the sliding window in tokens; 0 where there is none.
        quant: e.g. "Q4_K_M"; "" where not stated.
        size_label: the publisher's, e.g. "0.5B".
        bos, eos: token ids, -1 where not stated.
        file_bytes: length of the file.
        metadata: every key with its value; of arrays over 1,024 items only {"items": n}.
    """

    path: Path
    architecture: str
    name: str
    n_ctx_train: int
    n_layers: int
    n_embd: int
    n_head: int
    n_head_kv: int
    key_length: int
    value_length: int
    n_swa: int
    n_vocab: int
    n_experts: int
    n_tensors: int
    chat_template: str
    bos: int
    eos: int
    quant: str
    size_label: str
    file_bytes: int
    metadata: Mapping[str, Any]


class _Cursor:
    """Bounds-checked reads; running off the end means the file is cut."""

    __slots__ = ("data", "path", "pos", "size")

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self.path, self.data, self.size, self.pos = path, data, len(data), 0

    def take(self, n: int) -> int:
        """Moves past n bytes and returns where they began."""
        start = self.pos
        if n > self.size - start:
            raise damaged(self.path, f"the header breaks off at byte {self.size:,}")
        self.pos = start + n
        return start

    def u32(self) -> int:
        return int.from_bytes(self.data[(at := self.take(4)) : at + 4], "little")

    def u64(self) -> int:
        return int.from_bytes(self.data[(at := self.take(8)) : at + 8], "little")

    def count(self, what: str, most: int) -> int:
        n = self.u64()
        if n > most:
            raise damaged(self.path, f"it claims {n:,} {what}")
        return n

    def string(self) -> str:
        n = self.count("bytes in one string", MAX_STRING)
        at = self.take(n)
        return self.data[at : at + n].decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            return self.array()
        if kind not in SCALARS:
            raise damaged(self.path, f"it has a value of unknown type {kind}")
        code, width = SCALARS[kind]
        return struct.unpack_from(code, self.data, self.take(width))[0]

    def array(self) -> Any:
        kind, n = self.u32(), self.count("items in one array", MAX_STRING)
        if kind in SCALARS and n > KEPT_ARRAY:
            self.take(n * SCALARS[kind][1])
            return {"items": n}
        if kind == STRING and n > KEPT_ARRAY:
            for _ in range(n):
                self.take(self.count("bytes in one string", MAX_STRING))
            return {"items": n}
        return [self.value(kind) for _ in range(n)]


def damaged(path: Path, why: str) -> UserError:
    return UserError(f"{path} is not a usable GGUF file", why, "download it again, or name another file")


def read_facts(path: Path) -> GgufFacts:
    """Reads the header of a GGUF file and checks that its tensors lie inside the file.

    Raises:
        UserError: no such file; not GGUF; a version or byte order we do not read; damaged; truncated.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no such model file: {path}", "", "harnesslab models list")
    size = path.stat().st_size
    if size < 24:
        raise damaged(path, f"it has only {size} bytes")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _read(path, _Cursor(path, data))


def _read(path: Path, cursor: _Cursor) -> GgufFacts:
    magic = bytes(cursor.data[:4])
    if magic != b"GGUF":
        raise damaged(path, f"it begins with {magic!r}, not b'GGUF'")
    cursor.take(4)
    version = cursor.u32()
    if version not in (2, 3):
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
        kind = "it is big-endian" if swapped in (2, 3) else f"its version is {version}; 2 and 3 are read"
        raise damaged(path, kind)
    n_tensors = cursor.count("tensors", MAX_TENSORS)
    n_keys = cursor.count("metadata keys", MAX_KEYS)
    metadata: dict[str, Any] = {}
    for _ in range(n_keys):
        key = cursor.string()
        metadata[key] = cursor.value(cursor.u32())
    _check_tensors(path, cursor, n_tensors, metadata)
    return _facts(path, cursor.size, n_tensors, metadata)


def _check_tensors(path: Path, cursor: _Cursor, n_tensors: int, metadata: Mapping[str, Any]) -> None:
    end = 0
    for _ in range(n_tensors):
        name = cursor.string()
        n_dims = cursor.u32()
        if n_dims > 4:
            raise damaged(path, f"tensor {name!r} claims {n_dims} dimensions")
        items = 1
        for _ in range(n_dims):
            items *= cursor.u64()
        kind, offset = cursor.u32(), cursor.u64()
        per_block, width = BLOCKS.get(kind, (0, 0))  # a type newer than this table is not measured
        end = max(end, offset + (items // per_block * width if per_block else 0))
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 0 < alignment <= 1 << 16:
        raise damaged(path, f"its alignment is {alignment}")
    start = -(-cursor.pos // alignment) * alignment
    if n_tensors and start + end > cursor.size:
        raise damaged(path, f"it is truncated: {cursor.size:,} bytes, and its tensors need {start + end:,}")


def _facts(path: Path, size: int, n_tensors: int, metadata: dict[str, Any]) -> GgufFacts:
    architecture = str(metadata.get("general.architecture", ""))
    if not architecture:
        raise damaged(path, "it names no architecture")

    def number(key: str, default: int = 0) -> int:
        value = metadata.get(f"{architecture}.{key}", default)
        if isinstance(value, list):  # one value per layer
            value = max((v for v in value if isinstance(v, int)), default=default)
        return int(value) if isinstance(value, (int, float)) else default

    def token(key: str) -> int:
        value = metadata.get(f"tokenizer.ggml.{key}_token_id")
        return value if isinstance(value, int) else -1

    n_embd, n_head = number("embedding_length"), number("attention.head_count")
    width = n_embd // n_head if n_head else 0
    tokens = metadata.get("tokenizer.ggml.tokens")
    n_vocab = tokens["items"] if isinstance(tokens, dict) else len(tokens or ())
    template = metadata.get("tokenizer.chat_template")
    return GgufFacts(
        path=path,
        architecture=architecture,
        name=str(metadata.get("general.name", "")),
        n_ctx_train=number("context_length"),
        n_layers=number("block_count"),
        n_embd=n_embd,
        n_head=n_head,
        n_head_kv=number("attention.head_count_kv", n_head),
        key_length=number("attention.key_length", width),
        value_length=number("attention.value_length", width),
        n_swa=number("attention.sliding_window"),
        n_vocab=n_vocab,
        n_experts=number("expert_count"),
        n_tensors=n_tensors,
        chat_template=template if isinstance(template, str) else "",
        bos=token("bos"),
        eos=token("eos"),
        quant=FILE_TYPES.get(metadata.get("general.file_type", -1), ""),
        size_label=str(metadata.get("general.size_label", "")),
        file_bytes=size,
        metadata=metadata,
    )
