"""When and how tools fail: by a schedule keyed by (seed, task, repeat, tool, arguments, occurrence).

The counters lie outside snapshots, so neither a rewind nor a retry resets a fault. A call that the tool would refuse is
refused as ever; a call that fails has changed nothing, so making it again is always safe.

    transient, explicit   timeout, 429                    the same call may pass next time, and does at the third
    transient, implicit   truncated, malformed            the result is visibly broken, though the tool reports no error
                          short, stale                    it looks well: fewer entries than `count`, or an old `as_of`
    permanent, explicit   down                            the tool is out of service for the whole trial
    permanent, implicit   stale                           all it knows is old
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random
from typing import Any

from harnesslab.suites.environment import WorldEnvironment
from harnesslab.suites.tools import Toolkit
from harnesslab.suites.world import EMPTY, Base, Snapshot
from harnesslab.types import NOTHING, ActionResult, Status, ToolCall, stable_hash

EXPLICIT = ("timeout", "429")
BROKEN = ("truncated", "malformed")
WRONG = ("short", "stale")
DOWN, STALE = "down", "stale"
MOST = 2  # times that one call fails at most, unless its tool is out of service
_HTML = "<html><head><title>502 Bad Gateway</title></head><body>upstream</body></html>"


@dataclass(frozen=True, slots=True)
class Faults:
    """What may go wrong in a task.

    Attributes:
        rate: share of calls that meet a transient fault, for the first and the second time they are made.
        kinds: the transient faults that occur, equally often; a call that cannot have the kind drawn for it (a write is
            never answered wrongly) gets an explicit one.
        outages: tools that are DOWN or STALE in all trials of the task.
    """

    rate: float = 0.0
    kinds: tuple[str, ...] = EXPLICIT
    outages: Mapping[str, str] = field(default=NOTHING, hash=False)

    def __bool__(self) -> bool:
        return self.rate > 0 or bool(self.outages)

    def due(self, trial: int, action: int, occurrence: int) -> str:
        """The transient fault that a call meets, or "".

        Args:
            trial: hash of seed, task and repeat.
            action: the call's `key`: tool and canonical arguments.
            occurrence: how often the call was made before.
        """
        if occurrence >= MOST or self.rate <= 0:
            return ""
        drawn = stable_hash("fault", trial, action, occurrence)
        return self.kinds[drawn % len(self.kinds)] if (drawn >> 11) * 2.0**-53 < self.rate else ""


CALM = Faults()


class FaultyEnvironment(WorldEnvironment):
    """A world whose tools fail by schedule. A copy to be graded meets no transient faults any more."""

    __slots__ = ("_faults", "_made", "_spoilt", "_trial")

    def __init__(self, kit: Toolkit, base: Base, start: Snapshot = EMPTY, *, faults: Faults, trial: int) -> None:
        """`trial`: hash of seed, task and repeat."""
        super().__init__(kit, base, start)
        self._faults, self._trial = faults, trial
        self._made: Counter[int] = Counter()
        self._spoilt: set[tuple[int, str]] = set()

    def _run(self, call: ToolCall) -> ActionResult:
        before = self.world.snapshot()
        result = super()._run(call)
        if result.ok:
            result = self._struck(call, result)
        if not result.ok:
            self.world.restore(before)
        return result

    def may_pass(self, call: ToolCall, result: ActionResult) -> bool:
        return result.transient or (result.ok and bool(self._spoilt) and (call.key, result.content) in self._spoilt)

    def with_log(self, log: Any) -> FaultyEnvironment:
        faults = replace(self._faults, rate=0.0)
        twin = FaultyEnvironment(self._kit, self.world.base, self.world.snapshot(), faults=faults, trial=self._trial)
        twin._log = list(log)
        twin._spoilt = set(self._spoilt)
        return twin

    def _struck(self, call: ToolCall, result: ActionResult) -> ActionResult:
        """What comes back instead of a good result, if anything does."""
        outage = self._faults.outages.get(call.name)
        if outage == DOWN:
            return ActionResult(Status.TOOL_ERROR, f"Error: {call.name} is out of service")
        if outage == STALE:
            random = Random(stable_hash("outage", self._trial, call.key))
            return replace(result, content=spoilt(STALE, result.content, random) or result.content)
        action = call.key
        occurrence = self._made[action]
        self._made[action] += 1
        kind = self._faults.due(self._trial, action, occurrence)
        if not kind:
            return result
        random = Random(stable_hash("spoil", self._trial, action, occurrence))
        if kind not in EXPLICIT:
            text = None if result.wrote or self._writes(call) else spoilt(kind, result.content, random)
            if text is not None:
                self._spoilt.add((action, text))
                return replace(result, content=text)
            kind = random.choice(EXPLICIT)
        return _explicit(kind, call)

    def _writes(self, call: ToolCall) -> bool:
        spec = self.toolbox.get(call.name)
        return spec is not None and spec.writes


def _explicit(kind: str, call: ToolCall) -> ActionResult:
    if kind == "timeout":
        return ActionResult(Status.TIMEOUT, f"Error: timeout, {call.name} did not answer", transient=True)
    return ActionResult(Status.TOOL_ERROR, "Error: 429 too many requests", transient=True)


def spoilt(kind: str, content: str, random: Random) -> str | None:
    """A JSON result gone wrong, or None where it cannot go wrong in that way."""
    if kind == "truncated":
        return content[: max(1, len(content) * 3 // 5)]
    if kind == "malformed":
        return _HTML
    data = json.loads(content)
    if kind == "short":
        name = next((name for name, value in data.items() if isinstance(value, list) and value), None)
        if name is None or "count" not in data:
            return None
        data[name].pop(random.randrange(len(data[name])))
    elif "as_of" in data:
        data = _other_figures(data, random)
        day = date.fromisoformat(data["as_of"]) - timedelta(days=random.randrange(3, 30))
        data["as_of"] = day.isoformat()
    else:
        return None
    return json.dumps(data, ensure_ascii=False)


def _other_figures(data: dict[str, Any], random: Random) -> dict[str, Any]:
    """The same with every figure another one of its size; the sum is that of what is listed."""
    found = dict(data)
    for name, value in data.items():
        if isinstance(value, list):
            found[name] = [_other_figures(row, random) for row in value]
            found["sum"] = sum(row["amount"] for row in found[name])
        elif isinstance(value, int) and name not in ("count", "sum"):
            step = random.randrange(2, 9)
            found[name] = value + (step if value < 10 or (value < 90 and random.random() < 0.5) else -step)
    return found
