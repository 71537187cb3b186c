"""What the scheduler itself costs per step: 64 requests decode in a context that computes nothing, and others wait.

    python -m benchmarks.scheduling

Conversations share a system prompt of 1,300 tokens; each reply has 30 to 90 tokens, and 30 of the next turn follow. So
about one request ends per step, and its place is offered to those that wait. Tokens are not drawn but made up.

Prints milliseconds of processor time per step by the number of waiting requests, ms_per_step_N=, and what a hundred
more add, ms_per_hundred=.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from harnesslab.engine.job import Job
from harnesslab.engine.native import NativeContext
from harnesslab.engine.scheduler import Scheduler
from harnesslab.engine.threads import ThreadTuner
from harnesslab.types import Sampling

AT_ONCE, SYSTEM, TURN, VOCABULARY, LONGEST = 64, 1300, 30, 1000, 4000
END = VOCABULARY - 1


class _Model:
    n_vocab = VOCABULARY
    end_tokens = frozenset({END})
    pieces = (b"ab",) * VOCABULARY


class _Context:
    """Agrees to everything and holds nothing."""

    model, cells, n_batch, streams = _Model(), 139_264, 2048, False

    def decode(self, parts: Sequence[object]) -> int:
        return 0

    def reaches(self, *_: int) -> bool:
        return True

    def save(self, sequence: int) -> NDArray[np.uint8]:
        return np.zeros(8, np.uint8)

    def __getattr__(self, name: str) -> Any:
        return lambda *_: True


def ms_per_step(waiting: int, steps: int) -> float:
    rng = np.random.default_rng(1)
    scheduler = Scheduler(
        cast(NativeContext, _Context()),
        sequences=256,
        concurrency=AT_ONCE,
        idle_cells=32_768,
        threads=ThreadTuner((1,)),
        parking=2**30,
    )
    scheduler.drawing.sample = lambda jobs: rng.integers(0, END, len(jobs), np.int32)  # type: ignore[method-assign]
    system = rng.integers(0, END, SYSTEM, np.int32)
    said = [np.concatenate([system, rng.integers(0, END, 100, np.int32)]) for _ in range(AT_ONCE + waiting)]
    asked: dict[int, int] = {}  # request -> conversation

    def ask(conversation: int) -> None:
        id = len(asked)
        asked[id] = conversation
        sampling = Sampling(temperature=0.7, top_k=20, max_tokens=int(rng.integers(30, 90)))
        scheduler.submit(Job(id, said[conversation], sampling, id, 8192))

    def run(n: int) -> None:
        for _ in range(n):
            for done in scheduler.step():
                c = asked[done.id]
                reply = np.frombuffer(done.tokens, np.int32)
                said[c] = np.concatenate([said[c], reply, rng.integers(0, END, TURN, np.int32)])
                if len(said[c]) > LONGEST:
                    said[c] = said[c][: SYSTEM + 100]
                ask(c)

    for conversation in range(len(said)):
        ask(conversation)
    run(100)
    start = time.process_time()
    run(steps)
    return 1000 * (time.process_time() - start) / steps


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scheduling", description=__doc__.splitlines()[0])
    parser.add_argument("--waiting", type=int, nargs="+", default=[0, 200, 1000])
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    took = {n: ms_per_step(n, options.steps) for n in options.waiting}
    for n, ms in took.items():
        print(f"ms_per_step_{n}={ms:.2f}")
    fewest, most = min(took), max(took)
    if most > fewest:
        print(f"ms_per_hundred={100 * (took[most] - took[fewest]) / (most - fewest):.3f}")


if __name__ == "__main__":
    main()
