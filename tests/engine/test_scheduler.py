"""Sharing, eviction, cancellation and endings on a real context."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from native_models import drawn, job, native, run, scheduler, tokens
from numpy.typing import NDArray

from harnesslab.engine import scheduler as scheduling
from harnesslab.engine.native import NativeContext
from harnesslab.engine.parking import Parked
from harnesslab.engine.prefix import Tokens
from harnesslab.types import FinishReason, Sampling, Weights

pytestmark = pytest.mark.model

POLICY = "You answer for an order desk. Orders ship within two days. " * 12


@pytest.mark.parametrize("streams", [False, True])
def test_prompts_that_begin_alike_are_computed_once(smollm2: Path, streams: bool) -> None:
    model = native(smollm2)
    s = scheduler(model, streams=streams)
    shared = len(tokens(model, POLICY))
    ends = [tokens(model, POLICY + f"Question {i}: {'why ' * i}?") for i in range(6)]
    for i, prompt in enumerate(ends):
        s.submit(job(i, prompt))
    done = run(s)
    unique = shared + sum(len(p) - shared for p in ends)
    assert s.stats.prefilled <= unique + 2 * len(ends)  # a token at the seam may merge; the last is always computed
    assert sum(f.cached for f in done.values()) + s.stats.prefilled == sum(len(p) for p in ends)
    # a later trial, and the same prompt again, find it all there
    s.submit(job(10, ends[3]))
    again = run(s)[10]
    assert (again.cached, again.reuse) == (len(ends[3]) - 1, "cells")
    s.context.close()


@pytest.mark.parametrize(("name", "streams"), [("smollm2", False), ("smollm2", True), ("gemma270", False)])
def test_shared_cells_give_the_logits_of_a_fresh_context(
    name: str, streams: bool, request: pytest.FixtureRequest
) -> None:
    """Up to batch noise. Gemma's sliding window forgets cells, and what it forgot must not be lent."""
    model = native(request.getfixturevalue(name))
    long = tokens(model, "The desk sells apples, pears, tea and salt to everyone in town. " * 90)[:1300]
    s = scheduler(model, cells=4096, sequences=4 if streams else 16, idle_cells=4096, streams=streams)
    s.submit(job(0, long, max_tokens=4))
    run(s)
    for cut in (1299, 1000, 400):
        prompt = np.concatenate([long[:cut], tokens(model, " In the end")[-3:]])
        lent = s.tree.match(prompt[:-1], s._lendable)
        assert lent.length == cut if model.n_swa == 0 else lent.length in (0, cut)
        target = s._free[-1]
        if lent.length:
            s.context.share(lent.sequence, target, lent.length)
        got = logprobs(s.context, target, lent.length, prompt)
        s.context.drop(target)
        fresh = scheduler(model, cells=4096, sequences=1, concurrency=1)
        wanted = logprobs(fresh.context, 0, 0, prompt)
        fresh.context.close()
        top = np.argsort(-wanted)[:20]
        assert np.abs(wanted[top] - got[top]).max() < 1.0
        assert np.median(np.abs(wanted[top] - got[top])) < 0.2
    s.context.close()


@pytest.mark.parametrize(("sequences", "cached", "reuse"), [(16, 700, "cells"), (2, 0, "")])
def test_a_cut_is_valid_only_while_the_sliding_window_holds_what_lies_before_it(
    gemma270: Path, sequences: int, cached: int, reuse: str
) -> None:
    """The window's cells grow with the number of sequences: with two of them a long prompt overwrites its own."""
    model = native(gemma270)
    s = scheduler(model, cells=4096, sequences=sequences, concurrency=1, idle_cells=4096)
    long = tokens(model, "The desk sells apples, pears, tea and salt to everyone in town. " * 150)[:1990]
    s.submit(job(0, long, max_tokens=2))
    assert run(s)[0].reuse == ""
    (held,) = s._idle
    assert s.context.reaches(held, 700, len(long)) is bool(cached)
    back = np.concatenate([long[:700], tokens(model, " That failed; try another way.")[1:]])
    s.submit(job(1, back, max_tokens=2))
    done = run(s)[1]
    assert (done.prompt, done.cached, done.reuse) == (len(back), cached, reuse)
    s.context.close()


