"""The measured ledger of a run adds up to its wall time, and to what its trials were charged."""

from __future__ import annotations

import asyncio
import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from sweeping import sweep

from harnesslab import config
from harnesslab.engine.llama import LlamaEngine
from harnesslab.lab.meter import ROWS
from harnesslab.lab.sweep import run_sweep
from harnesslab.models.entry import LoadParams, ModelEntry
from harnesslab.plan import make_plan
from harnesslab.score import summarise
from harnesslab.store.columns import Columns
from harnesslab.store.sqlite import Store
from harnesslab.types import Message, Request, Sampling
from harnesslab_kernels.events import MEMO, REPLY

REAL = """
name = "real"
models = ["smollm2-135m"]
suites = [{ name = "orders", n = 2 }]
seed = 1
concurrency = 2
[harness.abort]
layers = ["abort"]
[harness.loop]
layers = []
[sampling]
max_tokens = 12
[budget]
turns = 2
"""


def read(folder: Path) -> tuple[Columns, dict[str, object]]:
    with Store.open(folder, readonly=True) as store:
        run = store.runs()[-1]
        return store.columns(), {**run, **run["facts"]}


def test_an_engine_without_books_leaves_its_time_unread_and_its_seconds_unknown(tmp_path: Path) -> None:
    sweep(tmp_path)
    columns, run = read(tmp_path)
    meter: dict[str, float] = run["meter"]["rows"]  # type: ignore[index]
    assert set(meter) == set(ROWS)
    assert meter["trials"] == meter["idle"] == meter["scheduling"] == 0.0
    assert 0.0 < meter["unread"] <= sum(meter.values()) <= run["ended"] - run["started"] + 0.1  # type: ignore[operator]
    assert np.isnan(columns.trials["measured"]).any()
    ledger = summarise(columns).cells[0].ledger
    assert ledger.seconds.measured is None
    assert ledger.tokens.saved is not None
    replies = columns.events[columns.events["kind"] == REPLY]
    assert (replies["own"] >= 0).all()
    assert (replies["own"] > 0).any()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, smollm2: Path) -> Path:
    folder = tmp_path_factory.mktemp("real")
    plan = make_plan(config.parse(REAL, Path("real.toml")))
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert run_sweep(plan, folder).finished == len(plan.trials)
    assert "smollm2-135m: 2 requests at once, each with " in said.getvalue()
    return folder


@pytest.mark.model
def test_the_rows_of_a_run_add_up_to_its_wall_time(real: Path) -> None:
    columns, run = read(real)
    meter: dict[str, float] = run["meter"]["rows"]  # type: ignore[index]
    wall: float = run["meter"]["wall"]  # type: ignore[index]
    assert sum(meter.values()) == pytest.approx(wall)
    assert wall == pytest.approx(run["ended"] - run["started"], rel=0.05, abs=1.0)  # type: ignore[operator]
    assert all(seconds >= -1e-6 for seconds in meter.values()), meter
    assert meter["trials"] == pytest.approx(columns.trials["measured"].sum())
    assert meter["dropped"] == pytest.approx(0.0, abs=1e-6)  # nothing was cancelled: all work is some trial's
    whole = run["meter"]["busy"] + run["meter"]["sampling"]  # type: ignore[index]
    assert meter["trials"] + meter["dropped"] == pytest.approx(whole)
    assert meter["unread"] == 0.0
    assert set(run["meter"]["threads"]) == {"smollm2-135m"}  # type: ignore[index]
    assert all(count >= 1 for count in run["meter"]["threads"]["smollm2-135m"].values())  # type: ignore[index]
    assert 0.0 < meter["trials"] < wall - meter["loading"]


@pytest.mark.model
def test_a_calibrated_sweep_knows_both_ledgers(real: Path) -> None:
    columns, run = read(real)
    assert columns.weights["smollm2-135m"].decode > 0
    assert run["engines"]["smollm2-135m"]["weights"]  # type: ignore[index]
    summary = summarise(columns)
    for cell in summary.cells:
        assert cell.ledger.seconds.standalone is not None
        assert cell.ledger.seconds.standalone > 0
    assert summary.ledger.tokens.saved is not None
    replies = columns.events[columns.events["kind"] == REPLY]
    hits = replies[(replies["flags"] & MEMO) > 0]
    assert len(hits)  # both harnesses ask the same first
    first = replies[replies["turn"] == 1]
    assert (first["own"] == 0).all()
    assert (replies[replies["turn"] == 2]["own"] > 0).all()


@pytest.mark.model
def test_a_steps_seconds_are_all_charged_to_its_requests(smollm2: Path) -> None:
    async def scenario() -> None:
        entry = ModelEntry(name="m", load=LoadParams(n_ctx=512))
        engine = await LlamaEngine.start(entry, smollm2, concurrency=3, calibrate=True)
        try:
            assert engine.info.weights is not None
            assert engine.info.weights.prefill > 0
            stats = await engine.stats()
            assert (stats["cells"], stats["prefilled"], stats["busy"]) == (0, 0, 0.0)  # calibration left it clean

            async def ask(i: int) -> float:
                prompt = await engine.render([Message("user", f"Count from {i}. " * (1 + 20 * i))], ())
                reply = await engine.complete(Request(prompt, Sampling(max_tokens=4 + i), i))
                assert reply.tokens is not None
                assert len(reply.tokens) // 4 in (reply.usage.generated - 1, reply.usage.generated)
                assert reply.times.computed is not None
                return reply.times.computed

            charged = await asyncio.gather(*(ask(i) for i in range(4)))
            stats = await engine.stats()
            assert sum(charged) == pytest.approx(stats["busy"] + stats["sampling"], rel=1e-6)
            assert stats["idle"] + stats["busy"] + stats["sampling"] <= stats["up"]
        finally:
            await engine.close()

    asyncio.run(scenario())
