"""The values and protocols that cross package borders. The whole architecture is on this page.

    Engine       async complete(request) -> Completion      runs one model
    Layer        middleware over five ports                 one harness mechanism
    Environment  call / snapshot / restore / digest         one task's world
    Task         start state, oracle, goal check            one problem
    Recorder     event(...)                                 everything a trial did

Nothing here imports anything of ours, and nothing here is mutable except `Conversation`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Any, Literal, Protocol, runtime_checkable


class _Nothing(Mapping[str, Any]):
    """The empty mapping. Hashable, so it may be a dataclass default (before Python 3.12 a mappingproxy may not)."""

    __slots__ = ()

    def __getitem__(self, key: str) -> Any:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "{}"


NOTHING: Mapping[str, Any] = _Nothing()


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no blanks, 2.0 written as 2 (they are one argument)."""
    return _ENCODER.encode(_integral(value))


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def _integral(value: Any) -> Any:
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        return {str(k): _integral(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_integral(v) for v in value]
    return value


def stable_hash(*parts: str | int | bytes) -> int:
    """64-bit hash of a sequence of parts, equal in every process and on every machine. Never 0, which means "none"."""
    framed: list[bytes] = []
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode(errors="surrogatepass")
        framed += (len(data).to_bytes(8, "little"), data)
    return int.from_bytes(hashlib.blake2b(b"".join(framed), digest_size=8).digest(), "little") or 1


# --- what a model says ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call a model asks for. `arguments` is whatever JSON object it wrote; nothing has been checked yet."""

    name: str
    arguments: Mapping[str, Any]
    id: str = ""

    @property
    def key(self) -> int:
        """Hash of tool and canonical arguments: two calls with one key are the same action."""
        return stable_hash(self.name, canonical(self.arguments))

    @property
    def tool_key(self) -> int:
        """32-bit hash of the tool's name."""
        return tool_key(self.name)


@lru_cache(maxsize=1024)
def tool_key(name: str) -> int:
    return stable_hash("tool", name) & 0xFFFFFFFF


class ParseErrorKind(StrEnum):
    NOT_JSON = "not-json"  # the call's body is not JSON
    UNCLOSED = "unclosed"  # the call starts and never ends
    NOT_A_CALL = "not-a-call"  # JSON, but without a tool name
    BAD_ARGUMENTS = "bad-arguments"  # arguments are not an object
    WRONG_DIALECT = "wrong-dialect"  # a call in some other model's notation, or fenced
    EMPTY = "empty"  # nothing was said


@dataclass(frozen=True, slots=True)
class ParseError:
    """The reply tried to call a tool, and the attempt cannot be read in the model's dialect."""

    kind: ParseErrorKind
    message: str  # one line a model can act on
    raw: str  # the part that could not be read


Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message. For a reply that could not be parsed, `content` is its text as emitted, less the reasoning."""

    role: Role
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    name: str = ""  # the tool that answers, on role "tool"
    reasoning: str = ""


# --- engine --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn. Temperature 0 is greedy, whatever else is set."""

    temperature: float = 0.0
    top_k: int = 0  # 0: off
    top_p: float = 1.0
    min_p: float = 0.0
    repeat_penalty: float = 1.0
    repeat_last_n: int = 64  # tokens that the penalty looks at, of prompt and reply; -1: the context's
    max_tokens: int = 512  # generated tokens per reply, thinking included
    max_thinking: int = 0  # tokens before an open think block is closed by force; 0: no bound of its own
    stop: tuple[str, ...] = ()  # beside the model's own end-of-turn tokens

    @property
    def greedy(self) -> bool:
        return self.temperature <= 0.0


@dataclass(frozen=True, slots=True)
class Constraint:
    """What decoding may produce.

    kind "tools": a well-formed call of a known tool in the model's dialect; `text` is "required", or "auto" (a text
    answer is allowed too). Otherwise `text` is the JSON schema, regular expression or Lark grammar itself.
    """

    kind: Literal["tools", "json_schema", "regex", "lark"]
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation rendered by the model's own template.

    Attributes:
        text: the rendered text; empty where a server renders it.
        tokens: int32 little-endian token ids; empty where a server tokenises it.
        digest: hash of the tokens, or of messages and tools where there are none.
        n_tokens: length in tokens; 0 where a server counts them.
    """

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...]
    text: str
    tokens: bytes
    digest: int

    @property
    def n_tokens(self) -> int:
        return len(self.tokens) // 4


def tools_key(tools: Sequence[ToolSpec]) -> int:
    """64-bit hash of tools as a model is told about them, in their order."""
    return stable_hash("tools", *(part for t in tools for part in (t.name, t.description, canonical(t.parameters))))


def conversation_key(messages: Sequence[Message], tools: int) -> int:
    """64-bit hash of what a model is told, before any template renders it; `tools` is their `tools_key`."""
    parts: list[str | int] = [tools, len(messages)]
    for m in messages:
        parts += (m.role, m.content, m.tool_call_id, m.name, m.reasoning, len(m.tool_calls))
        parts += [call.key for call in m.tool_calls]
    return stable_hash(*parts)


def request_key(messages: Sequence[Message], tools: int, sampling: Sampling, constraint: Constraint | None) -> int:
    """64-bit hash of what is asked of a model; two harnesses with equal keys ask the same.

    Leaves out max_tokens, which a token budget may have cut.
    """
    drawn = repr((replace(sampling, max_tokens=0), constraint))
    return stable_hash(conversation_key(messages, tools), drawn)


@dataclass(frozen=True, slots=True)
class Request:
    """One model call, token-exact. `rng_key` names the random stream; each token adds its position to it."""

    prompt: Prompt
    sampling: Sampling
    rng_key: int
    constraint: Constraint | None = None


class FinishReason(StrEnum):
    STOP = "stop"
    LENGTH = "length"  # max_tokens reached
    OVERFLOW = "overflow"  # the prompt, or prompt and reply, do not fit the context


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply. `prompt` counts all prompt tokens, `cached` those of them not computed again."""

    prompt: int = 0
    cached: int = 0
    generated: int = 0
    reasoning: int = 0  # of generated: inside a think block
    forced: int = 0  # of generated: fixed by the constraint, appended without a decode of their own

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt + other.prompt,
            self.cached + other.cached,
            self.generated + other.generated,
            self.reasoning + other.reasoning,
            self.forced + other.forced,
        )


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of one reply. Wall time: waiting for a place, computing the prompt, decoding.

    `computed` is this reply's part of the engine's work, shared with what ran in the same steps; None where the engine
    does not say.
    """

    queued: float = 0.0
    prefill: float = 0.0
    decode: float = 0.0
    computed: float | None = None


Reuse = Literal["", "cells", "state"]
"""How cached prompt tokens were had: shared KV cells, a parked state copied back; "": there are none, or who knows."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply. `text` is what was emitted; `content`, `reasoning` and `tool_calls` are what it parses to."""

    text: str
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    parse_error: ParseError | None = None
    reasoning: str = ""
    finish_reason: FinishReason = FinishReason.STOP
    usage: Usage = Usage()
    times: Times = Times()
    memo: bool = False  # taken from an identical earlier request; usage, times and reuse are the original's
    reuse: Reuse = ""  # how the `cached` tokens of its usage were had
    tokens: bytes | None = None  # generated ids (int32 little-endian) that lie in the cache; None: a server keeps them


