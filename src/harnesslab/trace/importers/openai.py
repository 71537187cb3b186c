"""OpenAI chat logs: conversations with tool calls, as JSON or JSON lines.

A conversation is an object with `messages` (and perhaps `tools`, `usage`, and the `choices` of a response), or a bare
list of messages. Taken where it is there: `task_id` or `id`, `trial` or `repeat`, `model`, and the verdict under
`passed`, `success`, `reward` or `score` (a number passes if it is within 1e-6 of 1).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harnesslab.trace.importers.chat import Chat, usage_of
from harnesslab.trace.importers.problems import Problems
from harnesslab.trace.importers.shape import ForeignTrial, Tells
from harnesslab.trace.importers.stream import layout, records, whole
from harnesslab.trace.importers.tau_bench import passes
from harnesslab.trace.importers.tools import Tools
from harnesslab.trace.importers.values import items, mapping, number, text_of
from harnesslab.types import EndReason

_VERDICTS = ("passed", "success", "reward", "score")
_ENDS = {"length": EndReason.OVERFLOW}


def read(path: Path, problems: Problems) -> Iterator[ForeignTrial]:
    if layout(path) == "object":
        found = [(whole(path, problems), f"{path.name} line 1")]
        yield from _conversations(found, path, problems)
        return
    loose: list[Any] = []
    at = ""
    for record in records(path, problems):
        place = f"{path.name} {record.place}"
        if isinstance(record.value, Mapping) and "role" in record.value and "messages" not in record.value:
            loose.append(record.value)  # the whole file is one list of messages
            at = at or place
        else:
            yield from _conversations([(record.value, place)], path, problems)
    if loose:
        yield from _conversations([(loose, at)], path, problems)


def _conversations(found: list[tuple[Any, str]], path: Path, problems: Problems) -> Iterator[ForeignTrial]:
    for value, place in found:
        raw = {"messages": value} if isinstance(value, list) else mapping(value)
        if not isinstance(raw.get("messages"), list):
            problems.skip("no conversation: no list of messages", place)
            continue
        try:
            yield _trial(raw, path, place, problems)
        except RecursionError:
            problems.skip("nested too deeply", place)


def _trial(raw: Mapping[str, Any], path: Path, place: str, problems: Problems) -> ForeignTrial:
    chat = Chat(problems, place, Tools.read(raw.get("tools", raw.get("functions"))))
    choice = mapping((items(raw.get("choices")) or [None])[0])
    last = [{**mapping(choice["message"]), "usage": raw.get("usage")}] if "message" in choice else []
    chat.add([*raw["messages"], *last])
    told = chat.told()
    total = usage_of(raw.get("usage"))
    if total.known and Tells.TOKENS not in told and chat.trace.charge(total):
        told.add(Tells.TOKENS)
    passed = verdict(raw)
    if passed is not None:
        told.add(Tells.VERDICT)
    id = raw.get("task_id", raw.get("id"))
    if id is not None:
        told.add(Tells.REPEATS)
    repeat, seconds = number(raw.get("trial", raw.get("repeat"))), number(raw.get("duration"))
    return ForeignTrial(
        model=text_of(raw.get("model")) or path.stem,
        harness="as-recorded",
        suite=path.stem,
        task=place if id is None else text_of(id),
        repeat=int(repeat) if repeat is not None and 0 <= repeat < 1 << 31 else None,
        passed=passed,
        events=chat.trace.finish(),
        tells=frozenset(told),
        place=place,
        end=_ENDS.get(text_of(choice.get("finish_reason")), EndReason.ANSWERED),
        seconds=seconds if seconds is not None else math.nan,
    )


def verdict(raw: Mapping[str, Any]) -> bool | None:
    """Of the first of the keys that hold one; None if none does."""
    for key in _VERDICTS:
        value = raw.get(key)
        if isinstance(value, bool):
            return value
        if (found := number(value)) is not None:
            return passes(found)
    return None