def logprobs(context: NativeContext, sequence: int, start: int, prompt: Tokens) -> np.ndarray:
    """float64[n_vocab] after the prompt, computed from `start` on."""
    for at in range(start, len(prompt), 512):
        part = prompt[at : at + 512]
        assert context.decode([(sequence, at, part, at + 512 >= len(prompt))]) == 0
    return log_softmax(context.logits(1)[0])


def log_softmax(row: np.ndarray) -> np.ndarray:
    row = row.astype(np.float64)
    return row - row.max() - np.log(np.exp(row - row.max()).sum())


def test_idle_cells_make_room_and_an_evicted_prompt_is_computed_again(smollm2: Path) -> None:
    model = native(smollm2)
    s = scheduler(model, cells=512, concurrency=2, idle_cells=512)
    prompts = [tokens(model, f"{word} " * 150)[:180] for word in ("alpha", "beta", "gamma", "delta", "alpha")]
    for i, prompt in enumerate(prompts):
        s.submit(job(i, prompt, max_tokens=4))
    done = run(s)
    assert len(done) == 5
    assert s.stats.evicted > 0
    assert s.tree.cells <= s.context.cells
    assert {f.reason for f in done.values()} <= {FinishReason.STOP, FinishReason.LENGTH}
    s.context.close()


@pytest.mark.parametrize("streams", [False, True])
def test_cells_and_sequences_are_all_free_in_the_end(smollm2: Path, streams: bool) -> None:
    model = native(smollm2)
    s = scheduler(model, idle_cells=0, streams=streams)
    for i in range(12):
        s.submit(job(i, tokens(model, POLICY + str(i)), max_tokens=3 + i % 4, temperature=1.0))
    run(s)
    assert s.tree.cells == 0
    assert sorted(s._free) == list(range(16))
    s.context.close()


@pytest.mark.parametrize("streams", [False, True])
def test_cancellation_frees_cells_at_once(smollm2: Path, streams: bool) -> None:
    model = native(smollm2)
    s = scheduler(model, streams=streams)
    s.submit(job(0, tokens(model, POLICY), max_tokens=200))
    s.submit(job(1, tokens(model, "Once upon a time"), max_tokens=3))
    s.step()
    before = s.tree.cells
    s.cancel(0)
    assert s.tree.cells < before - len(tokens(model, POLICY)) + 20
    assert set(run(s)) == {1}
    s.context.close()


def test_endings_are_told_apart(smollm2: Path) -> None:
    model = native(smollm2)
    s = scheduler(model)
    prompt = tokens(model, "One two three four five six")
    s.submit(job(0, prompt, max_tokens=5))
    s.submit(job(1, prompt, max_tokens=500, n_ctx=len(prompt) + 3))
    s.submit(job(2, prompt, n_ctx=len(prompt)))
    s.submit(job(3, tokens(model, "<|im_start|>user\nSay hi.<|im_end|>\n<|im_start|>assistant\n"), max_tokens=200))
    stopping = job(4, prompt, max_tokens=60)
    stopping.sampling = Sampling(max_tokens=60, stop=("seven", "eight", "six", "five", "1", "\n"))
    s.submit(stopping)
    done = run(s)
    assert done[0].reason is FinishReason.LENGTH
    assert len(drawn(done[0])) == 5
    assert done[1].reason is FinishReason.OVERFLOW
    assert done[2].reason is FinishReason.OVERFLOW
    assert done[2].tokens == b""
    assert done[3].reason is FinishReason.STOP
    assert done[4].reason is FinishReason.STOP
    assert not any(stop in done[4].text.decode() for stop in stopping.sampling.stop)
    s.context.close()


def test_a_penalty_may_look_at_the_whole_context(smollm2: Path) -> None:
    """-1, as in llama.cpp."""
    model = native(smollm2)
    prompt = tokens(model, "one two three four five six seven eight nine ten " * 4)
    replies = {}
    for last in (-1, 2048, 0):
        s = scheduler(model)
        asked = job(0, prompt)
        asked.sampling = Sampling(max_tokens=6, repeat_penalty=1.5, repeat_last_n=last)
        s.submit(asked)
        replies[last] = drawn(run(s)[0])
        s.context.close()
    assert replies[-1] == replies[2048]
    assert replies[-1] != replies[0]


