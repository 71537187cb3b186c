"""A user that a model plays: what it is told, what ends it, and whose tokens it spends."""

from __future__ import annotations

import asyncio

from harnesslab.engine.scripted import ScriptedEngine
from harnesslab.harness.model_user import ModelUser
from harnesslab.types import LEAVE, Request, Sampling

BRIEF = "You play a customer. You want order O-1 cancelled."


def hear(*replies: str, stream: int = 1) -> tuple[list[str | None], list[Request], ModelUser]:
    """What the user answers to "Hello 0", "Hello 1", ..., and what its model was asked."""
    asked: list[Request] = []

    def policy(request: Request) -> str:
        asked.append(request)
        return replies[len(asked) - 1]

    user = ModelUser(ScriptedEngine(policy), BRIEF, "Cancel O-1.", Sampling(temperature=0.5), stream)

    async def dialogue() -> list[str | None]:
        return [await user.reply(f"Hello {i}") for i in range(len(replies))]

    return asyncio.run(dialogue()), asked, user


def test_the_model_sees_the_brief_and_the_dialogue_from_the_users_side() -> None:
    said, asked, _ = hear("My order is O-1.", "Yes.")
    assert said == ["My order is O-1.", "Yes."]
    messages = asked[1].prompt.messages
    assert [m.role for m in messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert messages[0].content == BRIEF
    assert [m.content for m in messages[2:]] == ["Cancel O-1.", "Hello 0", "My order is O-1.", "Hello 1"]
    assert asked[0].prompt.tools == ()


def test_it_leaves_by_its_word_or_by_saying_nothing() -> None:
    assert hear(LEAVE)[0] == [None]
    assert hear(f"Thank you. {LEAVE}")[0] == [None]
    assert hear("Goodbye.")[0] == hear("Thanks, goodbye!")[0] == [None]
    assert hear("Before I say goodbye: is it paid?")[0] != [None]
    assert hear("")[0] == [None]


def test_its_random_stream_depends_on_dialogue_and_repeat_alone() -> None:
    keys = [[r.rng_key for r in hear("One.", "Two.", stream=stream)[1]] for stream in (1, 1, 2)]
    assert keys[0] == keys[1]
    assert not set(keys[0]) & set(keys[2])
    assert len(set(keys[0])) == 2


def test_its_tokens_are_counted() -> None:
    _, asked, user = hear("One.", "Two.")
    assert user.spent.prompt == sum(r.prompt.n_tokens for r in asked)
    assert user.spent.generated > 0
