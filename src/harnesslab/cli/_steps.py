"""One trial, event by event, in 80 columns."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harnesslab.store.records import TrialText
from harnesslab.trace.events import unpack_events, unpack_payloads
from harnesslab.types import ASIDE, EventKind, Status
from harnesslab_kernels.events import MEMO, WROTE

_WIDTH = 80
_LONGEST = 1500  # characters of one text that are shown
_LOST = {
    "no return": "from here on the oracle could not have saved it",
    "answer": "all was done as asked, but for this statement",
    "stall": "from here on nothing more of what was asked was done",
}
_REWIND = "rewind"  # the layer after which a reply says how its prompt was had
_REUSED = {"cells": "kept in cells", "state": "restored from a parked state", "": "from a cache"}


def print_steps(trial: TrialText, layers: Sequence[str]) -> None:
    """Prints what was asked, every event, and the verdict with its reasons."""
    print(f"trial {trial.id}\n{trial.label}\n{trial.task}, repeat {trial.repeat}")
    print(f"\nasked: {_indented(str(trial.task_facts.get('prompt', '')), 7)}")
    if trial.events:
        events, payloads = unpack_events(trial.events), unpack_payloads(trial.payload)
        turn, rewound = -1, False
        point = trial.facts.get("point", {})
        for i, (event, payload) in enumerate(zip(events, payloads, strict=True)):
            if event["turn"] != turn and event["kind"] != EventKind.END:
                turn = int(event["turn"])
                branch = f", branch {event['branch']}" if event["branch"] not in (0, ASIDE) else ""
                print(f"\n--- turn {turn}{branch} {'-' * 60}"[:_WIDTH])
            if i == point.get("event"):
                print(_marked(point["lost"]))
            for line in _lines(event, payload, layers, rewound):
                print(line)
            if event["kind"] in (EventKind.REPLY, EventKind.LAYER):
                rewound = event["kind"] == EventKind.LAYER and _name(event, layers) == _REWIND
    print(f"\nverdict: {trial.status.name.lower()} after {trial.seconds:.2f} s")
    for reason in _reasons(trial.facts):
        print(f"  - {_indented(reason, 4)}")
    if oracle := trial.task_facts.get("oracle"):
        print("\noracle:")
        for i, call in enumerate(oracle):
            print(f"  {i}: {_indented(_call(call), 5)}")
        print(f"  answer: {_indented(str(trial.task_facts.get('oracle_answer', '')), 10)}")


def _marked(lost: str) -> str:
    return "\n" + _head(f">>> {_point(lost)}: {_LOST[lost]}")


def _point(lost: str) -> str:
    return "point of no return" if lost == "no return" else lost


def _reasons(facts: Mapping[str, Any]) -> Iterator[str]:
    if facts.get("cause"):
        yield f"the lab failed: {facts['cause']}"
    if facts.get("end") not in (None, "answered"):
        yield f"ended by {facts['end']}"
    if point := facts.get("point"):
        yield f"where it was lost is marked above: {_point(point['lost'])}"
    yield from map(str, facts.get("reasons", ()))
    yield from (f"flagged: {flag}" for flag in facts.get("flags", ()))
    if among := facts.get("attempts"):
        passed = among["passed"]
        yield f"attempt {among['chosen']} was chosen; {sum(passed)} of {len(passed)} attempts would have passed"


def _lines(event: Any, payload: Mapping[str, Any], layers: Sequence[str], rewound: bool) -> Iterator[str]:
    """One event; `rewound` says that the layer before this reply took a turn back."""
    kind, status = EventKind(int(event["kind"])), Status(int(event["status"]))
    name = _name(event, layers)
    at = f"{event['start']:8.2f} s"
    said = "" if status is Status.OK else f" [{status.name.lower().replace('_', ' ')}]"
    match kind:
        case EventKind.REPLY:
            by = f" for {name}" if name else ""
            by += ", aside" if event["branch"] == ASIDE else ""
            memo = ", from the memo" if event["flags"] & MEMO else ""
            yield _head(f"{at}  model says{by}{said}  ({_tokens(event)}, {event['duration']:.2f} s{memo})")
            if rewound:
                yield _block(_reuse(event, payload))
            if payload.get("reasoning"):
                yield _block("thinking: " + str(payload["reasoning"]))
            yield _block(str(payload.get("text", "")))
            if status is Status.OVERFLOW:
                yield _block(_overflow(event))
            elif error := payload.get("parse_error"):
                yield _block(f"cannot be read: {error['kind']}: {error['message']}")
        case EventKind.CALL:
            oracle = f"  = oracle call {event['oracle']}" if event["oracle"] >= 0 else ""
            by = f" by {name}" if name else ""
            yield _head(f"{at}  call{by}{said}{oracle}")
            yield _block(_call(payload))
            if "result" in payload and status is not Status.OK:
                yield _block(f"answered: {payload['result']}")
        case EventKind.EXEC:
            wrote = ", changed the world" if event["flags"] & WROTE else ""
            yield _head(f"{at}  {payload.get('tool', '')} ran{said} ({event['duration'] * 1000:.1f} ms{wrote})")
            yield _block(str(payload.get("result", "")))
        case EventKind.LAYER:
            yield _head(f"{at}  layer {name}{said}")
            yield _block(_facts(payload))
        case EventKind.USER:
            yield _head(f"{at}  user says")
            yield _block(str(payload.get("text", "")))
        case EventKind.END:
            full = f" (a context of {payload.get('n_ctx', 0):,} tokens)" if status is Status.OVERFLOW else ""
            yield f"\n{at}  end: {payload.get('reason', status.name.lower())}{full}"


def _name(event: Any, layers: Sequence[str]) -> str:
    return layers[event["layer"]] if event["layer"] < len(layers) else "?"


def _overflow(event: Any) -> str:
    if event["generated"]:
        return "cut here: prompt and reply together fill the context"
    return "nothing was said: the prompt leaves no room in the context"


def _reuse(event: Any, payload: Mapping[str, Any]) -> str:
    """How the first prompt after a rewind was had."""
    prompt, cached = int(event["prompt"]), int(event["cached"])
    if not cached:
        return f"rewound: {prompt:,} tokens computed again"
    how = _REUSED[payload.get("reuse", "")]
    return f"rewound: {cached:,} tokens {how}, {prompt - cached:,} computed"


def _tokens(event: Any) -> str:
    return f"{event['prompt']} tokens in, {event['cached']} cached, {event['generated']} out"


def _call(call: Mapping[str, Any]) -> str:
    arguments = json.dumps(call.get("arguments", {}), ensure_ascii=False, sort_keys=True)
    return f"{call.get('tool', '')} {arguments}"


def _facts(payload: Mapping[str, Any]) -> str:
    return "\n".join(
        f"{key}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for key, value in payload.items()
    )


def _head(text: str) -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent=" " * 12)


def _block(text: str, indent: int = 12) -> str:
    return " " * indent + _indented(text, indent)


def _indented(text: str, indent: int) -> str:
    """The text wrapped to the page, all lines but the first indented; control characters made visible."""
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ... ({len(text)} characters)"
    clean = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in shown)
    lines: list[str] = []
    for line in clean.split("\n"):
        lines += textwrap.wrap(line, _WIDTH - indent, break_long_words=True, replace_whitespace=False) or [""]
    return ("\n" + " " * indent).join(lines)