TILE = 64  # tokens; llama.cpp computes the attention of batches this large in tiles, at a fraction of the cost


@dataclass(frozen=True, slots=True)
class Weights:
    """Seconds that one request costs when it runs alone, each non-negative; fitted when its engine starts.

    A request costs the sum of weight x amount. The order of the fields is that of `harnesslab_kernels.standalone`.
    """

    batch: float  # per prompt, however little of it is computed
    prefill: float  # per prompt token computed, and per token that a grammar forces
    decode: float  # per token decoded by a step of its own
    context: float  # per token and token before it, where fewer than TILE tokens are computed at once
    context_tiled: float  # the same, where it is TILE tokens or more
    draw: float  # per draw

    def of_feed(self, before: int, tokens: int, *, drawn: bool) -> float:
        """Seconds of computing `tokens` at once after `before` others; `drawn`: the first of them was."""
        pairs = tokens * before + tokens * (tokens - 1) / 2
        seconds = pairs * (self.context_tiled if tokens >= TILE else self.context)
        if drawn:
            return seconds + self.decode + self.prefill * (tokens - 1)
        return seconds + self.batch + self.prefill * tokens


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine can do and what exactly it is; recorded in the manifest.

    Attributes:
        capabilities: of "constrain", "context" (its size is known), "seeds", "tokens" (prompts come tokenised),
            "usage", "prefix-cache".
        pinned: whether the model's content is known by hash; a server endpoint is not.
        n_ctx: tokens one trial may occupy; 0 if unknown.
        concurrency: requests worth sending at once.
        weights: what a request costs alone; None where nothing was calibrated.
    """

    name: str
    model: str
    n_ctx: int = 0
    concurrency: int = 1
    capabilities: frozenset[str] = frozenset()
    pinned: bool = True
    details: Mapping[str, Any] = NOTHING
    weights: Weights | None = None


@runtime_checkable
class Engine(Protocol):
    """Runs one model. Both methods may be awaited by many trials at once; cancelling `complete` frees what it held.

    Raises (from both): EngineFailure when the engine itself fails; the trial is then missing, not failed.
    """

    @property
    def info(self) -> EngineInfo: ...

    async def render(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Prompt: ...

    async def complete(self, request: Request) -> Completion: ...

    async def close(self) -> None: ...


# --- tools and worlds ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model is told about it. `parameters` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    writes: bool = False  # a successful call commits a change that a rewind may not take back


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools a model may call, in the order in which it is told about them."""

    tools: tuple[ToolSpec, ...]

    def __iter__(self) -> Iterator[ToolSpec]:
        return iter(self.tools)

    def __len__(self) -> int:
        return len(self.tools)

    def get(self, name: str) -> ToolSpec | None:
        return next((t for t in self.tools if t.name == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(t.name for t in self.tools)


class Status(IntEnum):
    """How an action, a reply or a trial ended. The codes are stored; never renumber them."""

    OK = 0
    UNPARSEABLE = 1
    UNKNOWN_TOOL = 2
    INVALID_ARGUMENTS = 3
    TOOL_ERROR = 4  # the tool ran and refused
    BLOCKED = 5  # a layer answered in the tool's place
    TIMEOUT = 6
    OVERFLOW = 7
    LENGTH = 8  # the reply was cut at max_tokens
    SKIPPED = 9  # never run: an earlier call of the same reply ended the turn


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What came back from one tool call; `content` is the text the model reads."""

    status: Status
    content: str
    wrote: bool = False
    transient: bool = False  # the same call may succeed later
    expected: str = ""  # on failure: what the tool wanted, if it said so
    actual: str = ""  # on failure: what it got

    @property
    def ok(self) -> bool:
        return self.status is Status.OK


@runtime_checkable
class Environment(Protocol):
    """A deterministic in-memory world. Snapshots cover the world's state, never its log, clocks or fault counters."""

    @property
    def toolbox(self) -> Toolbox: ...

    @property
    def log(self) -> Sequence[tuple[ToolCall, ActionResult]]:
        """Every call that reached a tool, in order; a restore does not shorten it."""
        ...

    def call(self, call: ToolCall) -> ActionResult:
        """Runs one tool. Never raises for anything a model can send; a failed call leaves the state untouched."""
        ...

    def snapshot(self) -> Any: ...

    def restore(self, snapshot: Any) -> None: ...

    def digest(self) -> int:
        """64-bit hash of the state; equal states have equal digests whatever the order of insertion."""
        ...

    def with_log(self, log: Sequence[tuple[ToolCall, ActionResult]]) -> Environment:
        """A copy in the same state in which only these calls were made: one of several attempts, to be graded."""
        ...


class User(Protocol):
    """A simulated user. `reply` is deterministic in (seed, task, repeat) and what it has heard."""

    async def reply(self, said: str) -> str | None:
        """The user's next message, or None when they have nothing more to say."""
        ...


# --- tasks ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Budget:
    """What one trial may spend; running out is a failure of the agent, not of the lab. 0: unbounded."""

    turns: int = 12
    tokens: int = 0  # prompt (computed or not) and generated tokens, summed over replies
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a budget; None where nothing bounds it."""

    turns: int | None
    tokens: int | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """`tool` may run only after a successful call of `needs`, earlier in the trial, with matching arguments.

    Attributes:
        match: argument of `tool` -> argument of `needs` that must have had the same value.
        why: the rule of the policy, in words a model can act on.
    """

    tool: str
    needs: str
    match: Mapping[str, str] = NOTHING
    why: str = ""


Validator = Callable[["ToolCall", Sequence["Action"]], str]
"""Judges a call from what the trial has seen so far: one line saying what is wrong with it, or ""."""


@dataclass(frozen=True, slots=True)
class Compound:
    """One tool in place of a chain of others.

    Attributes:
        spec: the tool as the model is told about it.
        replaces: tools of the chain that are hidden while this one is offered.
        run: makes the chain's calls one by one through the function it is given, and words their results as one.
    """

    spec: ToolSpec
    replaces: tuple[str, ...]
    run: Callable[[Mapping[str, Any], Callable[[ToolCall], Awaitable[ActionResult]]], Awaitable[ActionResult]]


@dataclass(frozen=True, slots=True)
class Advice:
    """What a suite's author wrote for layers; a layer that uses it is marked `suite-informed`.

    It holds nothing that the agent could not read with its tools, and nothing taken from the evaluated tasks' oracles.

    Attributes:
        checks: visible checks, run after a write: each answers with one line per problem, or "".
    """

    prerequisites: tuple[Prerequisite, ...] = ()
    validators: tuple[Validator, ...] = ()
    compounds: tuple[Compound, ...] = ()
    checks: tuple[Callable[[ToolCall, ActionResult], str], ...] = ()


@dataclass(frozen=True, slots=True)
class TaskView:
    """All of a task that a layer or a model may see."""

    id: str
    system: str  # role, policy, instructions
    prompt: str  # the user's first message
    budget: Budget = Budget()
    advice: Advice = field(default=Advice(), repr=False)  # not part of what the task is


@dataclass(frozen=True, slots=True)
class Grade:
    """The goal check's verdict, with one reason per unmet demand."""

    passed: bool
    reasons: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()  # integrity: what was read, edited or gamed
    parsed: bool | None = None  # whether the answer has the form that was asked for; None: none was


@runtime_checkable
class Task(Protocol):
    """One problem. Only the lab sees all of it; layers see its `view`."""

    @property
    def view(self) -> TaskView: ...

    @property
    def base(self) -> str:
        """The template it was drawn from; intervals resample these."""
        ...

    @property
    def variant(self) -> str: ...

    @property
    def tier(self) -> str: ...

    @property
    def oracle(self) -> tuple[ToolCall, ...]:
        """Calls that solve it, in a valid order."""
        ...

    @property
    def oracle_answer(self) -> str: ...

    def environment(self, seed: int, repeat: int) -> Environment: ...

    def user(self, seed: int, repeat: int) -> User | None:
        """The simulated user, or None where the first message says everything and a text reply ends the trial."""
        ...

    def check(self, environment: Environment, answer: str) -> Grade:
        """Grades the world and the last statement. Reads, and never changes, the environment."""
        ...


LEAVE = "GOODBYE"
"""What a model that plays a user says, and nothing else, to leave."""


@runtime_checkable
class Briefed(Protocol):
    """A task whose user a model may play instead of the scripted one."""

    @property
    def brief(self) -> str:
        """Instructions for whoever plays the user; they leave by saying `LEAVE`."""
        ...


@runtime_checkable
class Varied(Protocol):
    """A task whose repeats may differ by more than a start state and a user, as by faults of its tools."""

    @property
    def varies(self) -> bool: ...


@runtime_checkable
class Suite(Protocol):
    """A named, versioned set of tasks, all drawn from one seed."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def tasks(self) -> Sequence[Task]: ...


# --- harness -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Conversation:
    """What the model has been told and has said; the one mutable value that layers share.

    A checkpoint is a message count: history is only ever appended to or cut back.
    """

    messages: list[Message] = field(default_factory=list)

    def checkpoint(self) -> int:
        return len(self.messages)

    def cut(self, checkpoint: int) -> None:
        del self.messages[checkpoint:]


@dataclass(frozen=True, slots=True)
class Action:
    """One emitted call and what the model was answered."""

    call: ToolCall
    result: ActionResult


class TurnKind(StrEnum):
    ACTED = "acted"  # tools were called; the attempt goes on
    ANSWERED = "answered"  # a text reply
    UNPARSED = "unparsed"  # a call that could not be read; the attempt goes on
    ENDED = "ended"  # out of budget or context: nothing more will come


@dataclass(frozen=True, slots=True)
class Outcome:
    """One turn: a model reply and the actions it caused."""

    kind: TurnKind
    completion: Completion | None
    actions: tuple[Action, ...] = ()
    reason: str = ""  # why it ENDED

    @property
    def failed(self) -> bool:
        """Whether anything in this turn went wrong in a way the model can be told about."""
        return self.kind is TurnKind.UNPARSED or any(not a.result.ok for a in self.actions)


class EndReason(StrEnum):
    """Why an attempt ended. All but ANSWERED are failures of the agent."""

    ANSWERED = "answered"
    TURNS = "turn-budget"
    TOKENS = "token-budget"
    SECONDS = "time-budget"
    OVERFLOW = "overflow"
    ABORTED = "aborted"  # the `abort` baseline stops at the first bad reply or tool error


BREAK = "\n\x1e\n"
"""Between the statements of an answer: those that a simulated user heard, in order. No statement contains it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One of several attempts at one task: how it ended, the world as it left it, its part of the world's log."""

    text: str
    reason: EndReason
    world: Any
    calls: tuple[int, int]  # from, to


@dataclass(frozen=True, slots=True)
class Answer:
    """How a whole attempt ended, with its last statement, or with all that a simulated user heard (see `BREAK`).

    Attributes:
        among: the attempts that a layer chose this one from, in their order; empty where there was no choice.
        chosen: its position in `among`.
    """

    text: str
    reason: EndReason
    among: tuple[Attempt, ...] = ()
    chosen: int = 0


class EventKind(IntEnum):
    """Kinds of trace events. The codes are stored; never renumber them."""

    REPLY = 1  # one model reply, with its tokens and times
    CALL = 2  # one emitted tool call, before any layer acts; status is what the model was answered
    EXEC = 3  # one call that reached a tool; several per CALL under a compound, none if a layer blocked it
    LAYER = 4  # an intervention: which layer, why, at what cost
    USER = 5  # the simulated user spoke
    END = 6  # the attempt ended


class EventFlag(IntEnum):
    """Bits of an event's `flags`. The values are stored; never renumber them."""

    KNOWN_TOOL = 1  # CALL: the tool exists
    SCHEMA_VALID = 2  # CALL: the arguments fit its schema
    REACHED = 4  # CALL: at least one tool ran for it
    WROTE = 8  # EXEC: the world changed
    TRANSIENT = 16  # CALL, EXEC: the failure may pass
    MEMO = 32  # REPLY: not computed again
    ANSWER = 64  # REPLY: a text answer, no call


ASIDE = 0xFFFF
"""The branch of what a layer asks the model beside its attempts, with no tools: a choice, a plan, a summary."""


class Recorder(Protocol):
    """Takes a trial's events in order.

    `branch` numbers attempts (best-of-n, sub-goals); the main one is 0. What belongs to none of them is ASIDE.
    """

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
        """Appends one event and returns its index.

        Args:
            own: REPLY: prompt tokens that this trial alone would have found cached; -1: not known.
            start: seconds since the trial began.
            duration: seconds.
            payload: JSON-able facts for people; scoring never reads them.
        """
        ...


class Trial(Protocol):
    """What a layer may know of, and do to, the trial it works in. It offers no way to the oracle or the goal check."""

    @property
    def task(self) -> TaskView: ...

    @property
    def toolbox(self) -> Toolbox:
        """The tools as the model sees them now, after the `tools` port."""
        ...

    @property
    def turn(self) -> int: ...

    @property
    def spent(self) -> Usage: ...

    @property
    def sampling(self) -> Sampling: ...

    @property
    def n_ctx(self) -> int: ...

    @property
    def left(self) -> Left:
        """What may still be spent by the attempt, or between attempts by the layer's own task."""
        ...

    @property
    def reached(self) -> int:
        """Calls that reached a tool so far: the length of the world's log."""
        ...

    @property
    def has_user(self) -> bool:
        """Whether a simulated user takes part. What they have heard cannot be taken back."""
        ...

    def intervene(self, layer: str, cause: str, *, pays: bool = True, **facts: Any) -> None:
        """Records an intervention; what it costs is charged to `layer` from here to the end of its port call.

        Args:
            pays: False where nothing is asked or run that would not have been anyway; nothing is then charged.
        """
        ...

    def stop_at_failure(self) -> None:
        """From now on, calls that follow a failed one in the same reply are not run but answered SKIPPED."""
        ...

    def allow_attempts(self, n: int) -> None:
        """At the beginning of a `solve`: lets its task be attempted `n` times, each with the whole of its budget."""
        ...

    def offer(self, toolbox: Toolbox) -> None:
        """From now to the end of the turn, these are the tools that count as offered."""
        ...

    async def ask(self, layer: str, messages: Sequence[Message]) -> Completion | None:
        """One reply beside the attempts, to a question without tools, charged to `layer`; None: a budget is out.

        It counts as a reply, belongs to branch ASIDE, and passes no other layer.
        """
        ...

    async def render(self, messages: Sequence[Message]) -> Prompt: ...

    def snapshot(self) -> Any: ...

    def restore(self, snapshot: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Generate:
    """The `generate` port's request: what to say to the model, before it is rendered."""

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...]
    sampling: Sampling
    constraint: Constraint | None = None
    branch: int = 0


ToolsNext = Callable[[Toolbox], Toolbox]
GenerateNext = Callable[[Generate], Awaitable[Completion]]
ActNext = Callable[[ToolCall], Awaitable[ActionResult]]
TurnNext = Callable[[Conversation], Awaitable[Outcome]]
SolveNext = Callable[[TaskView], Awaitable[Answer]]


class Layer:
    """One harness mechanism: middleware over five ports. Override the ones it changes; each is a call-through to `nxt`.

    One instance serves one trial, so a layer may keep counters. A layer never sees another layer, the oracle or the
    goal check.

    Attributes:
        suite_informed: whether it uses the task's advice; a parameter `advice` switches that off, unless
            nothing of the layer would be left.
    """

    name: str = ""
    suite_informed: bool = False

    @classmethod
    def draws(cls, params: Any) -> bool:
        """Whether, with these parameters, it may ask for a reply at a temperature of its own.

        Repeats then differ even where the model samples greedily, and are all run.
        """
        return False

    def tools(self, trial: Trial, toolbox: Toolbox, nxt: ToolsNext) -> Toolbox:
        return nxt(toolbox)

    async def generate(self, trial: Trial, request: Generate, nxt: GenerateNext) -> Completion:
        return await nxt(request)

    async def act(self, trial: Trial, call: ToolCall, nxt: ActNext) -> ActionResult:
        return await nxt(call)

    async def turn(self, trial: Trial, conversation: Conversation, nxt: TurnNext) -> Outcome:
        return await nxt(conversation)

    async def solve(self, trial: Trial, task: TaskView, nxt: SolveNext) -> Answer:
        return await nxt(task)
