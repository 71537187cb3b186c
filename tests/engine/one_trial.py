"""One recorded trial of a real model in the world of an `orders` task, and how `harnesslab trace` prints it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from native_models import job, run, tokens
from numpy.typing import NDArray

from harnesslab.cli._steps import print_steps
from harnesslab.engine import dialects
from harnesslab.engine.constrain import Grammars
from harnesslab.engine.constrain.vocabulary import vocabulary_of
from harnesslab.engine.llama import completion_of
from harnesslab.engine.native import NativeModel
from harnesslab.engine.prefix import Tokens
from harnesslab.engine.scheduler import Scheduler
from harnesslab.harness.compose import Harness
from harnesslab.harness.loop import run_trial
from harnesslab.store.columns import TrialStatus
from harnesslab.store.records import TrialText
from harnesslab.suites.registry import load_suite
from harnesslab.trace.events import unpack_events, unpack_payloads
from harnesslab.trace.recorder import LayerTable, TrialRecorder
from harnesslab.types import (
    Answer,
    Budget,
    Completion,
    Engine,
    EngineInfo,
    EventKind,
    Message,
    Prompt,
    Request,
    Sampling,
    TaskView,
    ToolSpec,
    User,
    stable_hash,
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A trial as the store would hand it out."""

    answer: Answer
    events: NDArray[Any]
    payloads: list[dict[str, Any]]
    layers: LayerTable
    text: TrialText

    def replies(self) -> list[tuple[Any, dict[str, Any]]]:
        pairs = zip(self.events, self.payloads, strict=True)
        return [(e, p) for e, p in pairs if e["kind"] == EventKind.REPLY]

    def print(self) -> None:
        print_steps(self.text, list(self.layers))


async def record(
    engine: Engine,
    layers: Sequence[Any],
    *,
    system: str = "You run the desk.",
    budget: Budget | None = None,
    sampling: Sampling | None = None,
    user: User | None = None,
) -> Recorded:
    environment = load_suite("orders", seed=1, n=1).tasks[0].environment(1, 0)
    table = LayerTable()
    recorder = TrialRecorder(table)
    view = TaskView("t.0", system, "What is the state of my order?", budget or Budget())
    answer = await run_trial(
        view, environment, user, engine, Harness.parse("x", layers), sampling or Sampling(max_tokens=24), recorder, 7
    )
    packed, payload = recorder.finish(())
    facts: dict[str, Any] = {"end": str(answer.reason)}
    text = TrialText("0" * 32, "m/x/orders", "t.0", 0, TrialStatus.FAILED, 0, 1.0, 0.0, facts, {}, packed, payload)
    return Recorded(answer, unpack_events(packed), unpack_payloads(payload), table, text)


@dataclass
class InProcess:
    """An Engine around a scheduler, without a worker. After each reply somebody else's prompt `between` is computed."""

    model: NativeModel
    scheduler: Scheduler
    between: Tokens = field(default_factory=lambda: np.empty(0, np.int32))

    def __post_init__(self) -> None:
        self.info = EngineInfo("in-process", "m", n_ctx=2048)
        self._dialect = dialects.get("hermes")
        self._grammars = Grammars(lambda: vocabulary_of(self.model), "hermes", None, thinks=False)
        self._asked = 0

    async def render(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Prompt:
        text = "".join(f"{m.role}: {m.content}\n" for m in messages) + "assistant:"
        packed = tokens(self.model, text).tobytes()
        return Prompt(tuple(messages), tuple(tools), text, packed, stable_hash(packed))

    async def complete(self, request: Request) -> Completion:
        self._asked += 2
        asked = job(self._asked, np.frombuffer(request.prompt.tokens, np.int32), max_tokens=request.sampling.max_tokens)
        if request.constraint is not None:
            asked.matcher = self._grammars.matcher(request.constraint)
        self.scheduler.submit(asked)
        finished = run(self.scheduler)[self._asked]
        if len(self.between):
            self.scheduler.submit(job(self._asked + 1, self.between, max_tokens=1))
            run(self.scheduler)
        return completion_of(finished, request, self._dialect)

    async def close(self) -> None:
        self.scheduler.context.close()
