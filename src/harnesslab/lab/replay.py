"""Replays a stored trial through a harness: same task, same world, the replies from the trace.

A harness that was changed gets the stored replies until it asks for something else, or does something else with one;
that event is the departure. Nothing is computed and nothing is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from harnesslab.config import Config
from harnesslab.engine.replay import Departed, Departure, Recorded, ReplayEngine
from harnesslab.errors import UserError
from harnesslab.harness.compose import Harness
from harnesslab.harness.loop import run_trial
from harnesslab.plan import CellPlan, Plan, TrialPlan, harnesses, make_plan
from harnesslab.store.records import TrialText
from harnesslab.store.sqlite import Store
from harnesslab.trace.events import dumps, unpack_events, unpack_payloads
from harnesslab.types import (
    NOTHING,
    ActionResult,
    Completion,
    EndReason,
    EventFlag,
    EventKind,
    FinishReason,
    ParseError,
    ParseErrorKind,
    Status,
    ToolCall,
    Usage,
    stable_hash,
)


def replay(store: Store, trial_id: str, harness: Harness | None = None) -> Departure | None:
    """Where `harness` first departs from a stored trial; None if it would have gone the same way to its end.

    Args:
        trial_id: the trial's id, or the beginning of it.
        harness: None: the one of the trial's own config, as its source is now.

    Raises:
        UserError: no such trial, one that is missing, or one whose task is no longer what it was.
    """
    text = store.trial(trial_id)
    if not text.events:
        raise UserError(f"trial {text.id} has no trace", "its engine failed before it ended", "run the sweep again")
    plan, trial = _planned(store, text)
    events, payloads = unpack_events(text.events), unpack_payloads(text.payload)
    recorder = _Comparing(events, payloads, store.layers())
    cell = plan.cells[trial.cell]
    chosen = harness or Harness(cell.harness, cell.layers)
    try:
        engine = _engine(text, plan, trial, events, payloads)
        heard = [str(p["text"]) for e, p in zip(events, payloads, strict=True) if e["kind"] == EventKind.USER]
        asyncio.run(_run(plan, trial, cell, chosen, recorder, engine, heard))
    except Departed as departed:
        clock = list(EndReason)[text.end] is EndReason.SECONDS
        # A trial that its clock ended would have gone on; that the replay does is no departure.
        return None if clock and departed.departure.event == len(events) - 1 else recorder.first(departed.departure)
    return None


async def _run(
    plan: Plan,
    trial: TrialPlan,
    cell: CellPlan,
    harness: Harness,
    recorder: _Comparing,
    engine: ReplayEngine,
    heard: Sequence[str],
) -> None:
    task, seed = plan.tasks[trial.task], plan.config.seed
    environment = task.task.environment(seed, trial.repeat)
    user = task.task.user(seed, trial.repeat) if plan.user is None else _SaidBefore(heard)
    await run_trial(task.view, environment, user, engine, harness, cell.sampling, recorder, trial.stream, trial.repeat)


class _SaidBefore:
    """The user whom a model played, word for word as on the trace."""

    def __init__(self, heard: Sequence[str]) -> None:
        self._left = list(heard)

    async def reply(self, said: str) -> str | None:
        return self._left.pop(0) if self._left else None


# --- from the store to what was run


def _planned(store: Store, text: TrialText) -> tuple[Plan, TrialPlan]:
    """The stored trial as its config plans it today; ids may differ, since they hash the harness's source."""
    row = next(c for c in store.cells() if c.label == text.label)
    scripted = row.facts.get("model", {}).get("engine") == "scripted"
    for config in _configs(store):
        if row.harness not in harnesses(config):
            continue
        repeats = max(config.repeats, text.repeat + 1)
        plan = make_plan(config.model_copy(update={"models": [row.model], "repeats": repeats}), scripted=scripted)
        wanted = (text.label, text.task, text.repeat, text.task_facts.get("system"), text.task_facts.get("prompt"))
        for trial in plan.trials:
            view = plan.tasks[trial.task].view
            if (plan.cells[trial.cell].label, view.id, trial.repeat, view.system, view.prompt) == wanted:
                return plan, trial
    raise UserError(
        f"trial {text.id} cannot be replayed",
        f"the task {text.task} of {row.suite} is no longer what it was",
        "replay it with the harnesslab that ran it",
    )


def _configs(store: Store) -> list[Config]:
    """The configs of all runs as they were planned, the newest first, and the one that the sweep was made with."""
    settings = [run["facts"].get("settings") for run in reversed(store.runs())]
    texts = dict.fromkeys(dumps(found) for found in (*settings, store.manifest()["config"]) if found)
    return [Config.model_validate_json(text) for text in texts]


