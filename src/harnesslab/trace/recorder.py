"""Records one trial: appends plain tuples while it runs and packs them once at its end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harnesslab.trace.events import pack_payloads
from harnesslab.trace.oracle import match_oracle
from harnesslab.types import (
    NOTHING,
    ActionResult,
    Completion,
    EventFlag,
    EventKind,
    Status,
    ToolCall,
    stable_hash,
)
from harnesslab_kernels.events import EVENT

_MEMO = int(EventFlag.MEMO)
_INT16, _INT32 = 0xFFFF, 0x7FFFFFFF
_KIND, _STATUS = ((EVENT.names or ()).index(name) for name in ("kind", "status"))


class LayerTable:
    """The sweep's layer names; a name's position is what an event stores. Position 0 is the agent itself, "".

    Names are only ever appended, so positions on disk stay true.
    """

    def __init__(self, names: Sequence[str] = ("",)) -> None:
        self._index = {name: i for i, name in enumerate(names)} or {"": 0}

    def index(self, name: str) -> int:
        found = self._index.get(name)
        if found is None:
            found = len(self._index)
            if found > 255:
                raise ValueError("a sweep can tell 255 layers apart")
            self._index[name] = found
        return found

    def __len__(self) -> int:
        return len(self._index)

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)


class TrialRecorder:
    """Implements `types.Recorder`.

    The payload of a REPLY holds the text as emitted and what it parsed to, of a CALL tool and arguments, of a CALL or
    EXEC with a result the text the model was answered; what the caller passes as `payload` is added to it.
    """

    def __init__(self, layers: LayerTable) -> None:
        self._layers = layers
        self._records: list[tuple[Any, ...]] = []
        self._payloads: list[dict[str, Any]] = []
        self.saved_seconds = 0.0  # what memo hits would have taken beyond what they took
        self.measured = 0.0  # seconds of the engine's work for this trial's replies; nan where it does not say

    def event(
        self,
        kind: EventKind,
        *,
        turn: int,
        status: Status = Status.OK,
        layer: str = "",
        flags: int = 0,
        branch: int = 0,
        call: ToolCall | None = None,
        result: ActionResult | None = None,
        completion: Completion | None = None,
        own: int = 0,
        start: float = 0.0,
        duration: float = 0.0,
        payload: Mapping[str, Any] = NOTHING,
    ) -> int:
        """Appends one event and returns its index; see `types.Recorder`."""
        facts: dict[str, Any] = {}
        action = tool = answered = prompt = cached = generated = reasoning = forced = 0
        if completion is not None:
            usage = completion.usage
            prompt, cached, generated = usage.prompt, usage.cached, usage.generated
            reasoning, forced = usage.reasoning, usage.forced
            _completion_facts(completion, facts)
            answered = stable_hash(completion.text)
            times = completion.times
            if completion.memo:
                flags |= _MEMO
                self.saved_seconds += times.queued + times.prefill + times.decode - duration
            else:
                self.measured += math.nan if times.computed is None else times.computed
        if call is not None:
            action, tool = call.key, call.tool_key
            facts["tool"], facts["arguments"] = call.name, call.arguments
        if result is not None:
            answered = stable_hash(result.content)
            _result_facts(result, facts)
        facts.update(payload)
        index = len(self._records)
        self._records.append(
            (
                action,
                answered,
                start,
                duration,
                min(prompt, _INT32),
                min(cached, _INT32),
                min(own, _INT32),
                min(generated, _INT32),
                min(reasoning, _INT32),
                min(forced, _INT32),
                tool,
                -1,
                min(turn, _INT16),
                min(branch, _INT16),
                self._layers.index(layer),
                int(kind),
                int(status),
                flags,
                b"",
            )
        )
        self._payloads.append(facts)
        return index

    def __len__(self) -> int:
        return len(self._records)

    def mark_unparsed(self) -> None:
        """Notes on the trial's END that its answer does not have the form that the task asked for."""
        end = list(self._records[-1])
        assert end[_KIND] == EventKind.END
        end[_STATUS] = int(Status.UNPARSEABLE)
        self._records[-1] = tuple(end)

    def finish(self, oracle: Sequence[ToolCall]) -> tuple[bytes, bytes]:
        """The trial's two BLOBs: EVENT[n] with its oracle matches, and the payloads."""
        events = np.array(self._records, dtype=EVENT)
        match_oracle(events, oracle)
        return events.tobytes(), pack_payloads(self._payloads)


def _completion_facts(completion: Completion, facts: dict[str, Any]) -> None:
    facts["text"] = completion.text
    facts["finish"] = str(completion.finish_reason)
    if completion.content != completion.text:
        facts["content"] = completion.content
    if completion.tool_calls:
        facts["calls"] = [(c.name, c.arguments, c.id) for c in completion.tool_calls]
    if completion.reasoning:
        facts["reasoning"] = completion.reasoning
    if completion.parse_error is not None:
        facts["parse_error"] = {
            "kind": str(completion.parse_error.kind),
            "message": completion.parse_error.message,
        }
    if completion.reuse:
        facts["reuse"] = completion.reuse
    times = completion.times
    facts["times"] = (times.queued, times.prefill, times.decode)


def _result_facts(result: ActionResult, facts: dict[str, Any]) -> None:
    facts["result"] = result.content
    if result.expected:
        facts["expected"] = result.expected
    if result.actual:
        facts["actual"] = result.actual
