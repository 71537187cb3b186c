"""Is the standalone ledger true? Trials run alone, and what the weights say they cost.

    python -m benchmarks.ledger --model smollm2-135m

A few `orders` trials in three harnesses, one after another: one at a time, no memo, and for each an engine of its own,
so that nothing lies in the cache but what the trial computed itself. Every engine is calibrated when it starts, as in a
sweep, and its trial is predicted by its own weights.

Prints name=value lines: standalone_ratio (predicted / measured seconds) in all, by harness, and the smallest and
largest of a single trial; engine_ratio, the same against the seconds inside llama_decode and the sampler only;
quietest_ratio, with all trials predicted by the cheapest calibration, as a report does it; calibrations, the dearest
calibration over the cheapest: how much the machine moved meanwhile. On a busy machine --threads 1 is the steadier
comparison: threads that spin for each other beside other programs are slow at random.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab.engine.llama import LlamaEngine
from harnesslab.harness.compose import Harness
from harnesslab.harness.loop import run_trial
from harnesslab.models.entry import ModelEntry
from harnesslab.suites.registry import load_suite
from harnesslab.trace.events import unpack_events
from harnesslab.trace.recorder import LayerTable, TrialRecorder
from harnesslab.types import Sampling, Task, Weights, stable_hash
from harnesslab_kernels.scan import no_oracles, scan

HARNESSES: dict[str, list[Any]] = {
    "loop": [],
    "validate+rewind": ["validate", "rewind"],
    "guardrails": ["validate", "retry"],
}


@dataclass(frozen=True, slots=True)
class Alone:
    """One trial that had its engine to itself: float64[AMOUNTS], the engine's weights, and seconds of wall time and of
    the engine's work."""

    harness: str
    amounts: NDArray[np.float64]
    weights: Weights
    wall: float
    engine: float

    def predicted(self, weights: Weights) -> float:
        return float(self.amounts @ np.array(astuple(weights)))


async def run_alone(entry: ModelEntry, path: Path, threads: int, task: Task, name: str, sampling: Sampling) -> Alone:
    """Starts an engine, calibrates it, and runs one trial on it."""
    engine = await LlamaEngine.start(entry, path, concurrency=1, threads=threads, calibrate=True)
    try:
        assert engine.info.weights is not None
        recorder, harness = TrialRecorder(LayerTable()), Harness.parse(name, HARNESSES[name])
        environment, stream = task.environment(1, 0), stable_hash(1, task.view.id, 0)
        start = time.perf_counter()
        await run_trial(task.view, environment, None, engine, harness, sampling, recorder, stream)
        wall = time.perf_counter() - start
    finally:
        await engine.close()
    events = unpack_events(recorder.finish(task.oracle)[0])
    amounts = scan(events, np.array([0, len(events)]), *no_oracles(1)).amounts[0]
    return Alone(name, amounts, engine.info.weights, wall, recorder.measured)


async def measure(options: argparse.Namespace) -> None:
    from harnesslab.models.fetch import ensure
    from harnesslab.models.registry import load_registry

    entry: ModelEntry = load_registry().get(options.model)
    path = ensure(entry)
    sampling = Sampling(temperature=0.7, top_p=0.8, top_k=20, max_tokens=160)
    trials: list[Alone] = []
    for task in load_suite("orders", seed=1, n=options.tasks).tasks:
        for name in HARNESSES:
            trials.append(await run_alone(entry, path, options.threads, task, name, sampling))
            predicted, wall = trials[-1].predicted(trials[-1].weights), trials[-1].wall
            print(f"# {task.view.id} {name}: {predicted:.1f} s predicted, {wall:.1f} s measured", flush=True)
    report(trials)


def report(trials: Sequence[Alone]) -> None:
    wall, engine = np.array([t.wall for t in trials]), np.array([t.engine for t in trials])
    names = np.array([t.harness for t in trials])
    predicted = np.array([t.predicted(t.weights) for t in trials])
    by_calibration = [sum(t.predicted(other.weights) for t in trials) for other in trials]
    print(f"trials={len(trials)}")
    print(f"standalone_ratio={predicted.sum() / wall.sum():.3f}")
    for name in HARNESSES:
        print(f"standalone_ratio_{name}={predicted[names == name].sum() / wall[names == name].sum():.3f}")
    print(f"standalone_ratio_min={(predicted / wall).min():.3f}")
    print(f"standalone_ratio_max={(predicted / wall).max():.3f}")
    print(f"engine_ratio={predicted.sum() / engine.sum():.3f}")
    print(f"quietest_ratio={min(by_calibration) / wall.sum():.3f}")
    print(f"calibrations={max(by_calibration) / min(by_calibration):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--tasks", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="of the engine; 0: chosen while working")
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
