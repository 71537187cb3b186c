"""A real model whose conversation outgrows its context: `loop` ends there, `compact` goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from one_trial import Recorded, record

from harnesslab.engine.llama import LlamaEngine
from harnesslab.models.entry import LoadParams, ModelEntry
from harnesslab.types import Budget, EndReason, EventKind, Sampling, Status

pytestmark = pytest.mark.model

N_CTX = 1024


async def both(path: Path, *stacks: list[Any]) -> list[Recorded]:
    engine = await LlamaEngine.start(ModelEntry(name="m", load=LoadParams(n_ctx=N_CTX)), path, concurrency=1)
    try:
        assert "context" in engine.info.capabilities
        return [
            await record(
                engine, [*stack, "forcing_layers:Caller"], budget=Budget(turns=12), sampling=Sampling(max_tokens=64)
            )
            for stack in stacks
        ]
    finally:
        await engine.close()


def test_loop_ends_in_overflow_where_compact_goes_on(smollm2: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loop, compact = asyncio.run(both(smollm2, [], ["compact"]))
    last, _ = loop.replies()[-1]
    assert loop.answer.reason is EndReason.OVERFLOW
    assert last["status"] == Status.OVERFLOW
    assert last["prompt"] + last["generated"] >= N_CTX
    loop.print()
    assert f"end: overflow (a context of {N_CTX:,} tokens)" in capsys.readouterr().out
    assert compact.answer.reason is EndReason.TURNS
    assert len(compact.replies()) == 12
    assert all(e["prompt"] + 64 <= N_CTX for e, _ in compact.replies())
    said = [p for e, p in zip(compact.events, compact.payloads, strict=True) if e["kind"] == EventKind.LAYER]
    assert said
    assert all(p["saved"] > 0 and p["left_out"] for p in said)
    sent = [int(e["prompt"]) for e, _ in compact.replies()]
    assert {p["prompt"] for p in said} <= set(sent)