def _engine(
    text: TrialText, plan: Plan, trial: TrialPlan, events: NDArray[Any], payloads: Sequence[Mapping[str, Any]]
) -> ReplayEngine:
    replies = [
        Recorded(
            i,
            int(event["turn"]),
            str(payload.get("asked", "")),
            completion_of(event, payload),
            tuple(payload.get("rendered", ())),
        )
        for i, (event, payload) in enumerate(zip(events, payloads, strict=True))
        if event["kind"] == EventKind.REPLY
    ]
    spent = list(EndReason)[text.end] is EndReason.TOKENS
    last = payloads[-1]
    after = plan.tasks[trial.task].view.budget.tokens + 1 if spent else 0
    return ReplayEngine(
        replies,
        end=len(events) - 1,
        model=text.label,
        n_ctx=int(last.get("n_ctx", plan.cells[trial.cell].facts["model"].get("n_ctx", 0))),
        beyond=(*last.get("rendered", ()), after),
    )


def completion_of(event: Any, payload: Mapping[str, Any]) -> Completion:
    """The reply that a REPLY event and its payload record."""
    error = payload.get("parse_error")
    said = str(payload.get("text", ""))
    names = ("prompt", "cached", "generated", "reasoning", "forced")
    return Completion(
        text=said,
        content=str(payload.get("content", said)),
        tool_calls=tuple(ToolCall(name, arguments, id) for name, arguments, id in payload.get("calls", ())),
        parse_error=ParseError(ParseErrorKind(error["kind"]), error["message"], said) if error else None,
        reasoning=str(payload.get("reasoning", "")),
        finish_reason=FinishReason(payload.get("finish", "stop")),
        usage=Usage(*(int(event[name]) for name in names)),
        memo=bool(event["flags"] & EventFlag.MEMO),
        reuse=payload.get("reuse", ""),
    )


# --- events against events


class _Comparing:
    """A recorder that keeps nothing: it raises Departed at the first event that is not the stored one."""

    def __init__(self, events: NDArray[Any], payloads: Sequence[Mapping[str, Any]], layers: Sequence[str]) -> None:
        self._events, self._payloads, self._layers = events, payloads, layers
        self._seen = 0

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
        """Compares one event with the stored one in its place; see `types.Recorder`."""
        index = self._seen
        action = call.key if call is not None else 0
        answered = stable_hash(result.content) if result is not None else 0
        if index >= len(self._events):
            raise Departed(Departure(index, turn, "nothing more", _words(kind, status, layer, call, result)))
        if completion is not None:
            answered = int(self._events[index]["result"])  # it came from there
        found = (int(kind), turn, int(status), layer, flags & ~EventFlag.MEMO, branch, action, answered)
        if found != self._stored(index):
            words = _words(kind, status, layer, call, result)
            raise Departed(Departure(index, int(self._events[index]["turn"]), self._stored_words(index), words))
        self._seen += 1
        return index

    def first(self, departure: Departure) -> Departure:
        """The departure, or the event before it that was passed over to get there: a layer that did not step in."""
        index = self._seen
        if departure.event <= index:
            return departure
        return Departure(index, int(self._events[index]["turn"]), self._stored_words(index), departure.found)

    def _stored(self, index: int) -> tuple[Any, ...]:
        e = self._events[index]
        names = ("branch", "action", "result")
        flags = int(e["flags"]) & ~EventFlag.MEMO
        status = int(e["status"])
        if e["kind"] == EventKind.END and status == Status.UNPARSEABLE:
            status = int(Status.OK)  # the grader's word, which comes after the trial
        head = (int(e["kind"]), int(e["turn"]), status, self._layers[e["layer"]], flags)
        return (*head, *(int(e[name]) for name in names))

    def _stored_words(self, index: int) -> str:
        event, payload = self._events[index], self._payloads[index]
        call = ToolCall(payload["tool"], payload.get("arguments", {})) if "tool" in payload else None
        result = ActionResult(Status.OK, payload["result"]) if "result" in payload else None
        layer = self._layers[event["layer"]]
        return _words(EventKind(int(event["kind"])), Status(int(event["status"])), layer, call, result)


def _words(kind: EventKind, status: Status, layer: str, call: ToolCall | None, result: ActionResult | None) -> str:
    """An event in one line."""
    said = kind.name
    if layer:
        said += f" of layer {layer}"
    if call is not None:
        said += f" {call.name} {dict(call.arguments)}"
    if status is not Status.OK:
        said += f" [{status.name}]"
    if result is not None:
        said += f" -> {' '.join(result.content.split())[:120]!r}"
    return said