def test_a_prompt_that_can_never_fit_fails_alone(smollm2: Path) -> None:
    model = native(smollm2)
    s = scheduler(model, cells=256, concurrency=1)
    s.submit(job(0, tokens(model, POLICY * 3), n_ctx=4096))
    s.submit(job(1, tokens(model, "One two three"), n_ctx=4096))
    done = run(s)
    assert done[0].failure is not None
    assert done[0].failure[0] == "out-of-cells"
    assert done[1].reason is FinishReason.LENGTH
    assert s.snapshot()["astray"] == 0
    s.context.close()


def test_a_preempted_request_says_what_it_would_have_said(smollm2: Path) -> None:
    """The books believe in more cells than there are, so llama.cpp refuses a batch while nothing idle is left."""
    model = native(smollm2)
    replies = []
    for believed in (0, 4096):
        s = scheduler(model, cells=256, concurrency=4, idle_cells=0)
        s.context.cells = believed or s.context.cells
        for i, word in enumerate(("alpha", "beta", "gamma")):
            s.submit(job(i, tokens(model, f"{word} one two three " * 30)[:80], max_tokens=20))
        replies.append({i: drawn(f) for i, f in run(s).items()})
        assert (s.stats.preempted > 0) == bool(believed)
        assert s.snapshot()["astray"] == s.tree.cells == 0
        s.context.close()
    assert replies[0] == replies[1]


@pytest.mark.parametrize("streams", [False, True])
def test_the_same_key_draws_the_same_reply_in_any_company(smollm2: Path, streams: bool) -> None:
    """Company moves logits within noise; at temperature 0.2 a short reply should almost always survive it."""
    model = native(smollm2)
    prompt = tokens(model, "A B C D E F G")
    replies = []
    for company in (0, 5):
        s = scheduler(model, streams=streams)
        s.submit(job(0, prompt, temperature=0.2, max_tokens=6))
        for i in range(company):
            s.submit(job(1 + i, tokens(model, f"{i} bottles"), temperature=1.0, max_tokens=6))
        replies.append(drawn(run(s)[0]))
        s.context.close()
    assert replies[0] == replies[1]


@pytest.mark.parametrize("streams", [False, True])
def test_a_parked_sequence_comes_back_instead_of_being_computed_again(smollm2: Path, streams: bool) -> None:
    model = native(smollm2)
    s = scheduler(model, cells=1024, concurrency=1, idle_cells=300, parking=2**28, streams=streams)
    policy = tokens(model, POLICY)
    trials = [np.concatenate([policy, tokens(model, f"{word} " * 120)[:120]]) for word in ("alpha", "beta", "gamma")]
    for i, prompt in enumerate(trials):
        s.submit(job(i, prompt, max_tokens=2))
        run(s)
    assert s.stats.parked > 0
    before = s.stats.prefilled
    s.submit(job(9, np.concatenate([trials[0], tokens(model, " And then?")]), max_tokens=2))
    done = run(s)[9]
    assert done.cached >= len(trials[0])
    assert done.reuse == "state"
    assert s.stats.prefilled - before < 12
    assert s.stats.restored > 0
    target = s._free[-1]
    lent = s.tree.match(trials[0][:-1], s._lendable)
    s.context.share(lent.sequence, target, lent.length)
    got = logprobs(s.context, target, lent.length, trials[0])
    fresh = scheduler(model, sequences=1, concurrency=1)
    wanted = logprobs(fresh.context, 0, 0, trials[0])
    top = np.argsort(-wanted)[:20]
    assert np.abs(wanted[top] - got[top]).max() < 1.0
    fresh.context.close()
    s.context.close()


