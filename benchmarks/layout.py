"""What one batch costs by how the KV cells are laid out: one buffer for all sequences, or a stream for each.

    python -m benchmarks.layout --model qwen2.5-coder-0.5b

Sequences begin with the same --shared tokens and have --own more each. Timed are batches of one token for several of
them, and of --prompt tokens for one; layouts take turns, and each figure is the median of --repeats. In the buffer the
first tokens are shared cells, all sequences lie in it, and --idle cells more, as a sweep's kept sequences do.

Prints milliseconds, decode_ROWS_LAYOUT= and prompt_LAYOUT=, and the buffer's over the streams', decode_ratio_ROWS= and
prompt_ratio=. With flash attention they are `flash` and `flash_streams`.

    --rows 1 8 32 64     what a GPU has at once
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np

from harnesslab.engine.native import NativeContext, NativeModel

N_BATCH = 512


class Layout:
    """A context filled with sequences, of which the last is nobody's."""

    def __init__(self, model: NativeModel, options: argparse.Namespace, *, streams: bool, flash: bool) -> None:
        from harnesslab.engine.plan_context import cores

        self._at = options.shared + options.own
        self._rng = np.random.default_rng(1)
        n = max(options.rows)
        each = (self._at + options.prompt + 255) // 256 * 256
        cells = n * each if streams else options.shared + n * (each - options.shared) + options.idle + 256
        self._vocabulary = model.n_vocab
        self.context = NativeContext(
            model,
            replace(options.load, flash_attn=flash),
            cells=cells,
            sequences=n if streams else n + 1,
            n_batch=N_BATCH,
            outputs=n,
            threads=cores(),
            streams=streams,
        )
        if not streams:
            self._fill(n, 0, options.idle)
        self._fill(0, 0, options.shared)
        for sequence in range(1, n):
            self.context.share(0, sequence, options.shared)
        for sequence in range(n):
            self._fill(sequence, options.shared, options.own)

    def _fill(self, sequence: int, at: int, n: int) -> None:
        for start in range(0, n, N_BATCH):
            self._decode([(sequence, at + start, min(N_BATCH, n - start))])

    def _decode(self, parts: list[tuple[int, int, int]]) -> None:
        drawn = [(s, at, self._rng.integers(0, self._vocabulary, n, np.int32), True) for s, at, n in parts]
        assert self.context.decode(drawn) == 0

    def seconds(self, rows: int, tokens: int) -> float:
        """Of one batch: so many tokens for each of the first `rows` sequences, which are taken back."""
        start = time.perf_counter()
        self._decode([(s, self._at, tokens) for s in range(rows)])
        took = time.perf_counter() - start
        for sequence in range(rows):
            self.context.cut(sequence, self._at)
        return took


def main() -> None:
    from harnesslab.models.fetch import ensure
    from harnesslab.models.registry import load_registry

    parser = argparse.ArgumentParser(prog="python -m benchmarks.layout", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--shared", type=int, default=1300)
    parser.add_argument("--own", type=int, default=400)
    parser.add_argument("--prompt", type=int, default=70)
    parser.add_argument("--idle", type=int, default=2048)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 4, 8, 12, 16])
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    entry = load_registry().get(options.model)
    options.load = entry.load
    model = NativeModel(str(ensure(entry)), entry.load)
    layouts = {
        name: Layout(model, options, streams=name.endswith("streams"), flash=name.startswith("flash"))
        for name in ("buffer", "streams", "flash", "flash_streams")
    }
    batches = [*((f"decode_{rows}", rows, 1) for rows in options.rows), ("prompt", 1, options.prompt)]
    for name, rows, tokens in batches:
        took: dict[str, list[float]] = {layout: [] for layout in layouts}
        for _ in range(options.repeats):
            for layout, made in layouts.items():
                took[layout].append(made.seconds(rows, tokens))
        median = {layout: 1000 * float(np.median(seconds)) for layout, seconds in took.items()}
        for layout, ms in median.items():
            print(f"{name}_{layout}={ms:.3g}", flush=True)
        ratio = name.replace("_", "_ratio_") if "_" in name else f"{name}_ratio"
        print(f"{ratio}={median['buffer'] / median['streams']:.2f}", flush=True)
        print(f"{ratio}_flash={median['flash'] / median['flash_streams']:.2f}", flush=True)


if __name__ == "__main__":
    main()
