"""Inspect logs, version 2: one `.json` file, or an `.eval` archive of `header.json` and `samples/{id}_epoch_{n}.json`.

A sample is a trial, its epoch the repeat. The first scorer's value is the verdict: "C" or 1 passes. A sample with an
`error`, or without a score, is missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harnesslab.errors import UserError
from harnesslab.trace.events import loads
from harnesslab.trace.importers.chat import Chat, sum_of, usage_of
from harnesslab.trace.importers.problems import Problems
from harnesslab.trace.importers.reported import reported
from harnesslab.trace.importers.shape import ForeignTrial, Tells
from harnesslab.trace.importers.stream import LONGEST, records
from harnesslab.trace.importers.tau_bench import passes
from harnesslab.trace.importers.values import items, mapping, number, text_of
from harnesslab.types import EndReason

_PASS, _FAIL = ("c", "correct", "true", "yes"), ("i", "incorrect", "n", "p", "false", "no")
_LIMITS = {"message": EndReason.TURNS, "turn": EndReason.TURNS, "token": EndReason.TOKENS, "time": EndReason.SECONDS}


@dataclass(slots=True)
class _Header:
    model: str
    suite: str = "inspect"
    harness: str = "as-recorded"

    def learn(self, eval: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
        self.model = text_of(eval.get("model")) or self.model
        self.suite = text_of(eval.get("task")) or self.suite
        steps = [text_of(mapping(s).get("solver")) for s in items(plan.get("steps"))]
        self.harness = "+".join(filter(None, steps)) or self.harness


def read(path: Path, problems: Problems) -> Iterator[ForeignTrial]:
    header = _Header(path.stem)
    for key, value, place in _archive(path, problems) if path.suffix == ".eval" else _file(path, problems):
        if key == "eval":
            header.learn(mapping(value), {})
        elif key == "plan":
            header.learn({}, mapping(value))
        elif key == "results":
            problems.claims += reported(key, value)
        elif key == "samples" and not isinstance(value, Mapping):
            problems.skip("no sample: not an object", place)
        elif key == "samples":
            try:
                yield _trial(value, header, place, problems)
            except RecursionError:
                problems.skip("nested too deeply", place)


def _file(path: Path, problems: Problems) -> Iterator[tuple[str, Any, str]]:
    for record in records(path, problems, ("samples",)):
        yield record.key, record.value, f"{path.name} {record.place}"


def _archive(path: Path, problems: Problems) -> Iterator[tuple[str, Any, str]]:
    """The header's parts, then every sample, one member in memory at a time.

    Raises:
        UserError: it is no archive.
    """
    from harnesslab.trace.importers.archive import members

    names, member = members(path)
    heads = [n for n in ("header.json", "_journal/start.json") if n in names]
    samples = sorted(n for n in names if n.startswith("samples/") and n.endswith(".json"))
    if not heads and not samples:
        raise UserError(f"{path} is no Inspect log", "it holds neither header.json nor samples/")
    for name in [*heads[:1], *samples]:
        try:
            value = loads(member(name, LONGEST))
        except (ValueError, RecursionError) as e:
            problems.skip(f"an archive member cannot be read: {str(e).split(':')[0]}", f"{path.name} {name}")
            continue
        if name in heads:
            yield "results", mapping(value).get("results"), name
            yield "eval", mapping(value).get("eval"), name
            yield "plan", mapping(value).get("plan"), name
        else:
            yield "samples", value, f"{path.name} {name}"


def _trial(raw: Mapping[str, Any], header: _Header, place: str, problems: Problems) -> ForeignTrial:
    replies = [usage_of(mapping(mapping(e).get("output")).get("usage")) for e in _models(raw)]
    messages = [m for m in items(raw.get("messages")) if isinstance(m, Mapping)]
    said = [i for i, m in enumerate(messages) if m.get("role") == "assistant"]
    if replies and len(replies) == len(said):  # one model event per reply: each reply's own tokens are known
        for i, event in zip(said, _models(raw), strict=True):
            messages[i] = {**messages[i], "usage": mapping(mapping(event).get("output")).get("usage")}
    chat = Chat(problems, place)
    chat.add(messages)
    told = chat.told() | {Tells.REPEATS, Tells.PARSE, Tells.KNOWN}
    total = sum_of([usage_of(u) for u in mapping(raw.get("model_usage")).values()])
    if total.known and Tells.TOKENS not in told and chat.trace.charge(total):
        told.add(Tells.TOKENS)
    passed, crash = _verdict(raw), ""
    if raw.get("error"):
        crash = "the sample holds an error"
        problems.remark(f"crashed: {crash}", place)
    elif passed is None:
        problems.remark("no score that is right or wrong: no verdict", place)
    else:
        told.add(Tells.VERDICT)
    epoch, seconds = number(raw.get("epoch")), number(raw.get("total_time"))
    limit = text_of(mapping(raw.get("limit")).get("type"))
    return ForeignTrial(
        model=header.model,
        harness=header.harness,
        suite=header.suite,
        task=text_of(raw.get("id", place)),
        repeat=int(epoch) - 1 if epoch is not None and 1 <= epoch < 1 << 31 else None,
        passed=passed,
        events=chat.trace.finish(),
        tells=frozenset(told),
        place=place,
        crash=crash,
        end=_LIMITS.get(limit, EndReason.ANSWERED),
        seconds=seconds if seconds is not None else math.nan,
    )


def _models(raw: Mapping[str, Any]) -> list[Any]:
    return [e for e in items(raw.get("events")) if mapping(e).get("event") == "model"]


def _verdict(raw: Mapping[str, Any]) -> bool | None:
    """Of the first score that is right, wrong or a number."""
    for score in mapping(raw.get("scores")).values():
        value = mapping(score).get("value", score)
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in (*_PASS, *_FAIL):
            return value.lower() in _PASS
        if (found := number(value)) is not None:
            return passes(found)
    return None
