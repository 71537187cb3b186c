"""The thread tuner on made-up machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from harnesslab.engine.threads import ThreadTuner, candidates


def work(tuner: ThreadTuner, steps: int, seconds: Callable[[int], float], tokens: int = 8) -> Counter[int]:
    used: Counter[int] = Counter()
    for _ in range(steps):
        count = tuner.choose(tokens)
        used[count] += 1
        tuner.record(tokens, count, seconds(count))
    return used


def quiet(count: int) -> float:
    return 0.1 / count


def busy(count: int) -> float:
    return 0.1 if count == 1 else 1.0


def test_candidates() -> None:
    assert candidates(1) == (1,)
    assert candidates(2) == (2, 1)
    assert candidates(6) == (6, 4, 2, 1)


def test_it_settles_on_the_best_and_follows_the_machine() -> None:
    tuner = ThreadTuner((2, 1))
    assert work(tuner, 400, quiet)[2] > 370
    assert work(tuner, 300, busy)[1] > 285  # ten times slower: tried after 12 seconds' worth of work
    assert work(tuner, 400, quiet)[2] > 250
    assert work(tuner, 400, quiet)[2] > 370


def test_trying_costs_little_however_bad_the_other_is() -> None:
    tuner = ThreadTuner((2, 1))
    seconds = {1: 0.1, 2: 5.0}
    used = work(tuner, 5000, seconds.__getitem__)
    assert sum(seconds[c] * n for c, n in used.items()) < 1.15 * 5000 * 0.1


def test_batch_sizes_are_judged_apart() -> None:
    tuner = ThreadTuner((2, 1))
    work(tuner, 100, busy, tokens=1)
    assert work(tuner, 100, quiet, tokens=512)[2] > 90


def test_one_count_is_simply_used() -> None:
    assert work(ThreadTuner((4,)), 50, busy) == Counter({4: 50})
