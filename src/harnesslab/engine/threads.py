"""How many threads a step should use, found while working.

llama.cpp's threads spin while they wait for each other. On a quiet machine that doubles the speed of small batches;
beside one busy process it can make a step ten times slower, and one thread, which waits for nobody, is then best.
Machines change from quiet to busy within a sweep, so no calibration at the start can be right for long.

Each size of batch (by powers of two) remembers what a step took per thread count, uses the best, and tries another one
whenever twelve times that one's last step have passed, so that trying costs 8 % at the very most.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MEMORY = 0.4  # weight of the newest step in the running mean
PATIENCE = 12  # times a thread count's last step that must pass before it is tried again
FIRST_TRIES = 2  # steps that each thread count gets before the best is chosen; the first also builds the graph


def candidates(cores: int) -> tuple[int, ...]:
    """1, 2, 4, ... and all cores."""
    powers = {1 << i for i in range(cores.bit_length()) if 1 << i <= cores}
    return tuple(sorted({*powers, cores}, reverse=True))


@dataclass(slots=True)
class _Size:
    """Of one thread count each: seconds of a step, steps made, seconds of work since it was last used."""

    seconds: dict[int, float] = field(default_factory=dict)
    tries: dict[int, int] = field(default_factory=dict)
    unused: dict[int, float] = field(default_factory=dict)


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
            if size.tries.get(count, 0) < FIRST_TRIES or size.unused[count] > PATIENCE * size.seconds[count]:
                return count
        return min(self.counts, key=lambda c: size.seconds[c])

    def record(self, tokens: int, count: int, seconds: float) -> None:
        """A step of so many tokens took `seconds` with `count` threads."""
        size = self._sizes.setdefault(tokens.bit_length(), _Size())
        before = size.seconds.get(count)
        if before is None or size.unused[count] or size.tries[count] < FIRST_TRIES:
            size.seconds[count] = seconds  # what was known is old
        else:
            size.seconds[count] = before + MEMORY * (seconds - before)
        size.tries[count] = size.tries.get(count, 0) + 1
        for other in self.counts:
            size.unused[other] = 0.0 if other == count else size.unused.get(other, 0.0) + seconds

    def facts(self) -> dict[str, int]:
        """Batch size (tokens, rounded up to a power of two) -> the thread count that is best now."""
        return {
            str(1 << bits): min(size.seconds, key=lambda c: size.seconds[c])
            for bits, size in sorted(self._sizes.items())
            if size.seconds
        }
