"""What a grade costs, and how the world's operations grow with the state.

A grade is all that judging a finished trial takes: a fresh world, the calls played into it, the goal check. The calls
are the oracle's, which are as many as a trial that passes needs. `check` is the goal check alone.

    python -m benchmarks.grade [--suite orders] [--grades N]

Then, for tables of 1,000 to 300,000 rows of which a trial has written 10: microseconds per snapshot, restore, digest,
and per first write after a snapshot. They are to stay what they are, however large the base table is; only building
the base grows with it, which happens once per suite. CPU time of this process, which runs on one core.

Prints `grades_per_second=`, `checks_per_second=`, `rows_R_snapshot_us=`, `rows_R_restore_us=`, `rows_R_digest_us=`,
`rows_R_write_us=`, `rows_R_build_s=` for every size R, and `growth_OP=`: largest over smallest size.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from harnesslab.suites.agents import oracle
from harnesslab.suites.registry import load_suite
from harnesslab.suites.world import Base, World
from harnesslab.types import Suite

SIZES = (1_000, 10_000, 100_000, 300_000)
WRITES = 10


def per_second(n: int, what: Callable[[int], object]) -> float:
    started = time.process_time()
    for i in range(n):
        what(i)
    return n / (time.process_time() - started)


def grade_rates(suite: Suite, n: int) -> tuple[float, float]:
    """Grades and checks per second, over all tasks in turn.

    Raises:
        AssertionError: an oracle did not pass.
    """
    tasks = suite.tasks
    ended = []
    for task in tasks:
        environment = task.environment(0, 0)
        ended.append((task, environment, oracle(task, environment)))

    def grade(i: int) -> None:
        task = tasks[i % len(tasks)]
        environment = task.environment(0, 0)
        assert task.check(environment, oracle(task, environment)).passed, task.view.id

    def check(i: int) -> None:
        task, environment, answer = ended[i % len(ended)]
        assert task.check(environment, answer).passed, task.view.id

    grade(0)
    return per_second(n, grade), per_second(n, check)


def costs(rows: int) -> dict[str, float]:
    """Microseconds per operation on a world of this many rows, and the seconds that its base takes to build."""
    began = time.process_time()
    table = {f"R{i}": {"owner": f"C{i % 997}", "amount": i, "tags": ("a", "b"), "open": True} for i in range(rows)}
    base = Base({"rows": table})
    World(base).digest()
    built = time.process_time() - began
    world = World(base)
    for i in range(WRITES):
        world.update("rows", f"R{i * (rows // WRITES)}", amount=-1)
    kept = world.snapshot()

    def write(i: int) -> None:
        world.restore(kept)
        world.update("rows", "R7", amount=-2 - i)

    world.restore(kept)
    found = {
        "snapshot_us": 1e6 / per_second(20_000, lambda i: world.snapshot()),
        "restore_us": 1e6 / per_second(20_000, lambda i: world.restore(kept)),
        "digest_us": 1e6 / per_second(2_000, lambda i: world.digest()),
        "write_us": 1e6 / per_second(5_000, write),
    }
    return {**found, "build_s": built}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grade", description=__doc__.splitlines()[0])
    parser.add_argument("--suite", default="orders")
    parser.add_argument("--grades", type=int, default=5_000)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="rows of the tables")
    options = parser.parse_args()
    grades, checks = grade_rates(load_suite(options.suite, seed=1), options.grades)
    print(f"grades_per_second={grades:.0f}")
    print(f"checks_per_second={checks:.0f}")
    by_size = {rows: costs(rows) for rows in options.sizes}
    for rows, found in by_size.items():
        for name, value in found.items():
            print(f"rows_{rows}_{name}={value:.2f}")
    smallest, largest = by_size[min(by_size)], by_size[max(by_size)]
    for name in smallest:
        if name != "build_s":
            print(f"growth_{name.removesuffix('_us')}={largest[name] / smallest[name]:.2f}")


if __name__ == "__main__":
    main()
