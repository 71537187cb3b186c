"""What the lab itself costs: 1,000 three-call tool trajectories on the scripted engine, through all a sweep does.

Each trajectory is a task of the suite `orders` whose oracle makes three calls: three replies with a call, one with the
answer. It is run by the real loop, recorded, graded, packed, and committed to a sweep's file on disk, one transaction
each. The scripted engine's own work (rendering, toy tokens, parsing of replies) is in the figure; no model is.

    python -m benchmarks.overhead [--trajectories N] [--layers validate,retry] [--profile]
"""

from __future__ import annotations

import argparse
import asyncio
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harnesslab.engine.scripted import ScriptedEngine, oracle_policy, plans_of
from harnesslab.harness.compose import Harness
from harnesslab.harness.loop import run_trial
from harnesslab.store.columns import ORACLE, CellRow, TaskRow, TrialStatus
from harnesslab.store.records import TrialRecord
from harnesslab.store.sqlite import Store
from harnesslab.suites.registry import load_suite
from harnesslab.trace.recorder import LayerTable, TrialRecorder
from harnesslab.types import EndReason, Sampling, Task, stable_hash

CALLS = 3  # per trajectory
CONCURRENCY = 16


def tasks_of(calls: int) -> list[Task]:
    """Tasks of `orders` whose oracle makes that many calls."""
    return [task for task in load_suite("orders", seed=1).tasks if len(task.oracle) == calls]


async def run(n: int, layers: Sequence[str], folder: Path) -> tuple[float, float]:
    """Runs n trajectories; returns seconds of wall and of CPU time, without opening the file and building the suite.

    Raises:
        AssertionError: a trajectory was not what the benchmark says it is.
    """
    tasks = tasks_of(CALLS)
    engine = ScriptedEngine(oracle_policy(plans_of(tasks), mistakes=0.0))
    harness = Harness.parse("benchmark", layers)
    table = LayerTable()
    waiting = iter(range(n))
    with Store.create(folder, {"benchmark": "overhead"}) as store:
        cell = store.add_cell(CellRow("cell", "scripted", harness.name, "orders"))
        none = np.zeros(0, dtype=ORACLE)
        rows = store.add_tasks(
            [(t.view.id, TaskRow("orders", t.view.id, t.base, t.variant, t.tier, none), {}) for t in tasks]
        )

        async def work() -> None:
            for i in waiting:
                task, repeat = tasks[i % len(tasks)], i // len(tasks)
                environment = task.environment(1, repeat)
                recorder = TrialRecorder(table)
                began, start = time.time(), time.perf_counter()
                stream = stable_hash(1, "orders", task.view.id, repeat)
                answer = await run_trial(
                    task.view, environment, None, engine, harness, Sampling(temperature=0.7), recorder, stream
                )
                grade = task.check(environment, answer.text)
                assert grade.passed, grade.reasons
                events, payload = recorder.finish(task.oracle)
                store.add_trial(
                    TrialRecord(
                        id=f"{stream:016x}",
                        cell=cell,
                        task=rows[task.view.id],
                        repeat=repeat,
                        status=TrialStatus.PASSED,
                        end=list(EndReason).index(answer.reason),
                        seconds=time.perf_counter() - start,
                        joules=math.nan,
                        started=began,
                        facts={"reasons": list(grade.reasons)},
                        events=events,
                        payload=payload,
                    ),
                    list(table),
                )
                await asyncio.sleep(0)

        started, computed = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
        took = time.perf_counter() - started, time.process_time() - computed
        assert len(store.done()) == n
    return took


def main() -> None:
    """Prints `ms_per_trajectory=`, `seconds_1000=`, and `cpu_ms_per_trajectory=`, which other programs disturb less."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__.splitlines()[0])
    parser.add_argument("--trajectories", type=int, default=1000)
    parser.add_argument("--layers", default="", help="comma-separated layers of the harness; none is the plain loop")
    parser.add_argument("--profile", action="store_true", help="also print where the time goes")
    options = parser.parse_args()
    layers = [name for name in options.layers.split(",") if name]
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(20, layers, Path(folder) / "warm"))
        if options.profile:
            import cProfile

            with cProfile.Profile() as profile:
                asyncio.run(run(options.trajectories, layers, Path(folder) / "profiled"))
            profile.print_stats("tottime")
        wall, cpu = asyncio.run(run(options.trajectories, layers, Path(folder) / "measured"))
    print(f"ms_per_trajectory={1e3 * wall / options.trajectories:.3f}")
    print(f"seconds_1000={1e3 * wall / options.trajectories:.3f}")
    print(f"cpu_ms_per_trajectory={1e3 * cpu / options.trajectories:.3f}")


if __name__ == "__main__":
    main()
