"""The scripted engine: deterministic, honest about tokens, and wrong in the ways it is told to be."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from harnesslab.engine import dialects
from harnesslab.engine.scripted import Mistake, ScriptedEngine, make_mistake, oracle_policy, tokenise
from harnesslab.types import Completion, Engine, FinishReason, Message, Request, Sampling, ToolCall, ToolSpec

SYSTEM = "You work at an order desk. " * 40
ORACLE = (
    ToolCall("find_order", {"order_id": "O-17", "limit": 3}),
    ToolCall("refund", {"order_id": "O-17", "amount": 2.5}),
    ToolCall("close", {"order_id": "O-17"}),
)
PLANS = {(SYSTEM, "Refund O-17."): (ORACLE, "Refunded 2.50.")}
TOOLS = tuple(ToolSpec(c.name, "does it", {"type": "object", "properties": {}}) for c in ORACLE)


def request_of(engine: ScriptedEngine, messages: list[Message], key: int = 1, **sampling: int) -> Request:
    return Request(asyncio.run(engine.render(messages, TOOLS)), Sampling(**sampling), key)


async def play(engine: ScriptedEngine, *, key: int = 0, results: str = "ok", turns: int = 20) -> list[Completion]:
    messages = [Message("system", SYSTEM), Message("user", "Refund O-17.")]
    said = []
    for turn in range(turns):
        prompt = await engine.render(messages, TOOLS)
        reply = await engine.complete(Request(prompt, Sampling(), key + turn))
        said.append(reply)
        if not reply.tool_calls and not reply.parse_error:
            break
        messages.append(Message("assistant", reply.content, reply.tool_calls))
        if reply.parse_error:
            messages.append(Message("tool", f"Error: {reply.parse_error.message}"))
        for call in reply.tool_calls:
            messages.append(Message("tool", results if call in ORACLE else "Error: no", name=call.name))
    return said


def test_it_is_an_engine() -> None:
    assert isinstance(ScriptedEngine(lambda _: ""), Engine)


@pytest.mark.parametrize("name", dialects.names())
def test_without_mistakes_it_plays_the_oracle_in_every_dialect(name: str) -> None:
    said = asyncio.run(play(ScriptedEngine(oracle_policy(PLANS, 0.0, dialect=name), dialect=name)))
    assert [c for reply in said for c in reply.tool_calls] == list(ORACLE)
    assert said[-1].content == "Refunded 2.50."
    assert len(said) == 4


def test_an_error_is_tried_again_and_given_up_in_the_end() -> None:
    said = asyncio.run(play(ScriptedEngine(oracle_policy(PLANS, 0.0)), results="Error: busy"))
    assert [c.name for reply in said for c in reply.tool_calls] == ["find_order"] * 3 + ["refund"] * 3 + ["close"] * 3


def test_mistakes_come_at_their_rate_and_hang_on_the_key_alone() -> None:
    engine = ScriptedEngine(oracle_policy(PLANS, 0.3))
    messages = [Message("system", SYSTEM), Message("user", "Refund O-17.")]
    prompt = asyncio.run(engine.render(messages, TOOLS))

    async def texts() -> list[str]:
        return [(await engine.complete(Request(prompt, Sampling(), key))).text for key in range(2000)]

    first, again = asyncio.run(texts()), asyncio.run(texts())
    assert first == again
    right = dialects.get("hermes").format_call(ORACLE[0])
    assert 0.25 < sum(t != right for t in first) / len(first) < 0.35
    assert len(Counter(t for t in first if t != right)) == len(Mistake)


def test_a_layers_edit_of_the_system_message_is_forgiven() -> None:
    engine = ScriptedEngine(oracle_policy(PLANS, 0.0))
    messages = [Message("system", SYSTEM + "\nThink first."), Message("user", "Refund O-17.")]
    reply = asyncio.run(engine.complete(request_of(engine, messages)))
    assert reply.tool_calls == (ORACLE[0],)


@pytest.mark.parametrize("name", dialects.names())
def test_each_mistake_is_the_one_it_says(name: str) -> None:
    dialect = dialects.get(name)
    right = ORACLE[0]
    made = {m: dialect.parse(make_mistake(m, right, dialect.format_call)) for m in Mistake}
    assert made[Mistake.MALFORMED].error is not None
    assert made[Mistake.EARLY_ANSWER].tool_calls == ()
    assert made[Mistake.EARLY_ANSWER].error is None
    (unknown,), (missing,), (mistyped,), (wrong,) = (
        made[m].tool_calls for m in (Mistake.UNKNOWN_TOOL, Mistake.MISSING_ARGUMENT, Mistake.BAD_TYPE, Mistake.WRONG_ID)
    )
    assert unknown.name not in {t.name for t in TOOLS}
    assert dict(missing.arguments) == {"limit": 3}
    assert isinstance(mistyped.arguments["order_id"], dict)
    assert dict(wrong.arguments) == {"order_id": "O-18", "limit": 3}


def test_tokens_extend_with_the_conversation() -> None:
    engine = ScriptedEngine(lambda _: "ok")
    messages = [Message("system", SYSTEM), Message("user", "Hi")]
    short = asyncio.run(engine.render(messages, TOOLS))
    longer = asyncio.run(engine.render([*messages, Message("assistant", "Hello")], TOOLS))
    assert longer.tokens.startswith(short.tokens)
    assert longer.digest != short.digest
    assert short.digest == asyncio.run(engine.render(list(messages), tuple(TOOLS))).digest
    assert short.n_tokens == len(short.tokens) // 4 > len(SYSTEM) // 8


def test_usage_counts_prompt_reply_and_thinking() -> None:
    engine = ScriptedEngine(lambda _: "<think>so it is</think>yes")
    request = request_of(engine, [Message("user", "Hi")])
    reply = asyncio.run(engine.complete(request))
    assert (reply.content, reply.reasoning) == ("yes", "so it is")
    assert reply.usage.prompt == request.prompt.n_tokens
    assert reply.usage.generated == len(tokenise(reply.text)) // 4
    assert reply.usage.reasoning == 2


def test_a_reply_is_cut_at_max_tokens_and_at_stops() -> None:
    engine = ScriptedEngine(lambda _: dialects.get("hermes").format_call(ORACLE[0]))
    cut = asyncio.run(engine.complete(request_of(engine, [Message("user", "Hi")], max_tokens=6)))
    assert cut.finish_reason is FinishReason.LENGTH
    assert cut.usage.generated == 6
    assert cut.parse_error is not None
    prompt = asyncio.run(engine.render([Message("user", "Hi")], ()))
    stopped = asyncio.run(engine.complete(Request(prompt, Sampling(stop=("</tool_call>",)), 1)))
    assert "</tool_call>" not in stopped.text


def test_a_prompt_beyond_the_context_overflows() -> None:
    engine = ScriptedEngine(lambda _: "ok", n_ctx=16)
    reply = asyncio.run(engine.complete(request_of(engine, [Message("user", "long " * 40)])))
    assert (reply.finish_reason, reply.text, reply.usage.generated) == (FinishReason.OVERFLOW, "", 0)


def test_delay_is_waited_and_reported() -> None:
    engine = ScriptedEngine(lambda _: "ok", delay=0.02)
    start = time.perf_counter()
    reply = asyncio.run(engine.complete(request_of(engine, [Message("user", "Hi")])))
    assert time.perf_counter() - start >= 0.02
    assert reply.times.decode == 0.02


def test_tokens_are_never_negative() -> None:
    import numpy as np

    assert (np.frombuffer(tokenise("é€😀 " * 50), np.int32) >= 0).all()
