"""Hand-made GGUF files and wheels, and what the little web server holds."""

from __future__ import annotations

import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def gguf_bytes(metadata: dict[str, Any], *, n_values: int = 64, version: int = 3) -> bytes:
    """One F32 tensor and the given keys; int -> u32, float -> f32, str, list of str."""

    def text(value: str) -> bytes:
        data = value.encode()
        return struct.pack("<Q", len(data)) + data

    def typed(value: Any) -> bytes:
        if isinstance(value, str):
            return struct.pack("<I", 8) + text(value)
        if isinstance(value, list):
            return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
        return struct.pack("<If", 6, value) if isinstance(value, float) else struct.pack("<II", 4, value)

    head = struct.pack("<4sIQQ", b"GGUF", version, 1, len(metadata))
    head += b"".join(text(key) + typed(value) for key, value in metadata.items())
    head += text("t") + struct.pack("<IQIQ", 1, n_values, 0, 0)
    return head + b"\0" * (-len(head) % 32) + b"\1\2\3\4" * n_values


def write_wheel(folder: Path, name: str, members: dict[str, bytes], version: str = "1.0") -> Path:
    """A wheel as pip wants it: the members, METADATA, WHEEL and RECORD."""
    module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    path = folder / f"{module}-{version}-py3-none-any.whl"
    meta = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
        archive.writestr(f"{info}/METADATA", meta)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@dataclass
class Web:
    """What the server holds, how it misbehaves, and what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cut_after: int = 0  # bytes of body before the connection drops; 0: never
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, Range
