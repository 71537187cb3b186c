"""`constrain` around a 135M model at temperature 1.5: whole trials through the worker."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from toy_desk import TOOLBOX, ListRecorder, ToyDesk

from harnesslab.engine.llama import LlamaEngine
from harnesslab.harness.compose import Harness
from harnesslab.harness.loop import run_trial
from harnesslab.harness.schemas import fits
from harnesslab.models.entry import LoadParams
from harnesslab.models.registry import load_registry
from harnesslab.types import Budget, Completion, EventKind, FinishReason, Sampling, TaskView

pytestmark = pytest.mark.model

HELD = Harness.parse("held", [{"name": "constrain", "text": "first"}])
SAMPLING = Sampling(temperature=1.5, max_tokens=320)  # room for the eight calls of a reply
TRIALS = 3


def sound(reply: Completion) -> bool:
    """Calls of known tools with arguments that fit, or a text answer."""
    if reply.parse_error is not None:
        return False
    tools = [(TOOLBOX.get(call.name), call.arguments) for call in reply.tool_calls]
    return all(tool is not None and fits(tool, arguments) for tool, arguments in tools)


def test_every_reply_is_a_sound_call_or_a_text_unless_its_call_was_cut_off(smollm2: Path) -> None:
    async def body() -> list[Completion]:
        entry = replace(load_registry().get("smollm2-135m"), load=LoadParams(n_ctx=2048, n_gpu_layers=0))
        engine = await LlamaEngine.start(entry, smollm2, concurrency=TRIALS)
        recorders = [ListRecorder() for _ in range(TRIALS)]
        view = TaskView("toy.0", "You run the order desk.", "What is the state of order O-1?", Budget(turns=2))
        try:
            await asyncio.gather(
                *(run_trial(view, ToyDesk(), None, engine, HELD, SAMPLING, r, i) for i, r in enumerate(recorders, 1))
            )
        finally:
            await engine.close()
        return [event.completion for recorder in recorders for event in recorder.of(EventKind.REPLY)]

    replies = asyncio.run(body())
    cut = [r for r in replies if r.finish_reason is not FinishReason.STOP and r.parse_error is not None]
    calls = [call for reply in replies for call in reply.tool_calls]
    print(f"\nreplies={len(replies)} cut={len(cut)} calls={len(calls)}")
    assert all(sound(reply) for reply in replies if reply not in cut)
    assert calls
