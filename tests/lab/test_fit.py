"""What is chosen for a model is known before it is loaded, and follows the split over GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harnesslab import config
from harnesslab.engine.native import NativeModel
from harnesslab.engine.plan_context import ContextPlan, plan_context, sizes
from harnesslab.lab.estimate import print_estimate
from harnesslab.lab.fit import Room, chosen, need
from harnesslab.models.devices import usable
from harnesslab.models.entry import LoadParams, ModelEntry
from harnesslab.plan import make_plan

GRID = """
name = "dry"
models = ["smollm2-135m"]
suites = [{ name = "orders", n = 2 }]
concurrency = 6
[harness.loop]
layers = []
"""
HOST = Room("memory", 1e15)


@pytest.mark.model
@pytest.mark.parametrize("concurrency", [0, 3])
def test_a_files_header_tells_what_its_worker_will_choose(smollm2: Path, concurrency: int) -> None:
    load = LoadParams(n_ctx=2048)
    header = need(ModelEntry("m", load=load), smollm2, HOST, concurrency)
    loaded = plan_context(NativeModel(str(smollm2), load), load, concurrency, -1, 0)
    assert shown(header.plan) == shown(loaded)
    assert header.plan.concurrency == (concurrency or 12)
    assert header.weights == smollm2.stat().st_size
    assert 0 < header.kv < header.total


def shown(plan: ContextPlan) -> tuple[object, ...]:
    return plan.n_ctx, plan.cells, plan.streams, plan.concurrency, plan.n_batch, plan.thread_counts, plan.flash_attn


@pytest.mark.model
def test_a_dry_run_shows_what_would_be_chosen(
    smollm2: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_estimate(make_plan(config.parse(GRID, tmp_path / "dry.toml")), tmp_path / "out", scripted=False)
    line = "  6 requests at once, each with 8,192 KV cells of its own, batches of 512 tokens, "
    assert line in capsys.readouterr().out


@pytest.mark.parametrize(
    ("free", "split", "expected"),
    [
        ((8.0, 24.0), (), 32.0),
        ((8.0, 24.0), (1.0, 1.0), 16.0),
        ((8.0, 24.0), (1.0, 3.0), 32.0),
        ((8.0, 24.0), (0.0, 1.0), 24.0),
        ((8.0,), (1.0, 3.0), 8.0),
        ((8.0, 24.0), (0.0, 0.0), 32.0),
    ],
)
def test_of_a_split_model_the_gpu_that_is_full_first_is_the_bound(
    free: Sequence[float], split: Sequence[float], expected: float
) -> None:
    assert usable(free, split) == pytest.approx(expected)


def test_little_memory_makes_fewer_cells_and_fewer_requests() -> None:
    plans = [
        sizes(LoadParams(n_ctx=4096), trained=0, per_cell=1e5, gpu=True, free=free, concurrency=64)
        for free in (1e9, 1e10, 1e12)
    ]
    assert [p.cells for p in plans] == [4096, 25088, 266240]
    assert [p.concurrency for p in plans] == [8, 49, 64]


def test_on_a_cpu_requests_have_streams_unless_memory_has_room_for_few() -> None:
    def plan(free: float, **other: Any) -> tuple[bool, int, int]:
        chosen = sizes(LoadParams(n_ctx=4000), trained=0, per_cell=1e5, gpu=False, free=free, **other)
        return chosen.streams, chosen.concurrency, chosen.cells

    assert plan(1e12) == (True, 12, 12 * 4096)
    assert plan(1e10) == (True, 6, 6 * 4096)
    assert plan(6e9) == (False, 8, 15104)
    assert plan(6e9, concurrency=3) == (True, 3, 3 * 4096)
    assert plan(1e12, cuttable=False) == (False, 8, 24576)
    flash = sizes(LoadParams(flash_attn=True), trained=0, per_cell=1e5, gpu=False, free=1e12)
    assert not flash.streams


def test_the_line_says_whether_threads_are_chosen() -> None:
    facts = {"concurrency": 8, "cells": 24576, "streams": False, "n_batch": 512, "thread_counts": (4, 2, 1)}
    assert chosen(facts).endswith(
        "8 requests at once in 24,576 KV cells, batches of 512 tokens, 1 to 4 threads, chosen while working"
    )
    assert chosen({**facts, "thread_counts": (1,)}).endswith("tokens, 1 thread")
