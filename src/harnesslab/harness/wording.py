"""Words that several layers share: a call on one line, an error on one line, a list."""

from __future__ import annotations

from collections.abc import Iterable

from harnesslab.harness.schemas import shown
from harnesslab.types import ToolCall

EMPTY_REPLY = "Error: the reply was empty. Call a tool, or answer in text."  # said in the user's place


def one_call(call: ToolCall, limit: int = 120) -> str:
    """`name({"argument":"value"})`, cut to `limit` characters."""
    return f"{call.name}({shown(dict(call.arguments), limit)})"


def cause_of(content: str, limit: int = 200) -> str:
    """An error text on one line: its first line without "Error:", and the problems or expectations it lists."""
    lines = [line.strip() for line in content.splitlines() if line.strip()] or [""]
    listed = [line[2:] for line in lines[1:] if line.startswith("- ")]
    listed = listed or [line for line in lines[1:] if line.startswith(("Expected:", "Nearest:"))]
    return clip("; ".join([lines[0].removeprefix("Error:").strip().rstrip("."), *listed]), limit)


def clip(text: str, limit: int = 120) -> str:
    """A text on one line, cut to `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
