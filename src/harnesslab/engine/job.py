"""One request inside the worker: what is asked, how far it has come, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from harnesslab.engine.prefix import Tokens
from harnesslab.engine.thinking import ThinkingBudget
from harnesslab.types import FinishReason, Reuse, Sampling

NOTHING: Tokens = np.empty(0, np.int32)


class Matcher(Protocol):
    """A constraint's state for one reply."""

    @property
    def error(self) -> str:
        """Why nothing is allowed any more; "" while all is well."""
        ...

    def mask(self, row: NDArray[np.uint32]) -> None:
        """Writes the bits of the tokens allowed next; none after an error."""
        ...

    def consume(self, token: int) -> Sequence[int]:
        """Advances by one drawn token and returns the tokens that now follow by force."""
        ...


@dataclass(slots=True)
class Job:
    """One request inside the worker.

    Attributes:
        tokens: the prompt.
        n_ctx: positions it may occupy.
        passed: how many later requests were admitted before it.
        feed: tokens still to be computed before the next draw.
        out: tokens drawn or forced so far.
        reuse: how the cached tokens were had.
        failure: (cause, detail) of what ended this request alone.
    """

    id: int
    tokens: Tokens
    sampling: Sampling
    rng_key: int
    n_ctx: int
    matcher: Matcher | None = None
    thinking: ThinkingBudget | None = None
    submitted: float = field(default_factory=time.perf_counter)
    admitted: float = 0.0
    passed: int = 0
    first: float = 0.0
    sequence: int = -1
    cached: int = 0
    reuse: Reuse = ""
    feed: Tokens = field(default_factory=lambda: NOTHING)
    out: list[int] = field(default_factory=list)
    forced: int = 0
    text: bytearray = field(default_factory=bytearray)
    seconds: float = 0.0  # its parts of the steps it was in
    failure: tuple[str, str] | None = None

    @property
    def position(self) -> int:
        """Cells computed or being computed after this step's feed."""
        return len(self.tokens) + len(self.out)


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a job; times in seconds."""

    id: int
    tokens: bytes
    text: bytes
    reason: FinishReason
    prompt: int
    cached: int
    reuse: Reuse
    reasoning: int
    forced: int
    queued: float
    prefill: float
    decode: float
    computed: float  # its parts of the seconds inside llama_decode and of drawing
    fed: int  # of tokens: computed after they were drawn
    failure: tuple[str, str] | None = None  # (cause, detail): no reply, an EngineFailure