def test_states_that_take_longer_to_copy_than_to_compute_are_not_kept(
    smollm2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU; once in a while it is tried again, since what is copied lies otherwise by then."""
    monkeypatch.setattr(scheduling, "FORGIVEN", 0.5)
    model = native(smollm2)
    s = scheduler(model, concurrency=1, idle_cells=0, parking=2**28)
    save = s.context.save

    def slowly(sequence: int) -> NDArray[np.uint8]:
        time.sleep(0.05)
        return save(sequence)

    def parked_of(prompts: int) -> int:
        before = s.stats.parked
        for i in range(prompts):
            s.submit(job(i, tokens(model, f"{before + i} bottles " * 30)[:80], max_tokens=1))
            run(s)
        return s.stats.parked - before

    s.context.save = slowly  # type: ignore[method-assign]
    assert parked_of(2) == 2, "nothing is known of what computing costs"
    s.weights = Weights(batch=0.0, prefill=1e-4, decode=0.0, context=0.0, context_tiled=0.0, draw=0.0)
    assert parked_of(2) == 0
    assert 0 < parked_of(8) < 4
    s.weights = replace(s.weights, prefill=1e-2)
    assert parked_of(2) == 2
    assert s.stats.copying > 0.05 * 5
    s.context.close()


@pytest.mark.parametrize("streams", [False, True])
def test_a_parked_state_that_does_not_restore_is_computed_again(smollm2: Path, streams: bool) -> None:
    model = native(smollm2)
    s = scheduler(model, cells=1024, concurrency=1, idle_cells=0, parking=2**28, streams=streams)
    prompt = tokens(model, POLICY)
    s.submit(job(0, prompt, max_tokens=2))
    run(s)
    lot, length = s.parking.longest(prompt)
    assert length == len(prompt)
    parked = s.parking.take(lot)
    s.parking.put(Parked(parked.tokens, parked.state[:-1000]))
    s.submit(job(1, prompt, max_tokens=2))
    done = run(s)
    assert (done[1].cached, done[1].reuse) == (0, "")
    assert s.stats.restore_failed == 1
    s.context.close()


def test_a_prompt_that_shares_with_a_sequence_too_long_to_keep_is_still_served(smollm2: Path) -> None:
    model = native(smollm2)
    s = scheduler(model, cells=512, concurrency=1, idle_cells=512)
    policy = tokens(model, POLICY)
    s.submit(job(0, np.concatenate([policy, tokens(model, "alpha " * 150)])[:400], max_tokens=2, n_ctx=512))
    run(s)
    s.submit(job(1, np.concatenate([policy[:80], tokens(model, "beta " * 200)])[:420], max_tokens=2, n_ctx=512))
    assert run(s)[1].reason in (FinishReason.STOP, FinishReason.LENGTH)
    s.context.close()


def test_streams_go_on_in_place_and_live_ones_lie_together(smollm2: Path) -> None:
    model = native(smollm2)
    s = scheduler(model, sequences=4, concurrency=4, idle_cells=8192, parking=2**28, streams=True)
    policy = tokens(model, POLICY)
    prompts = [
        np.concatenate([policy, tokens(model, f"{word} " * 80)[:80]]) for word in ("one", "two", "three", "four")
    ]
    for i, prompt in enumerate(prompts):
        s.submit(job(i, prompt, max_tokens=30))
    first = run(s)
    assert sorted(s._idle) == [0, 1, 2, 3]
    computed = s.stats.prefilled

    def more(i: int) -> Tokens:
        return np.concatenate([prompts[i], drawn(first[i]), tokens(model, " And then?")])

    where = {i: s.tree.match(more(i), s._lendable).sequence for i in range(4)}
    for i in range(4):
        s.submit(job(10 + i, more(i), max_tokens=2))
    s.step()
    assert {j.id - 10: sequence for sequence, j in s._live.items()} == where
    done = run(s)
    assert all(f.reuse == "cells" for f in done.values())
    assert s.stats.prefilled - computed < 4 * 12
    # two that are far apart come together
    far = [i for i in range(4) if where[i] in (0, 3)]
    for i in far:
        s.submit(job(20 + i, np.concatenate([more(i), tokens(model, " Or not?")]), max_tokens=4))
    s.step()
    assert abs(np.diff(sorted(s._live))) == 1
    assert all(f.cached >= len(more(i - 20)) - 1 for i, f in run(s).items())
    assert s.snapshot()["astray"] == 0
    s.context.close()
