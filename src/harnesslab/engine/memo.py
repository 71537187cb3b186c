"""An engine that never computes the same reply twice: it wraps another, and remembers.

Two trials that ask the same model for the same tokens with the same random stream would draw the same reply; the memo
makes that exact (batch shapes move logits a little) and free. Knows nothing of files: what outlives the process lies
behind `MemoStore`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import orjson

from harnesslab.types import (
    Completion,
    Engine,
    EngineInfo,
    FinishReason,
    Message,
    ParseError,
    ParseErrorKind,
    Prompt,
    Request,
    Times,
    ToolCall,
    ToolSpec,
    Usage,
)

_KEPT = 8192  # replies held in memory; older ones are read from the store again


class MemoStore(Protocol):
    """Where replies outlive the process. `Store` of the store room is one."""

    def memo_get(self, key: bytes) -> bytes | None: ...

    def memo_put(self, key: bytes, reply: bytes) -> None: ...


class MemoEngine:
    """Answers a request that was answered before from memory, joins one that is being decoded, passes on the rest.

    Args:
        inner: the engine that computes; it is closed with this one.
        identity: all that decides a reply beside the request: model hash, template, dialect. Never empty.
        store: where replies outlive the process; None: in memory only.
        waiting: entered by a request while it waits for one that another request has begun.
    """

    def __init__(
        self,
        inner: Engine,
        identity: str,
        store: MemoStore | None = None,
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        assert identity
        self._inner = inner
        self._identity = identity.encode()
        self._store = store
        self._waiting = waiting
        self._known: OrderedDict[bytes, Completion] = OrderedDict()
        self._running: dict[bytes, asyncio.Future[Completion]] = {}

    @property
    def info(self) -> EngineInfo:
        return self._inner.info

    async def render(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Prompt:
        return await self._inner.render(messages, tools)

    async def close(self) -> None:
        await self._inner.close()

    async def complete(self, request: Request) -> Completion:
        key = self._key(request)
        while True:
            known = self._look_up(key)
            if known is not None:
                return known
            running = self._running.get(key)
            if running is None:
                return await self._compute(key, request)
            with self._waiting():
                joined = await _outcome(running)
            if joined is not None:
                return dataclasses.replace(joined, memo=True)

    async def _compute(self, key: bytes, request: Request) -> Completion:
        future: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        self._running[key] = future
        try:
            completion = await self._inner.complete(request)
        except BaseException:
            future.cancel()  # whoever waits computes it for itself
            raise
        else:
            future.set_result(completion)
            self._remember(key, dataclasses.replace(completion, memo=True))
            return completion
        finally:
            del self._running[key]

    def _look_up(self, key: bytes) -> Completion | None:
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return known
        packed = self._store.memo_get(key) if self._store else None
        if packed is None:
            return None
        completion = unpack(packed)
        self._keep(key, completion)
        return completion

    def _remember(self, key: bytes, completion: Completion) -> None:
        self._keep(key, completion)
        if self._store and (packed := pack(completion)):
            self._store.memo_put(key, packed)

    def _keep(self, key: bytes, completion: Completion) -> None:
        self._known[key] = completion
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)

    def _key(self, request: Request) -> bytes:
        prompt = request.prompt
        h = hashlib.blake2b(self._identity, digest_size=16)
        constraint = request.constraint
        shape = repr((request.sampling, constraint and (constraint.kind, constraint.text), request.rng_key))
        for part in (shape.encode(), prompt.tokens or b"", prompt.digest.to_bytes(8, "little")):
            h.update(len(part).to_bytes(8, "little"))
            h.update(part)
        return h.digest()


async def _outcome(running: asyncio.Future[Completion]) -> Completion | None:
    """The reply that another request computes, or None when that one was cancelled or failed."""
    await asyncio.wait([running])
    return None if running.cancelled() else running.result()


def pack(completion: Completion) -> bytes:
    """A completion as JSON, without `memo`; empty where JSON would not bring back the same (NaN, half surrogates)."""
    usage, times = completion.usage, completion.times
    facts: dict[str, Any] = {
        "text": completion.text,
        "content": completion.content,
        "tool_calls": [(c.name, dict(c.arguments), c.id) for c in completion.tool_calls],
        "reasoning": completion.reasoning,
        "finish": str(completion.finish_reason),
        "usage": (usage.prompt, usage.cached, usage.generated, usage.reasoning, usage.forced),
        "times": (times.queued, times.prefill, times.decode, times.computed),
        "reuse": completion.reuse,
        "tokens": None if completion.tokens is None else b64encode(completion.tokens).decode(),
    }
    if completion.parse_error is not None:
        error = completion.parse_error
        facts["parse_error"] = (str(error.kind), error.message, error.raw)
    try:
        packed = orjson.dumps(facts)
    except TypeError:
        return b""
    return packed if unpack(packed) == dataclasses.replace(completion, memo=True) else b""


def unpack(packed: bytes) -> Completion:
    """The inverse of `pack`, marked as taken from the memo."""
    facts = orjson.loads(packed)
    error = facts.get("parse_error")
    return Completion(
        text=facts["text"],
        content=facts["content"],
        tool_calls=tuple(ToolCall(name, arguments, call_id) for name, arguments, call_id in facts["tool_calls"]),
        parse_error=ParseError(ParseErrorKind(error[0]), error[1], error[2]) if error else None,
        reasoning=facts["reasoning"],
        finish_reason=FinishReason(facts["finish"]),
        usage=Usage(*facts["usage"]),
        times=Times(*facts["times"]),
        memo=True,
        reuse=facts["reuse"],
        tokens=None if facts["tokens"] is None else b64decode(facts["tokens"]),
    )
