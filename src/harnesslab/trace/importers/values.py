"""Values as they are found in JSON that anybody may have written: what they are, or nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

_INT32 = 0x7FFFFFFF


def number(value: Any) -> float | None:
    """A finite number as a float; None for anything else, booleans too."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def fits(value: float, dtype: np.dtype[Any]) -> bool:
    """Whether a field of this type can hold a number."""
    if dtype.kind == "f":
        return math.isfinite(value)
    limits = np.iinfo(dtype)
    return isinstance(value, int) and int(limits.min) <= value <= int(limits.max)


def count(value: Any) -> int:
    """A whole number >= 0; 0 for anything else. OTLP writes 64-bit integers as strings."""
    found = number(value)
    return max(0, min(int(found), _INT32)) if found is not None else 0


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text_of(value: Any) -> str:
    """Text content: a string, the text parts of a list of parts, or the JSON of anything else."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        parts = (p if isinstance(p, str) else mapping(p).get("text", mapping(p).get("content", "")) for p in value)
        return "".join(p for p in parts if isinstance(p, str))
    from harnesslab.trace.events import dumps

    return dumps(value).decode(errors="replace")
