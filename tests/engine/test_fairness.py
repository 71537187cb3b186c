"""What a batch is made of, and that no request waits for ever, on a real context."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from native_models import drawn, job, native, run, scheduler, tokens
from numpy.typing import NDArray

from harnesslab.engine import scheduler as scheduling
from harnesslab.engine.job import Job
from harnesslab.engine.native import NativeModel
from harnesslab.engine.prefix import Tokens
from harnesslab.engine.scheduler import Scheduler

pytestmark = pytest.mark.model

BATCH = 64


def batches_of(s: Scheduler) -> list[list[tuple[int, int, int, bool]]]:
    """Notes every batch that llama.cpp is given from now on: (sequence, first position, tokens, draws)."""
    found: list[list[tuple[int, int, int, bool]]] = []
    decode = s.context.decode

    def watched(parts: list[tuple[int, int, NDArray[np.int32], bool]]) -> int:
        found.append([(sequence, at, len(chunk), draws) for sequence, at, chunk, draws in parts])
        return decode(parts)

    s.context.decode = watched  # type: ignore[method-assign, assignment]
    return found


def prompt(model: NativeModel, start: int, length: int) -> Tokens:
    """Text that begins with words of its own, so that nothing of it is shared."""
    words = " ".join(f"{start + i} and" for i in range(length))
    return tokens(model, f"{words} so on")[:length]


def test_a_long_prompt_is_computed_in_chunks_beside_what_is_being_said(smollm2: Path) -> None:
    model = native(smollm2)
    s = scheduler(model, n_batch=BATCH, concurrency=4)
    speakers = [job(i, prompt(model, 100 * i, 6), max_tokens=40) for i in range(2)]
    for speaker in speakers:
        s.submit(speaker)
    s.step()
    batches = batches_of(s)
    long = job(9, prompt(model, 900, 300), max_tokens=2)
    s.submit(long)
    s.step()
    prefill = long.sequence
    done = run(s)
    chunks = [batch for batch in batches if any(part[0] == prefill and part[2] > 1 for part in batch)]
    assert len(chunks) == 5  # 300 tokens, 62 at a time
    at = 0
    for batch in chunks:
        mixed = {sequence: (position, n, draws) for sequence, position, n, draws in batch}
        assert sum(n for _, n, _ in mixed.values()) <= BATCH
        assert [mixed[j.sequence][1:] for j in speakers if j.sequence >= 0] == [(1, True)] * 2  # a token for each
        position, n, draws = mixed[prefill]
        assert position == at
        at += n
        assert draws == (at == 300)
    assert at == 300
    assert len(drawn(done[9])) == 2


def submitted(s: Scheduler, jobs: list[Job], id: int, of: Tokens, max_tokens: int) -> None:
    jobs.append(job(id, of, max_tokens=max_tokens))
    s.submit(jobs[-1])


@pytest.mark.parametrize(
    ("others", "mine"),
    [((10, 2), (300, 4)), ((90, 10), (8, 2))],
    ids=["a long one among short ones", "a short one among long ones"],
)
def test_a_stream_of_others_keeps_nobody_waiting(smollm2: Path, others: tuple[int, int], mine: tuple[int, int]) -> None:
    """New requests never stop coming. One that arrived before them is admitted before them, and comes to its end."""
    model = native(smollm2)
    s = scheduler(model, cells=512, n_batch=BATCH, concurrency=4, idle_cells=128)
    jobs: list[Job] = []
    ids = itertools.count(1)

    def fill() -> None:
        while len(s._waiting) < 5:
            id = next(ids)
            submitted(s, jobs, id, prompt(model, 1000 * id, others[0]), others[1])

    for _ in range(6):
        fill()
        s.step()
    submitted(s, jobs, 0, prompt(model, 1, mine[0]), mine[1])
    ahead = len(s._waiting) + len(s._live)

    def steps(length: int, max_tokens: int) -> int:
        return -(-length // (BATCH - s.concurrency)) + max_tokens

    bound = ahead * steps(*others) + steps(*mine)  # as if all before it ran one after the other
    for _ in range(bound):
        fill()
        if any(f.id == 0 for f in s.step()):
            break
    else:
        pytest.fail(f"still waiting after {bound} steps")
    admitted = [j for j in jobs if j.admitted]
    assert sorted(admitted, key=lambda j: j.admitted) == admitted  # in the order in which they came
    s.context.close()


def test_who_continues_goes_first_but_nobody_is_passed_for_ever(smollm2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns of one trial after another: each begins with all that the turn before it computed."""
    monkeypatch.setattr(scheduling, "MOST_PASSED", 3)
    model = native(smollm2)
    s = scheduler(model, cells=1024, n_batch=BATCH, concurrency=1, idle_cells=512)
    trial = prompt(model, 1, 80)
    submitted(s, jobs := [], 0, trial, 2)
    while not s._idle:
        s.step()
    submitted(s, jobs, 1, prompt(model, 5000, 30), 2)  # came first, and holds nothing
    order: list[int] = []
    for turn in range(2, 9):
        trial = np.concatenate([trial, prompt(model, 100 * turn, 10)])
        submitted(s, jobs, turn, trial, 2)
        while not (done := s.step()):
            pass
        order += [f.id for f in done]
    assert order[:5] == [2, 3, 4, 1, 5]
    s.context.close()


