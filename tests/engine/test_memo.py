"""A reply is computed once: from memory, from the store, or by joining a request that is being decoded."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from harnesslab.engine.memo import MemoEngine, pack, unpack
from harnesslab.engine.scripted import ScriptedEngine
from harnesslab.errors import EngineFailure
from harnesslab.types import (
    Completion,
    Constraint,
    Message,
    ParseError,
    ParseErrorKind,
    Request,
    Sampling,
    Times,
    ToolCall,
    Usage,
)


class Shelf:
    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}

    def memo_get(self, key: bytes) -> bytes | None:
        return self.kept.get(key)

    def memo_put(self, key: bytes, reply: bytes) -> None:
        self.kept[key] = reply


class Counting:
    """A policy that counts what it is asked; the first `failing` replies fail."""

    def __init__(self, failing: int = 0) -> None:
        self.asked = 0
        self.failing = failing

    def __call__(self, request: Request) -> str:
        self.asked += 1
        if self.asked <= self.failing:
            raise EngineFailure("worker-died")
        return f"reply {request.rng_key}"


async def request_for(engine: MemoEngine, *, key: int = 1, said: str = "hello") -> Request:
    prompt = await engine.render([Message("user", said)], [])
    return Request(prompt, Sampling(temperature=1.0), key)


def test_the_same_request_is_answered_from_memory_and_marked() -> None:
    async def go() -> None:
        policy = Counting()
        engine = MemoEngine(ScriptedEngine(policy), "m")
        request = await request_for(engine)
        first, second = await engine.complete(request), await engine.complete(request)
        assert policy.asked == 1
        assert not first.memo
        assert second == replace(first, memo=True)

    asyncio.run(go())


def test_whatever_changes_the_reply_changes_the_key() -> None:
    async def go() -> None:
        policy = Counting()
        shelf = Shelf()
        engine = MemoEngine(ScriptedEngine(policy), "m", shelf)
        base = await request_for(engine)
        others: Sequence[Request] = (
            replace(base, rng_key=2),
            replace(base, sampling=Sampling(temperature=0.5)),
            replace(base, constraint=Constraint("regex", "a+")),
            await request_for(engine, said="other"),
        )
        for request in (base, *others):
            assert not (await engine.complete(request)).memo
        assert policy.asked == len(others) + 1
        assert not (await MemoEngine(ScriptedEngine(policy), "another model", shelf).complete(base)).memo

    asyncio.run(go())


def test_replies_outlive_the_engine_in_the_store() -> None:
    async def go() -> None:
        shelf, policy = Shelf(), Counting()
        first = MemoEngine(ScriptedEngine(policy), "m", shelf)
        said = await first.complete(await request_for(first))
        again = MemoEngine(ScriptedEngine(policy), "m", shelf)
        assert await again.complete(await request_for(again)) == replace(said, memo=True)
        assert policy.asked == 1

    asyncio.run(go())


def test_an_identical_request_in_flight_is_joined() -> None:
    async def go() -> None:
        policy = Counting()
        engine = MemoEngine(ScriptedEngine(policy, delay=0.01), "m")
        request = await request_for(engine)
        replies = await asyncio.gather(*(engine.complete(request) for _ in range(5)))
        assert policy.asked == 1
        assert [r.memo for r in replies].count(False) == 1

    asyncio.run(go())


def test_who_joined_a_cancelled_request_computes_it_itself() -> None:
    async def go() -> None:
        policy = Counting()
        engine = MemoEngine(ScriptedEngine(policy, delay=0.02), "m")
        request = await request_for(engine)
        first = asyncio.ensure_future(engine.complete(request))
        second = asyncio.ensure_future(engine.complete(request))
        await asyncio.sleep(0.005)
        first.cancel()
        assert (await second).text == "reply 1"
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(go())


def test_a_failure_is_not_remembered() -> None:
    async def go() -> None:
        engine = MemoEngine(ScriptedEngine(Counting(failing=1)), "m", Shelf())
        request = await request_for(engine)
        with pytest.raises(EngineFailure):
            await engine.complete(request)
        assert (await engine.complete(request)).text == "reply 1"

    asyncio.run(go())


def test_a_completion_comes_back_whole() -> None:
    full = Completion(
        text="t",
        content="c",
        tool_calls=(ToolCall("a", {"x": [1, {"y": None}]}, "id1"),),
        parse_error=ParseError(ParseErrorKind.UNCLOSED, "m", "r"),
        reasoning="because",
        usage=Usage(1, 2, 3, 4, 5),
        times=Times(0.1, 0.2, 0.3, 0.4),
        memo=True,
        tokens=b"\x00\x01\xfe\xff",
    )
    assert unpack(pack(full)) == full


@pytest.mark.parametrize("value", [math.nan, "\ud800", 10**30])
def test_what_json_would_change_is_not_stored(value: object) -> None:
    assert pack(Completion("t", "", tool_calls=(ToolCall("a", {"x": value}),))) == b""
