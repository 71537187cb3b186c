"""What a trial alone would have found cached: against the obvious way, and through whole trials."""

from __future__ import annotations

import asyncio

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from toy_desk import GET, ListRecorder, Played, ToyDesk, call, play

from harnesslab.engine.memo import MemoEngine
from harnesslab.engine.scripted import ScriptedEngine
from harnesslab.harness.compose import Harness
from harnesslab.harness.loop import run_trial
from harnesslab.harness.own import UNKNOWN, Own
from harnesslab.types import Completion, EventKind, FinishReason, Prompt, Request, Sampling, TaskView, Usage

few = st.lists(st.integers(0, 1), max_size=6)


def prompt(tokens: list[int]) -> Prompt:
    return Prompt((), (), "", np.array(tokens, np.int32).tobytes(), 1)


def reply(tokens: list[int] | None, *, finish: FinishReason = FinishReason.STOP) -> Completion:
    known = None if tokens is None else np.array(tokens, np.int32).tobytes()
    return Completion(
        "", "", tokens=known, usage=Usage(generated=1 if tokens is None else len(tokens)), finish_reason=finish
    )


def common(a: list[int], b: list[int]) -> int:
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return n


@given(st.lists(st.tuples(st.lists(st.integers(0, 1), min_size=1, max_size=8), few), max_size=8))
def test_it_is_the_longest_beginning_that_any_earlier_request_left(requests: list[tuple[list[int], list[int]]]) -> None:
    own, left = Own(), [[]]
    for asked, said in requests:
        assert own.take(prompt(asked), reply(said)) == min(len(asked) - 1, max(common(asked, old) for old in left))
        left.append(asked + said)


def test_what_a_server_keeps_to_itself_is_unknown_and_never_guessed() -> None:
    own = Own()
    assert own.take(prompt([]), reply(None)) == UNKNOWN
    assert own.take(prompt([1, 2, 3]), reply(None)) == 0
    assert own.take(prompt([1, 2, 9, 9]), reply([5])) == 2  # leaves the first prompt before its reply
    assert own.take(prompt([1, 2, 3, 4, 5]), reply([6])) == UNKNOWN  # may or may not go on in the unknown reply
    assert own.take(prompt([1, 2, 3]), reply([6])) == 2  # all but the last, whatever was said


def test_a_prompt_that_did_not_fit_leaves_nothing_behind() -> None:
    own = Own()
    assert own.take(prompt([1, 2, 3]), reply([], finish=FinishReason.OVERFLOW)) == 0
    assert own.take(prompt([1, 2, 3]), reply([7])) == 0


def events(played: Played) -> list[tuple[int, int, int]]:
    return [(e.own, e.completion.usage.prompt, e.branch) for e in played.of(EventKind.REPLY)]


def test_each_turn_finds_the_turn_before() -> None:
    """The scripted engine's prompts grow by whole messages, so that each is the beginning of the next."""
    found = events(play([GET, call("ship_order", order_id="O-1", speed="normal"), "Done."]))
    assert found[0][0] == 0
    assert [own for own, _, _ in found[1:]] == [tokens for _, tokens, _ in found[:-1]]


def test_after_a_rewind_the_trial_finds_what_it_computed_before_the_cut() -> None:
    bad = call("get_order", order_id="O-99")
    played = play([GET, bad, GET, "Done."], ["rewind"])
    found = events(played)
    assert len(found) == 4
    assert played.of(EventKind.LAYER)[0].layer == "rewind"
    # the redraw's prompt is that of the turn taken back, with a reason added to its last message
    assert found[0][1] < found[2][0] <= found[1][1]
    assert found[3][0] == found[2][1]


def test_a_second_attempt_finds_the_first_ones_prompt() -> None:
    found = events(play([GET, "Done.", GET, "Done."], ["harness_again:TwoAttempts"]))
    assert [branch for _, _, branch in found] == [0, 0, 1, 1]
    assert found[2][0] == found[2][1] - 1  # the same first prompt: all of it but the last token
    assert found[3][0] == found[3][1] - 1


def test_a_reply_from_the_memo_counts_as_the_trials_own() -> None:
    asked: list[int] = []

    def policy(request: Request) -> str:
        asked.append(1)
        return [GET, "Done."][sum(m.role == "assistant" for m in request.prompt.messages)]

    async def trials() -> list[list[tuple[bool, int]]]:
        engine, found = MemoEngine(ScriptedEngine(policy), "m"), []
        for _ in range(2):
            recorder = ListRecorder()
            harness = Harness.parse("loop", [])
            task = TaskView("toy.0", "You run the desk.", "Ship O-1.")
            await run_trial(task, ToyDesk(), None, engine, harness, Sampling(), recorder, 7)
            found.append([(e.completion.memo, e.own) for e in recorder.of(EventKind.REPLY)])
        return found

    first, second = asyncio.run(trials())
    assert len(asked) == 2
    assert [memo for memo, _ in first + second] == [False, False, True, True]
    assert [own for _, own in first] == [own for _, own in second]
    assert first[0][1] == 0 < first[1][1]
