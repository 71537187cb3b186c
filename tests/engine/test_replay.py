"""The replay engine answers from its record, and stops where something else is asked."""

from __future__ import annotations

import asyncio

import pytest

from harnesslab.engine.replay import Departed, Recorded, ReplayEngine
from harnesslab.types import (
    Completion,
    Constraint,
    Engine,
    Message,
    Request,
    Sampling,
    ToolSpec,
    Usage,
    request_key,
    tools_key,
)

TOOL = ToolSpec("look", "Looks.", {"type": "object", "properties": {}})
FIRST = (Message("user", "Hello."),)
SECOND = (*FIRST, Message("assistant", "What?"), Message("user", "Look at A."))
WARM = Sampling(temperature=0.7, max_tokens=64)


def key(messages: tuple[Message, ...], sampling: Sampling = WARM, constraint: Constraint | None = None) -> str:
    return f"{request_key(messages, tools_key((TOOL,)), sampling, constraint):016x}"


def engine() -> ReplayEngine:
    replies = [
        Recorded(0, 1, key(FIRST), Completion("What?", "What?", usage=Usage(prompt=11))),
        Recorded(3, 2, key(SECOND), Completion("An A.", "An A.", usage=Usage(prompt=29))),
    ]
    return ReplayEngine(replies, end=5, n_ctx=512, beyond=(1000,))


async def ask(
    engine: ReplayEngine,
    messages: tuple[Message, ...],
    *,
    tools: tuple[ToolSpec, ...] = (TOOL,),
    sampling: Sampling = WARM,
    constraint: Constraint | None = None,
) -> Completion:
    prompt = await engine.render(messages, tools)
    return await engine.complete(Request(prompt, sampling, 1, constraint))


def test_the_same_requests_get_the_stored_replies() -> None:
    async def run() -> None:
        replay = engine()
        assert isinstance(replay, Engine)
        assert replay.info.n_ctx == 512
        assert (await replay.render(FIRST, (TOOL,))).n_tokens == 11
        assert (await ask(replay, FIRST)).content == "What?"
        assert (await replay.render(SECOND, (TOOL,))).n_tokens == 29
        short = Sampling(temperature=0.7, max_tokens=3)  # what a token budget leaves is no change of the harness
        assert (await ask(replay, SECOND, sampling=short)).content == "An A."
        assert (await replay.render(SECOND, (TOOL,))).n_tokens == 1000
        await replay.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "changed",
    [
        {"messages": (*SECOND[:-1], Message("user", "Look at B."))},
        {"messages": SECOND[:-1]},
        {"tools": ()},
        {"tools": (ToolSpec("look", "Looks hard.", TOOL.parameters),)},
        {"sampling": Sampling(temperature=0.2, max_tokens=64)},
        {"constraint": Constraint("tools", "auto")},
    ],
)
def test_a_changed_request_departs_at_the_event_of_the_reply(changed: dict[str, object]) -> None:
    async def run() -> None:
        replay = engine()
        await ask(replay, FIRST)
        with pytest.raises(Departed) as departed:
            await ask(replay, **{"messages": SECOND, **changed})  # type: ignore[arg-type]
        assert departed.value.cause == "departed"
        assert (departed.value.departure.event, departed.value.departure.turn) == (3, 2)

    asyncio.run(run())


def test_one_request_too_many_departs_at_the_end() -> None:
    async def run() -> None:
        replay = engine()
        await ask(replay, FIRST)
        await ask(replay, SECOND)
        with pytest.raises(Departed) as departed:
            await ask(replay, SECOND)
        assert departed.value.departure.event == 5
        assert "the end of the trial" in str(departed.value)

    asyncio.run(run())


def test_a_record_without_keys_is_played_in_order() -> None:
    async def run() -> None:
        replay = ReplayEngine([Recorded(0, 1, "", Completion("a", "a"))], end=1)
        assert (await ask(replay, SECOND)).content == "a"

    asyncio.run(run())
