"""The memo changes no trial, on a real model with one sequence too; what it holds is never computed again."""

from __future__ import annotations

import dataclasses
import signal
from collections import Counter
from pathlib import Path

import pytest
from sweeping import GRID, contents, plan_of, sweep

from harnesslab import config
from harnesslab.engine.llama import LlamaEngine
from harnesslab.engine.scripted import ScriptedEngine
from harnesslab.lab.demo import demo_engine
from harnesslab.lab.sweep import Options, Result, run_sweep
from harnesslab.models.entry import ModelEntry
from harnesslab.plan import make_plan
from harnesslab.store.sqlite import Store
from harnesslab.types import Completion, Engine, Request
from harnesslab_kernels.events import MEMO, REPLY

FOUR = GRID + '[harness.rewinding]\nlayers = ["validate", "rewind"]\n'

REAL = """
name = "memo"
models = ["smollm2"]
suites = [{ name = "shelf_suite:load", n = 2 }]
repeats = 2
concurrency = 1
[harness.abort]
layers = ["abort"]
[harness.loop]
layers = []
[harness.guarded]
layers = ["validate", "retry"]
[harness.rewinding]
layers = ["validate", "rewind"]
[sampling]
temperature = 0.8
max_tokens = 8
"""


def hits(folder: Path) -> int:
    """Replies that were taken from the memo."""
    with Store.open(folder, readonly=True) as store:
        events = store.columns().events
    return int(((events["kind"] == REPLY) & (events["flags"] & MEMO > 0)).sum())


def test_four_harnesses_have_the_same_trials_with_and_without(tmp_path: Path) -> None:
    sweep(tmp_path / "with", FOUR)
    sweep(tmp_path / "without", FOUR, memo=False)
    assert len(contents(tmp_path / "with")) == 96
    assert contents(tmp_path / "with") == contents(tmp_path / "without")
    assert hits(tmp_path / "with") > 100
    assert hits(tmp_path / "without") == 0


@pytest.mark.model
def test_a_real_model_with_one_sequence_has_the_same_trials_with_and_without(
    tmp_path: Path, smollm2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request at a time, each from an empty context: the same chunks, so the same logits and the same draws."""
    models = tmp_path / "models.toml"
    models.write_text(
        f'[smollm2]\nfile = "{smollm2.name}"\nsources = [{{ path = "{smollm2}" }}]\n'
        "load = { n_ctx = 1024, threads = 1 }\n"
    )
    monkeypatch.setenv("HARNESSLAB_MODELS", str(models))
    plan = make_plan(config.parse(REAL, tmp_path / "memo.toml"))

    async def start(entry: ModelEntry) -> Engine:
        return await LlamaEngine.start(entry, smollm2, concurrency=1, idle_cells=0)

    for name, memo in (("with", True), ("without", False)):
        result = run_sweep(plan, tmp_path / name, options=Options(show=False, memo=memo, start=start))
        assert (result.finished, result.missing) == (16, 0)
    assert contents(tmp_path / "with") == contents(tmp_path / "without")
    assert hits(tmp_path / "with") > hits(tmp_path / "without") == 0


class Answering:
    """Counts the replies that were computed, by request. `version`: of its server.

    After `stop_at` of them it presses Ctrl-C, at a reply that calls a tool, so that a trial is cut off in flight.
    """

    def __init__(
        self, inner: ScriptedEngine, answered: Counter[tuple[object, ...]], stop_at: int = 0, version: str = ""
    ) -> None:
        self.inner, self.answered, self.stop_at = inner, answered, stop_at
        self.info = dataclasses.replace(inner.info, details={**inner.info.details, "version": version})
        self.render, self.close = inner.render, inner.close

    async def complete(self, request: Request) -> Completion:
        reply = await self.inner.complete(request)
        self.answered[self.info.model, request.prompt.tokens, request.rng_key, request.sampling] += 1
        if reply.tool_calls and 0 < self.stop_at <= self.answered.total():
            self.stop_at = 0
            signal.raise_signal(signal.SIGINT)
        return reply


def run_answering(
    folder: Path, answered: Counter[tuple[object, ...]], stop_at: int = 0, *, version: str = "", text: str = FOUR
) -> Result:
    plan = plan_of(text)

    async def start(entry: ModelEntry) -> Engine:
        return Answering(demo_engine(entry.name, (t.task for t in plan.tasks)), answered, stop_at, version)  # type: ignore[return-value]

    return run_sweep(plan, folder, scripted=True, options=Options(show=False, start=start))


def test_what_was_answered_before_an_interruption_is_never_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESSLAB_SCRIPTED_DELAY", "0.002")
    answered: Counter[tuple[object, ...]] = Counter()
    for stop_at in (40, 80, 0):
        last = run_answering(tmp_path / "halting", answered, stop_at)
        assert last.stopped == ("interrupted" if stop_at else "")
    undisturbed: Counter[tuple[object, ...]] = Counter()
    run_answering(tmp_path / "undisturbed", undisturbed)
    assert set(answered.values()) == {1}
    assert answered == undisturbed
    assert contents(tmp_path / "halting") == contents(tmp_path / "undisturbed")


def test_what_another_build_answered_is_computed_again(tmp_path: Path) -> None:
    """A fourth harness asks at first what the other three have asked."""
    for second, most in (("b1", 1), ("b2", 2)):
        answered: Counter[tuple[object, ...]] = Counter()
        run_answering(tmp_path / second, answered, version="b1", text=GRID)
        run_answering(tmp_path / second, answered, version=second)
        assert max(answered.values()) == most
