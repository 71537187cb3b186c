"""Is the standalone ledger true? Trials run alone, and what the weights say they cost.

    python -m benchmarks.ledger --model smollm2-135m

A few `orders` trials in three harnesses, one after another: no memo, and nothing in the cache but what the trial
computed itself (each trial's system prompt begins with words of its own). The weights are those of the calibration when
the engine starts, as in a sweep; the calibration is repeated at the end, to show how much the machine moved meanwhile.

Prints name=value lines: standalone_ratio (predicted / measured seconds) in all, by harness, and the smallest and
largest of a single trial; engine_ratio, the same against the seconds inside llama_decode and the sampler only; and
recalibrated_ratio, predicted by the second calibration / by the first.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from harnesslab.engine.llama import LlamaEngine
from harnesslab.harness.compose import Harness
from harnesslab.harness.loop import run_trial
from harnesslab.models.entry import ModelEntry
from harnesslab.suites.registry import load_suite
from harnesslab.trace.events import unpack_events
from harnesslab.trace.recorder import LayerTable, TrialRecorder
from harnesslab.types import (
    Completion,
    Engine,
    EngineInfo,
    Message,
    Prompt,
    Request,
    Sampling,
    Task,
    ToolSpec,
    Weights,
    stable_hash,
)
from harnesslab_kernels.standalone import standalone_amounts

HARNESSES: dict[str, list[Any]] = {
    "loop": [],
    "validate+rewind": ["validate", "rewind"],
    "guardrails": ["validate", "retry"],
}


@dataclass(frozen=True, slots=True)
class Alone:
    """One trial that had the machine to itself: float64[AMOUNTS], seconds of wall time and of the engine's work."""

    harness: str
    amounts: np.ndarray[Any, Any]
    wall: float
    engine: float


class Fresh:
    """An engine whose cache holds nothing of earlier trials: every prompt begins with this trial's own words."""

    def __init__(self, inner: Engine, words: str) -> None:
        self._inner, self._words = inner, words

    @property
    def info(self) -> EngineInfo:
        return self._inner.info

    async def render(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Prompt:
        first, *rest = messages
        return await self._inner.render([replace(first, content=f"{self._words}. {first.content}"), *rest], tools)

    async def complete(self, request: Request) -> Completion:
        return await self._inner.complete(request)

    async def close(self) -> None:
        """Whoever made the inner engine closes it."""


async def run_alone(engine: Engine, task: Task, name: str, repeat: int, sampling: Sampling) -> Alone:
    recorder = TrialRecorder(LayerTable())
    words = f"{stable_hash(task.view.id, name, repeat):020d}"
    start = time.perf_counter()
    await run_trial(
        task.view,
        task.environment(1, repeat),
        None,
        Fresh(engine, words),
        Harness.parse(name, HARNESSES[name]),
        sampling,
        recorder,
        stable_hash(1, task.view.id, repeat),
    )
    wall = time.perf_counter() - start
    events = unpack_events(recorder.finish(task.oracle)[0])
    return Alone(name, standalone_amounts(events, np.array([0, len(events)]))[0], wall, recorder.measured)


async def started(entry: ModelEntry, path: Path) -> tuple[LlamaEngine, Weights]:
    engine = await LlamaEngine.start(entry, path, concurrency=1, calibrate=True)
    assert engine.info.weights is not None
    print(f"# loaded and calibrated in {engine.info.details['load_seconds']} s: {engine.info.weights}", flush=True)
    return engine, engine.info.weights


async def measure(options: argparse.Namespace) -> None:
    from harnesslab.models.fetch import ensure
    from harnesslab.models.registry import load_registry

    entry: ModelEntry = load_registry().get(options.model)
    path = ensure(entry)
    sampling = Sampling(temperature=0.7, top_p=0.8, top_k=20, max_tokens=160)
    engine, weights = await started(entry, path)
    trials: list[Alone] = []
    for task in load_suite("orders", seed=1, n=options.tasks).tasks:
        for name in HARNESSES:
            trials.append(await run_alone(engine, task, name, 0, sampling))
            last = trials[-1]
            predicted = last.amounts @ np.array(astuple(weights))
            print(f"# {task.view.id} {name}: {predicted:.1f} s predicted, {last.wall:.1f} s measured", flush=True)
    await engine.close()
    again, later = await started(entry, path)
    await again.close()
    report(trials, weights, later)


def report(trials: Sequence[Alone], weights: Weights, later: Weights) -> None:
    amounts = np.array([t.amounts for t in trials])
    wall, engine = np.array([t.wall for t in trials]), np.array([t.engine for t in trials])
    names = np.array([t.harness for t in trials])
    predicted = amounts @ np.array(astuple(weights))
    print(f"trials={len(trials)}")
    print(f"standalone_ratio={predicted.sum() / wall.sum():.3f}")
    for name in HARNESSES:
        print(f"standalone_ratio_{name}={predicted[names == name].sum() / wall[names == name].sum():.3f}")
    print(f"standalone_ratio_min={(predicted / wall).min():.3f}")
    print(f"standalone_ratio_max={(predicted / wall).max():.3f}")
    print(f"engine_ratio={predicted.sum() / engine.sum():.3f}")
    print(f"recalibrated_ratio={(amounts @ np.array(astuple(later))).sum() / predicted.sum():.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--tasks", type=int, default=3)
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
