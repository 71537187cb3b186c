"""Words that several layers share: a call in one line, a numbered history, the first line of an error."""

from __future__ import annotations

from collections.abc import Iterable

from harnesslab.harness.schemas import shown
from harnesslab.types import ToolCall


def one_call(call: ToolCall, limit: int = 120) -> str:
    """`name({"argument":"value"})`, cut to `limit` characters."""
    return f"{call.name}({shown(dict(call.arguments), limit)})"


def cause_of(content: str, limit: int = 160) -> str:
    """The first line of an error text, without its "Error:"."""
    line = next((x for x in content.splitlines() if x.strip()), "").strip()
    line = line.removeprefix("Error:").strip()
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
