"""The books of one trial: what was spent, which prompts were asked, what was recorded, and on whose account.

Implements `types.Trial`, so this object is also all that a layer gets to see. A trial is sequential: one port call at a
time, which is why the account can be a plain attribute.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harnesslab.harness.own import UNKNOWN, Own
from harnesslab.types import (
    ASIDE,
    NOTHING,
    ActionResult,
    Budget,
    Completion,
    EndReason,
    Engine,
    Environment,
    EventKind,
    Generate,
    GenerateNext,
    Left,
    Message,
    Prompt,
    Recorder,
    Sampling,
    Status,
    TaskView,
    Toolbox,
    ToolCall,
    ToolSpec,
    Usage,
    request_key,
    stable_hash,
    tools_key,
)


class Ended(Exception):
    """A budget is out: no further reply will be asked for. Never leaves the harness."""

    def __init__(self, reason: EndReason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where the books may stand at most before a budget that was granted is out; None: anywhere."""

    replies: int | None
    tokens: int | None
    seconds: float | None

    def wider(self, left: Left, times: int) -> _Scope:
        """The same scope with `times` what is left on top; where this one has a bound, so has that."""
        return _Scope(
            None if self.replies is None else self.replies + times * (left.turns or 0),
            None if self.tokens is None else self.tokens + times * (left.tokens or 0),
            None if self.seconds is None else self.seconds + times * (left.seconds or 0.0),
        )


