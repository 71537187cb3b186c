"""A 135M model at temperature 1.5, held by a grammar, through the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from harnesslab.engine.llama import LlamaEngine
from harnesslab.errors import EngineFailure
from harnesslab.models.entry import LoadParams
from harnesslab.models.registry import load_registry
from harnesslab.types import Completion, Constraint, Message, Request, Sampling, ToolSpec

pytestmark = pytest.mark.model

PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "order_id": {"type": "string", "pattern": "^W[0-9]{4}$"},
        "reason": {"type": "string", "enum": ["damaged", "late", "unwanted"]},
        "days": {"type": "integer", "minimum": 0, "maximum": 60},
    },
    "required": ["order_id", "reason"],
}
TOOLS = (
    ToolSpec("return_order", "Returns an order.", PARAMETERS),
    ToolSpec("get_order", "Shows an order.", {**PARAMETERS, "required": ["order_id"]}),
)
SAMPLING = Sampling(temperature=1.5, max_tokens=480)
FREE = replace(SAMPLING, max_tokens=80)  # room for a whole call
PROMPTS = [f"Order W{1000 + 37 * i} came {i + 2} days late. Please return it." for i in range(10)]


async def _with_engine(
    path: Path, body: Callable[[LlamaEngine], Awaitable[None]], *, dialect: str = "", concurrency: int = 5
) -> None:
    entry = load_registry().get("smollm2-135m")
    entry = replace(entry, load=LoadParams(n_ctx=1536, n_gpu_layers=0), dialect=dialect or entry.dialect)
    engine = await LlamaEngine.start(entry, path, concurrency=concurrency)
    try:
        await body(engine)
    finally:
        await engine.close()


async def _ask(engine: LlamaEngine, text: str, key: int, constraint: Constraint | None) -> Completion:
    prompt = await engine.render((Message("user", text),), TOOLS)
    return await engine.complete(Request(prompt, SAMPLING if constraint else FREE, key, constraint))


def _valid(reply: Completion) -> bool:
    if reply.parse_error or not reply.tool_calls:
        return False
    schemas = {t.name: jsonschema_rs.validator_for(dict(t.parameters)) for t in TOOLS}
    return all(c.name in schemas and schemas[c.name].is_valid(dict(c.arguments)) for c in reply.tool_calls)


def test_every_constrained_reply_calls_a_tool_and_free_ones_do_not(smollm2: Path) -> None:
    async def body(engine: LlamaEngine) -> None:
        assert "constrain" in engine.info.capabilities
        required = Constraint("tools", "required")
        held = await asyncio.gather(*(_ask(engine, p, i + 1, required) for i, p in enumerate(PROMPTS)))
        free = await asyncio.gather(*(_ask(engine, p, i + 1, None) for i, p in enumerate(PROMPTS)))
        good, loose = sum(map(_valid, held)), sum(map(_valid, free))
        forced = sum(r.usage.forced for r in held) / sum(r.usage.generated for r in held)
        print(f"\nconstrained={good}/10 free={loose}/10 forced_share={forced:.2f}")
        assert good == 10 > loose
        assert forced > 0.4
        assert all(r.usage.forced < r.usage.generated for r in held)

    asyncio.run(_with_engine(smollm2, body))


def test_a_bad_constraint_fails_its_own_request_only(smollm2: Path) -> None:
    async def body(engine: LlamaEngine) -> None:
        bad = _ask(engine, "Hello", 1, Constraint("regex", "(unclosed"))
        good = _ask(engine, "Is it late?", 2, Constraint("regex", "(yes|no)"))
        results = await asyncio.gather(bad, good, return_exceptions=True)
        assert isinstance(results[0], EngineFailure)
        assert results[0].cause == "constraint"
        assert isinstance(results[1], Completion)
        assert results[1].text in ("yes", "no")

    asyncio.run(_with_engine(smollm2, body))


def test_a_think_block_is_closed_at_its_budget(smollm2: Path) -> None:
    """The model does not think by itself: the conversation ends in an opening tag, as some templates do."""

    async def body(engine: LlamaEngine) -> None:
        prompt = await engine.render((Message("user", "Why is the sky blue?"),), ())
        tokens = engine_tokens(engine, prompt.tokens, smollm2)
        opened = replace(prompt, text=prompt.text + "<think>", tokens=tokens, digest=prompt.digest + 1)
        sampling = Sampling(max_tokens=60, max_thinking=12)
        reply = await engine.complete(Request(opened, sampling, 1))
        thought, closed, said = reply.text.partition("</think>")
        assert closed
        assert thought
        assert said
        assert 1 <= reply.usage.forced <= 8  # the tag
        held = await engine.complete(Request(opened, sampling, 1, Constraint("regex", " ?(yes|no)")))
        assert held.text.startswith(thought + "</think>")
        assert held.text.removeprefix(thought + "</think>").strip() in ("yes", "no")

    asyncio.run(_with_engine(smollm2, body, dialect="hermes", concurrency=2))


def engine_tokens(engine: LlamaEngine, prompt: bytes, path: Path) -> bytes:
    """The prompt's tokens with an opening tag at the end."""
    from native_models import native

    return prompt + native(path).tokenize("<think>", add_bos=False).tobytes()
