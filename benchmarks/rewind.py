"""What it costs to go back 1,000 tokens: sharing the cells up to a checkpoint, against computing them again.

python -m benchmarks.rewind --model qwen2.5-coder-0.5b      prints rewind_ms=, prefill_ms=, ratio=
"""

from __future__ import annotations

import argparse
import time

import numpy as np

BACK, CHECKPOINT = 1000, 500


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rewind", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    name = parser.parse_args().model
    from harnesslab.engine.job import Job
    from harnesslab.engine.native import NativeContext, NativeModel
    from harnesslab.engine.plan_context import cores
    from harnesslab.engine.scheduler import Scheduler
    from harnesslab.engine.threads import ThreadTuner
    from harnesslab.models.fetch import ensure
    from harnesslab.models.registry import load_registry
    from harnesslab.types import Sampling

    entry = load_registry().get(name)
    model = NativeModel(str(ensure(entry)), entry.load)
    context = NativeContext(model, entry.load, cells=8192, sequences=8, n_batch=512, outputs=2, threads=cores())
    scheduler = Scheduler(context, sequences=8, concurrency=2, idle_cells=8192, threads=ThreadTuner((cores(),)))
    text = model.tokenize("The desk sells apples, pears, tea and salt. " * 400, add_bos=model.add_bos)
    long = text[: CHECKPOINT + BACK]

    def first_token(id: int, prompt: np.ndarray) -> float:
        scheduler.submit(Job(id, prompt, Sampling(max_tokens=1), id, 8192))
        start = time.perf_counter()
        while scheduler.pending:
            scheduler.step()
        return time.perf_counter() - start

    first_token(0, long)
    # the checkpoint plus a reason, and the same tokens where nothing is held
    reason = model.tokenize(" That failed; try another way.", add_bos=False)
    back = np.concatenate([long[:CHECKPOINT], reason])
    busy = context.decode
    spent = []

    def timed(parts: object) -> int:
        start = time.perf_counter()
        code = busy(parts)  # type: ignore[arg-type]
        spent.append(time.perf_counter() - start)
        return code

    context.decode = timed  # type: ignore[method-assign]
    took = first_token(1, back)
    rewind = took - sum(spent)
    fresh = NativeContext(model, entry.load, cells=8192, sequences=1, n_batch=512, outputs=1, threads=cores())
    start = time.perf_counter()
    fresh.decode([(0, 0, long[:CHECKPOINT], True)])
    prefill = time.perf_counter() - start
    print(f"rewind_ms={1e3 * rewind:.2f}")
    print(f"prefill_ms={1e3 * prefill:.1f}")
    print(f"ratio={prefill / rewind:.0f}")


if __name__ == "__main__":
    main()