class Run:
    """One trial in progress.

    Attributes:
        task: all that may be known of the task.
        toolbox: the tools as the model sees them now.
        turn: number of the current turn, from 1; 0 before the first.
        branch: number of the current attempt; every attempt after the first gets its own.
        spent: tokens of all replies so far.
        account: the layer that pays for what happens now, "" for the agent itself.
        mender: the layer that intervened last in this turn, "" if none did.
        reply: the last completion as the engine gave it.
        reached: tool executions so far.
        has_user: whether a simulated user takes part.
        questions: the loop's own `generate`, for what a layer asks beside the attempts.
    """

    __slots__ = (
        "_asked",
        "_engine",
        "_environment",
        "_held",
        "_opened",
        "_own",
        "_recorder",
        "_rendered",
        "_repeat",
        "_scopes",
        "_stream",
        "_told",
        "account",
        "branch",
        "halts",
        "has_user",
        "mender",
        "n_ctx",
        "questions",
        "reached",
        "replies",
        "reply",
        "sampling",
        "spent",
        "task",
        "toolbox",
        "turn",
    )

    def __init__(
        self,
        task: TaskView,
        environment: Environment,
        engine: Engine,
        sampling: Sampling,
        recorder: Recorder,
        stream: int,
        repeat: int,
    ) -> None:
        self.task = task
        self.sampling = sampling
        self.toolbox: Toolbox = environment.toolbox
        self.n_ctx = engine.info.n_ctx
        self.turn = 0
        self.branch = -1
        self.replies = 0
        self.reached = 0
        self.spent = Usage()
        self.account = ""
        self.mender = ""
        self.halts = False
        self.has_user = False
        self.questions: GenerateNext | None = None
        self.reply: Completion | None = None
        self._environment = environment
        self._engine = engine
        self._recorder = recorder
        self._stream = stream
        self._repeat = repeat
        self._asked: dict[tuple[int, int], int] = {}
        self._told: tuple[tuple[ToolSpec, ...], int] = ((), tools_key(()))
        self._held: list[tuple[EventKind, dict[str, Any]]] | None = None
        self._rendered: list[int] = []
        self._own = Own() if "tokens" in engine.info.capabilities else None
        self._opened = time.perf_counter()
        self._scopes = [self._scope(task.budget)]

    # --- what a layer may do ---------------------------------------------------------------------------------------

    def intervene(self, layer: str, cause: str, *, pays: bool = True, **facts: Any) -> None:
        if pays:
            self.account = self.mender = layer
        self.record(EventKind.LAYER, layer=layer, start=self.seconds, payload={"cause": cause, **facts})

    def stop_at_failure(self) -> None:
        self.halts = True

    def offer(self, toolbox: Toolbox) -> None:
        self.toolbox = toolbox

    async def ask(self, layer: str, messages: Sequence[Message]) -> Completion | None:
        assert self.questions is not None, "the loop lends it"
        payer, self.account = self.account, layer
        try:
            return await self.questions(Generate(tuple(messages), (), self.sampling, branch=ASIDE))
        except Ended:
            return None
        finally:
            self.account = payer

    async def render(self, messages: Sequence[Message]) -> Prompt:
        prompt = await self._engine.render(messages, self.toolbox.tools)
        self.tell(prompt)
        return prompt

    def snapshot(self) -> Any:
        return self._environment.snapshot()

    def restore(self, snapshot: Any) -> None:
        self._environment.restore(snapshot)

    # --- budgets ---------------------------------------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        """Since the trial began."""
        return time.perf_counter() - self._opened

    @contextmanager
    def within(self, budget: Budget) -> Iterator[None]:
        """What happens inside is bounded by this budget, counted from here, beside all that bounds it already."""
        self._scopes.append(self._scope(budget))
        try:
            yield
        finally:
            self._scopes.pop()

    @contextmanager
    def attempt(self, budget: Budget) -> Iterator[None]:
        """An attempt: the next branch, within a budget of its own."""
        self.branch += 1
        with self.within(budget):
            yield

    def allow_attempts(self, n: int) -> None:
        left = self.left
        self._scopes = [scope.wider(left, n - 1) for scope in self._scopes]

    def _scope(self, budget: Budget) -> _Scope:
        return _Scope(
            self.replies + budget.turns if budget.turns else None,
            self._tokens + budget.tokens if budget.tokens else None,
            self.seconds + budget.seconds if budget.seconds else None,
        )

    @property
    def _tokens(self) -> int:
        return self.spent.prompt + self.spent.generated

    @property
    def left(self) -> Left:
        turns = min((s.replies for s in self._scopes if s.replies is not None), default=None)
        tokens = min((s.tokens for s in self._scopes if s.tokens is not None), default=None)
        seconds = min((s.seconds for s in self._scopes if s.seconds is not None), default=None)
        return Left(
            None if turns is None else max(0, turns - self.replies),
            None if tokens is None else max(0, tokens - self._tokens),
            None if seconds is None else max(0.0, seconds - self.seconds),
        )

    def out_of(self, prompt_tokens: int = 0) -> EndReason | None:
        """The budget that does not allow one more reply to a prompt of this length, or None."""
        left = self.left
        if left.turns == 0:
            return EndReason.TURNS
        if left.tokens is not None and left.tokens <= prompt_tokens:
            return EndReason.TOKENS
        if left.seconds == 0.0:
            return EndReason.SECONDS
        return None

    def own_tokens(self, prompt: Prompt, completion: Completion) -> int:
        """Prompt tokens that this trial alone would have found cached, -1 if not known; keeps the reply's for later."""
        if self._own is None:
            return UNKNOWN
        return self._own.take(prompt, completion)

    # --- random streams and events -----------------------------------------------------------------------------------

    def rng_key(self, digest: int, branch: int, *, greedy: bool) -> int:
        """The random stream of the n-th request of one prompt in one branch: never the harness, never arrival order.

        A greedy reply is the same in every repeat, and computed once.
        """
        n = self._asked.get((digest, branch), 0)
        self._asked[digest, branch] = n + 1
        return stable_hash("rng", self._stream, 0 if greedy else self._repeat, digest, branch, n)

    def tell(self, prompt: Prompt) -> None:
        """Keeps the length of a prompt that something depended on although it was not asked."""
        self._rendered.append(prompt.n_tokens)

    def take_rendered(self) -> dict[str, list[int]]:
        """Lengths of prompts that layers were told or a budget refused since the last call: a replay tells the same."""
        rendered, self._rendered = self._rendered, []
        return {"rendered": rendered} if rendered else {}

    def request_key(self, request: Generate) -> str:
        """`types.request_key` as 16 hexadecimal digits: what a reply on the trace was asked for."""
        if request.tools is not self._told[0]:
            self._told = (request.tools, tools_key(request.tools))
        return f"{request_key(request.messages, self._told[1], request.sampling, request.constraint):016x}"

    def record(
        self,
        kind: EventKind,
        *,
        status: Status = Status.OK,
        layer: str | None = None,
        flags: int = 0,
        call: ToolCall | None = None,
        result: ActionResult | None = None,
        completion: Completion | None = None,
        own: int = 0,
        branch: int | None = None,
        start: float = 0.0,
        duration: float = 0.0,
        payload: Mapping[str, Any] = NOTHING,
    ) -> None:
        """Appends an event of the current attempt and account, or of `branch` and `layer` where they are given."""
        fields: dict[str, Any] = {
            "turn": self.turn,
            "status": status,
            "layer": self.account if layer is None else layer,
            "flags": flags,
            "branch": max(self.branch, 0) if branch is None else branch,
            "call": call,
            "result": result,
            "completion": completion,
            "own": own,
            "start": start,
            "duration": duration,
            "payload": payload,
        }
        if self._held is not None:
            self._held.append((kind, fields))
        else:
            self._recorder.event(kind, **fields)

    def hold(self) -> None:
        """Keeps events back, so that a CALL can be written before what it caused although its status comes last."""
        self._held = []

    def release(self) -> list[tuple[EventKind, dict[str, Any]]]:
        """Stops holding and returns what was kept back, for `replay`."""
        held, self._held = self._held or [], None
        return held

    def replay(self, held: list[tuple[EventKind, dict[str, Any]]]) -> None:
        for kind, fields in held:
            self._recorder.event(kind, **fields)
