"""Packing a trial's events and payloads into the two BLOBs that are stored, and back."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from harnesslab.errors import UserError
from harnesslab_kernels.events import EVENT


def pack_events(events: NDArray[Any]) -> bytes:
    """EVENT[n] -> 64 n bytes."""
    return events.astype(EVENT, copy=False).tobytes()


def unpack_events(blob: bytes | bytearray) -> NDArray[Any]:
    """The inverse of `pack_events`: EVENT[n] over the bytes, which are not copied.

    Raises:
        UserError: the length is no multiple of a record's.
    """
    if len(blob) % EVENT.itemsize:
        raise UserError(
            "a trial's events are damaged",
            f"{len(blob)} bytes is not a whole number of {EVENT.itemsize}-byte records",
            "delete the sweep's folder, or restore it from a copy",
        )
    return np.frombuffer(blob, dtype=EVENT)


def pack_payloads(payloads: Sequence[Mapping[str, Any]]) -> bytes:
    """One JSON object per event, as deflated JSON."""
    return zlib.compress(dumps(payloads), 1)


def unpack_payloads(blob: bytes) -> list[dict[str, Any]]:
    """The inverse of `pack_payloads`."""
    try:
        loaded: list[dict[str, Any]] = loads(zlib.decompress(blob))
    except (zlib.error, ValueError) as e:
        raise UserError("a trial's payload is damaged", str(e), "restore the sweep's folder from a copy") from e
    return loaded


def dumps(value: Any) -> bytes:
    """JSON of anything a model can have said: half surrogates and integers beyond 64 bits too, which orjson refuses."""
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return json.dumps(value, default=_plain).encode()


def loads(text: bytes | str) -> Any:
    """The inverse of `dumps`."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def _plain(value: Any) -> Any:
    """What orjson does not know: mapping proxies, sets, and anything else as its text."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return str(value)
