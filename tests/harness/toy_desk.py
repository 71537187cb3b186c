"""A toy order desk, a recorder that keeps a list, and one-line trials for the tests of the harness room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harnesslab.engine import dialects
from harnesslab.engine.scripted import ScriptedEngine
from harnesslab.harness.compose import Harness
from harnesslab.harness.loop import run_trial
from harnesslab.types import (
    NOTHING,
    ActionResult,
    Advice,
    Answer,
    Budget,
    EventFlag,
    EventKind,
    Request,
    Sampling,
    Status,
    TaskView,
    Toolbox,
    ToolCall,
    ToolSpec,
    Usage,
    canonical,
    stable_hash,
)


def _object(required: Sequence[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


ID = {"type": "string", "pattern": "^O-[0-9]+$"}
TOOLBOX = Toolbox(
    (
        ToolSpec("get_order", "Reads an order.", _object(["order_id"], order_id=ID)),
        ToolSpec(
            "ship_order",
            "Ships an order.",
            _object(
                ["order_id", "speed"],
                order_id=ID,
                speed={"enum": ["normal", "express"]},
                parcels={"type": "integer", "minimum": 1},
            ),
            writes=True,
        ),
        ToolSpec("flaky", "Fails the first time.", _object([])),
    )
)


class ToyDesk:
    """Orders O-1 to O-5. Unlike real suites it runs calls that do not fit the schema, so that tests see them arrive."""

    def __init__(self) -> None:
        self.state: dict[str, str] = {f"O-{i}": "open" for i in range(1, 6)}
        self.flakes = 0
        self._log: list[tuple[ToolCall, ActionResult]] = []

    @property
    def toolbox(self) -> Toolbox:
        return TOOLBOX

    @property
    def log(self) -> Sequence[tuple[ToolCall, ActionResult]]:
        return self._log

    def call(self, call: ToolCall) -> ActionResult:
        result = self._run(call)
        self._log.append((call, result))
        return result

    def _run(self, call: ToolCall) -> ActionResult:
        if call.name == "flaky":
            self.flakes += 1
            if self.flakes == 1:
                return ActionResult(Status.TOOL_ERROR, "Error: the line is busy", transient=True)
            return ActionResult(Status.OK, "fine")
        order = str(call.arguments.get("order_id"))
        if call.name not in TOOLBOX.names:
            return ActionResult(Status.UNKNOWN_TOOL, "Error: unknown tool")
        if order not in self.state:
            return ActionResult(
                Status.TOOL_ERROR, f"Error: no order {order}", expected="an order that exists", actual=order
            )
        if call.name == "get_order":
            return ActionResult(Status.OK, canonical({"id": order, "state": self.state[order]}))
        if self.state[order] == "shipped":
            return ActionResult(Status.TOOL_ERROR, f"Error: {order} is shipped already")
        self.state[order] = "shipped"
        return ActionResult(Status.OK, f"{order} shipped", wrote=True)

    def snapshot(self) -> Any:
        return dict(self.state)

    def restore(self, snapshot: Any) -> None:
        self.state = dict(snapshot)

    def digest(self) -> int:
        return stable_hash(canonical(self.state))

    def with_log(self, log: Sequence[tuple[ToolCall, ActionResult]]) -> ToyDesk:
        twin = ToyDesk()
        twin.state, twin._log = dict(self.state), list(log)
        return twin


@dataclass(frozen=True)
class Event:
    kind: EventKind
    turn: int
    status: Status = Status.OK
    layer: str = ""
    flags: int = 0
    branch: int = 0
    call: ToolCall | None = None
    result: ActionResult | None = None
    completion: Any = None
    own: int = 0
    start: float = 0.0
    duration: float = 0.0
    payload: Mapping[str, Any] = NOTHING

    def has(self, flag: EventFlag) -> bool:
        return bool(self.flags & flag)


class ListRecorder:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def event(self, kind: EventKind, **fields: Any) -> int:
        self.events.append(Event(kind, **fields))
        return len(self.events) - 1

    def of(self, kind: EventKind) -> list[Event]:
        return [e for e in self.events if e.kind is kind]


class Chatty:
    """A user with a fixed list of things to say."""

    def __init__(self, *says: str) -> None:
        self.says = list(says)
        self.heard: list[str] = []

    async def reply(self, said: str) -> str | None:
        self.heard.append(said)
        return self.says.pop(0) if self.says else None


@dataclass
class Played:
    answer: Answer
    desk: ToyDesk
    recorder: ListRecorder
    requests: list[Request] = field(default_factory=list)

    def of(self, kind: EventKind) -> list[Event]:
        return self.recorder.of(kind)

    @property
    def spent(self) -> Usage:
        total = Usage()
        for event in self.of(EventKind.REPLY):
            total = total + event.completion.usage
        return total

    @property
    def last_prompt(self) -> str:
        return self.requests[-1].prompt.text


def call(name: str, **arguments: Any) -> str:
    """One tool call as the scripted model writes it."""
    return dialects.get("hermes").format_call(ToolCall(name, arguments))


BROKEN = '<tool_call>{"name": "get_order", "arguments": {"order_id"</tool_call>'
GET = call("get_order", order_id="O-1")


def play(
    replies: Sequence[str] | Callable[[Request], str],
    layers: Sequence[str | Mapping[str, Any]] = (),
    *,
    budget: Budget | None = None,
    sampling: Sampling | None = None,
    user: Chatty | None = None,
    n_ctx: int = 0,
    stream: int = 7,
    repeat: int = 0,
    harness: Harness | None = None,
    desk: ToyDesk | None = None,
    advice: Advice | None = None,
) -> Played:
    """Runs one trial. A list of replies is said in order; the last is repeated for ever."""
    requests: list[Request] = []

    def policy(request: Request) -> str:
        requests.append(request)
        if callable(replies):
            return replies(request)
        return replies[min(len(requests), len(replies)) - 1]

    desk, recorder = desk or ToyDesk(), ListRecorder()
    answer = asyncio.run(
        run_trial(
            TaskView("toy.0", "You run the desk.", "Ship O-1.", budget or Budget(), advice or Advice()),
            desk,
            user,
            ScriptedEngine(policy, n_ctx=n_ctx),
            harness or Harness.parse("test", layers),
            sampling or Sampling(),
            recorder,
            stream,
            repeat,
        )
    )
    return Played(answer, desk, recorder, requests)
