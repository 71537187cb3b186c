"""After a rewind the trace says how the prompt up to the checkpoint was had, and how many tokens that saved."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from native_models import native, scheduler, tokens
from one_trial import InProcess, Recorded, record

from harnesslab.engine.llama import LlamaEngine
from harnesslab.models.entry import LoadParams, ModelEntry
from harnesslab.types import Sampling

pytestmark = pytest.mark.model

LAYERS = ["rewind", "forcing_layers:Fumble"]
STORY = "The desk sells apples, pears, tea and salt to everyone in town. "


def said(trial: Recorded, capsys: pytest.CaptureFixture[str]) -> str:
    """The line of `harnesslab trace` about the reply after the first rewind."""
    trial.print()
    return next(line.strip() for line in capsys.readouterr().out.splitlines() if "rewound:" in line)


@pytest.mark.parametrize(
    ("idle_cells", "reuse", "how"), [(-1, "cells", "kept in cells"), (1, "state", "restored from a parked state")]
)
def test_cells_and_parked_states(
    smollm2: Path, idle_cells: int, reuse: str, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def go() -> Recorded:
        entry = ModelEntry(name="m", load=LoadParams(n_ctx=2048))
        engine = await LlamaEngine.start(entry, smollm2, concurrency=1, idle_cells=idle_cells)
        try:
            return await record(engine, LAYERS)
        finally:
            await engine.close()

    trial = asyncio.run(go())
    (first, before), (second, after) = trial.replies()[:2]
    assert "reuse" not in before
    assert after["reuse"] == reuse
    assert 0.9 * first["prompt"] < second["cached"] < second["prompt"]
    computed = second["prompt"] - second["cached"]
    assert said(trial, capsys) == f"rewound: {second['cached']:,} tokens {how}, {computed:,} computed"


@pytest.mark.parametrize(("sequences", "reuse"), [(16, "cells"), (2, "")])
def test_a_window_that_forgot_the_checkpoint_is_computed_again(
    gemma270: Path, sequences: int, reuse: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With two sequences the window has few cells, and another trial's prompt overwrites part of this one."""
    model = native(gemma270)
    other = tokens(model, "Once upon a time there was a very long story. " * 200)[:1400]
    engine = InProcess(model, scheduler(model, cells=4096, sequences=sequences, idle_cells=4096, concurrency=1), other)

    async def go() -> Recorded:
        try:
            return await record(engine, LAYERS, system=STORY * 45, sampling=Sampling(max_tokens=12))
        finally:
            await engine.close()

    trial = asyncio.run(go())
    (first, _), (second, after) = trial.replies()[:2]
    assert first["prompt"] > 600
    assert after.get("reuse", "") == reuse
    if reuse:
        assert second["cached"] > 0.9 * first["prompt"]
        assert "kept in cells" in said(trial, capsys)
    else:
        assert second["cached"] == 0
        assert said(trial, capsys) == f"rewound: {second['prompt']:,} tokens computed again"
