"""How many threads a step should use, found while working.

llama.cpp's threads spin while they wait for each other. On a quiet machine that doubles the speed of small batches;
beside one busy process it can make a step ten times slower, and one thread, which waits for nobody, is then best.
Machines change from quiet to busy within a sweep, so no calibration at the start can be right for long.

Each size of batch (by powers of two) keeps a running mean of a step's seconds per thread count, uses the best, and
tries another one now and then: the seldomer the further that one is behind, so that trying costs about 4 %.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MEMORY = 0.4  # weight of the newest step in the running mean
FIRST_TRIES = 2  # steps that each thread count gets before the best is chosen


def candidates(cores: int) -> tuple[int, ...]:
    """1, 2, 4, ... and all cores."""
    powers = {1 << i for i in range(cores.bit_length()) if 1 << i <= cores}
    return tuple(sorted({*powers, cores}, reverse=True))


@dataclass(slots=True)
class _Size:
    seconds: dict[int, float] = field(default_factory=dict)
    tries: dict[int, int] = field(default_factory=dict)
    until_probe: int = 24
    probes: int = 0


class ThreadTuner:
    """Chooses among `counts` for every step; a single count is simply used."""

    def __init__(self, counts: tuple[int, ...]) -> None:
        self.counts = counts
        self._sizes: dict[int, _Size] = {}

    def choose(self, tokens: int) -> int:
        """The thread count for a batch of so many tokens."""
        if len(self.counts) == 1:
            return self.counts[0]
        size = self._sizes.setdefault(tokens.bit_length(), _Size())
        for count in self.counts:
            if size.tries.get(count, 0) < FIRST_TRIES:
                return count
        best = min(self.counts, key=lambda c: size.seconds[c])
        size.until_probe -= 1
        if size.until_probe > 0:
            return best
        others = [c for c in self.counts if c != best]
        probed = others[size.probes % len(others)]
        size.probes += 1
        size.until_probe = round(24 * max(1.0, size.seconds[probed] / size.seconds[best]))
        return probed

    def record(self, tokens: int, count: int, seconds: float) -> None:
        """A step of so many tokens took `seconds` with `count` threads."""
        size = self._sizes.setdefault(tokens.bit_length(), _Size())
        size.tries[count] = size.tries.get(count, 0) + 1
        before = size.seconds.get(count)
        # the first step of a batch size also pays for building llama.cpp's graph
        if before is None or size.tries[count] <= FIRST_TRIES:
            size.seconds[count] = seconds
        else:
            size.seconds[count] = before + MEMORY * (seconds - before)

    def facts(self) -> dict[str, int]:
        """Batch size (tokens, rounded up to a power of two) -> the thread count that is best now."""
        return {
            str(1 << bits): min(size.seconds, key=lambda c: size.seconds[c])
            for bits, size in sorted(self._sizes.items())
            if size.seconds
        }