REQUEST = st.tuples(
    st.integers(0, 2),  # the beginning that it has in common with others of its family
    st.integers(1, 60),  # tokens of its own
    st.integers(1, 4),  # to be said
    st.integers(0, 3),  # steps until the next arrives
)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(REQUEST, min_size=2, max_size=7))
def test_families_that_share_a_beginning_are_served_in_order_and_to_the_end(
    smollm2: Path, requests: list[tuple[int, int, int, int]]
) -> None:
    """A request waits for a twin that computes its beginning: others may pass it, never later ones of its family."""
    model = native(smollm2)
    s = scheduler(model, cells=512, n_batch=BATCH, concurrency=3, idle_cells=64)
    families: dict[int, list[Job]] = {}
    finished: set[int] = set()
    for i, (family, own, say, gap) in enumerate(requests):
        text = np.concatenate([prompt(model, 1000 * family, 40), prompt(model, 10_000 + 100 * i, own)])
        submitted(s, families.setdefault(family, []), i, text, say)
        for _ in range(gap):
            finished |= {f.id for f in s.step()}
    steps = 0
    while s.pending:
        before = s.stats.prefilled + s.stats.decoded
        finished |= {f.id for f in s.step()}
        assert s.stats.prefilled + s.stats.decoded > before  # no step is made for nothing while somebody waits
        steps += 1
        assert steps < 8 * len(requests)
    assert finished == set(range(len(requests)))
    for members in families.values():
        assert [j.admitted for j in members] == sorted(j.admitted for j in members)
    assert s.snapshot()["astray"] == 0
    s.context.close()


def test_a_free_place_is_offered_to_few_of_many_and_all_get_their_turn(smollm2: Path) -> None:
    model = native(smollm2)
    s = scheduler(model, n_batch=BATCH, concurrency=2)
    looked, match = [0], s.tree.match

    def counting(*arguments: Any) -> Any:
        looked[0] += 1
        return match(*arguments)

    s.tree.match = counting  # type: ignore[method-assign]
    many = 5 * 2 * scheduling.CONSIDERED
    for i in range(many):
        s.submit(job(i, prompt(model, 10 * i, 6), max_tokens=1))
    done = []
    while s.pending:
        before = looked[0]
        done += s.step()
        assert looked[0] - before <= 3 * 2 * scheduling.CONSIDERED  # in what order; of each: what it shares, what comes
    assert sorted(d.id for d in done) == list(range(many))
