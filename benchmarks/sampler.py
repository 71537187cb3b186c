"""The compiled sampler against plain copies of the same logits.

    python -m benchmarks.sampler      prints copy_multiple=, sample_ms=, copy_ms=

32 rows of 151,936 logits with a mask, temperature, top-k and min-p, in place; the best of many runs of each,
alternating.
"""

from __future__ import annotations

import time

import numpy as np

from harnesslab_kernels.sampling import SETTINGS, sample

ROWS, VOCABULARY, RUNS = 32, 151_936, 60


def main() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2.5, (ROWS, VOCABULARY)).astype(np.float32)
    settings = np.zeros(ROWS, SETTINGS)
    settings["temperature"], settings["top_k"], settings["min_p"] = 0.7, 20, 0.05
    settings["top_p"] = settings["penalty"] = 1.0
    settings["masked"], settings["key"] = 1, np.arange(ROWS)
    masks = np.full((ROWS, (VOCABULARY + 31) // 32), 0xFFFFFFFF, np.uint32)
    masks[:, ::5] = 0xF0F0F0F0
    recent, offsets = np.empty(0, np.int32), np.zeros(ROWS + 1, np.int64)
    work, target = logits.copy(), np.empty_like(logits)
    sampling, copying = [], []
    for _ in range(RUNS):
        np.copyto(work, logits)
        start = time.perf_counter()
        sample(work, settings, recent, offsets, masks, parallel=True)
        sampling.append(time.perf_counter() - start)
        start = time.perf_counter()
        np.copyto(target, logits)
        copying.append(time.perf_counter() - start)
    print(f"copy_multiple={min(sampling) / min(copying):.2f}")
    print(f"sample_ms={1e3 * min(sampling):.2f}")
    print(f"copy_ms={1e3 * min(copying):.2f}")


if __name__ == "__main__":
    main()
