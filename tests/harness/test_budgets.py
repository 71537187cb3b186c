"""What bounds a trial: every attempt, every layer's attempts together, and what is asked beside them."""

from __future__ import annotations

import pytest
from toy_desk import GET, Chatty, call, play

from harnesslab.harness.params import Params
from harnesslab.types import (
    ASIDE,
    Answer,
    Budget,
    Conversation,
    EndReason,
    EventFlag,
    EventKind,
    Layer,
    Left,
    Message,
    Outcome,
    SolveNext,
    Status,
    TaskView,
    Trial,
    TurnNext,
)


class Greedy(Layer):
    """Tries three times, and was allowed `allowed`."""

    name = "greedy"
    port = "solve"

    class Params(Params):
        allowed: int = 1

    def __init__(self, params: Params) -> None:
        self._allowed = params.allowed

    async def solve(self, trial: Trial, task: TaskView, nxt: SolveNext) -> Answer:
        trial.allow_attempts(self._allowed)
        for _ in range(3):
            answer = await nxt(task)
        return answer


class Curious(Layer):
    """Asks a question before every turn, and keeps what it was told."""

    name = "curious"
    port = "turn"
    heard: list[str | None]
    left: list[Left]
    user: bool

    def __init__(self, params: Params) -> None:
        del params
        Curious.heard, Curious.left = [], []

    async def turn(self, trial: Trial, conversation: Conversation, nxt: TurnNext) -> Outcome:
        Curious.left.append(trial.left)
        Curious.user = trial.has_user
        completion = await trial.ask(self.name, [Message("user", "What do you think?")])
        Curious.heard.append(None if completion is None else completion.content)
        return await nxt(conversation)


GREEDY, CURIOUS = "test_budgets:Greedy", "test_budgets:Curious"


@pytest.mark.parametrize(("allowed", "replies"), [(1, 2), (2, 4), (3, 6), (9, 6)])
def test_a_layers_attempts_share_the_budget_unless_more_are_allowed(allowed: int, replies: int) -> None:
    played = play([GET], [{"name": GREEDY, "allowed": allowed}], budget=Budget(turns=2))
    assert len(played.of(EventKind.REPLY)) == replies
    assert played.answer.reason is EndReason.TURNS


def test_what_an_inner_layer_allows_widens_what_it_lies_in() -> None:
    stack = [{"name": GREEDY, "allowed": 3}, {"name": "best-of-n", "n": 2}]
    assert len(play([GET], stack, budget=Budget(turns=2)).of(EventKind.REPLY)) == 12
    stack[0]["allowed"] = 1  # its three calls share one budget, which the two attempts of the first spend twice
    assert len(play([GET], stack, budget=Budget(turns=2)).of(EventKind.REPLY)) == 4


def test_tokens_and_seconds_are_shared_too() -> None:
    limit = sum(r.prompt.n_tokens for r in play([GET], budget=Budget(turns=3)).requests)
    played = play([GET], [GREEDY], budget=Budget(turns=0, tokens=limit))
    assert played.answer.reason is EndReason.TOKENS
    assert played.spent.prompt + played.spent.generated <= limit
    played = play([GET], [GREEDY], budget=Budget(turns=0, seconds=0.05))
    assert played.answer.reason is EndReason.SECONDS


def test_a_question_is_a_reply_of_its_own_branch_on_the_layers_account() -> None:
    played = play(["Hm.", GET, "Hm.", "Done."], [CURIOUS])
    replies = played.of(EventKind.REPLY)
    assert [(e.branch, e.layer) for e in replies] == [(ASIDE, "curious"), (0, ""), (ASIDE, "curious"), (0, "")]
    assert Curious.heard == ["Hm.", "Hm."]
    aside = played.requests[0]
    assert [m.content for m in aside.prompt.messages] == ["What do you think?"]
    assert aside.prompt.tools == ()
    assert played.requests[1].prompt.tools
    assert played.answer.text == "Done."
    assert not Curious.user


def test_a_question_leaves_the_attempts_own_draws_as_they_are() -> None:
    asked, plain = play(["Hm.", GET, "Hm.", "Done."], [CURIOUS]), play([GET, "Done."])
    assert [r.rng_key for r in asked.requests[1::2]] == [r.rng_key for r in plain.requests]


def test_whatever_answers_a_question_is_text_and_runs_nothing() -> None:
    played = play([GET, "Done."], [CURIOUS])
    first = played.of(EventKind.REPLY)[0]
    assert (first.status, first.has(EventFlag.ANSWER)) == (Status.OK, True)
    assert not played.desk.log
    broken = play(["<tool_call>{", "Done."], [CURIOUS])
    assert broken.of(EventKind.REPLY)[0].status is Status.OK


def test_a_question_passes_no_other_layer() -> None:
    """Neither a temperature schedule nor a repair nor a constraint is meant for it."""
    played = play(["Hm.", "<tool_call>{", GET], ["harness_again:Mend", CURIOUS])
    assert Curious.heard[0] == "Hm."
    assert [e.turn for e in played.of(EventKind.LAYER)] == [1]
    assert played.of(EventKind.CALL)[0].layer == "mend"


def test_a_question_counts_as_a_turn_and_none_is_asked_when_the_budget_is_out() -> None:
    played = play(["Hm.", GET], [CURIOUS], budget=Budget(turns=2))
    assert len(played.of(EventKind.REPLY)) == 2
    assert Curious.heard == ["Hm.", None]
    assert [left.turns for left in Curious.left] == [2, 0]
    assert played.answer.reason is EndReason.TURNS


def test_left_is_none_where_nothing_bounds() -> None:
    play(["Hm.", "Done."], [CURIOUS], budget=Budget(turns=0), user=Chatty())
    assert Curious.left == [Left(None, None, None)]
    assert Curious.user
    spent = play(["Hm.", call("flaky"), "Hm.", "Done."], [CURIOUS], budget=Budget(turns=9, tokens=9000, seconds=90.0))
    first, second = Curious.left
    assert (first.turns, first.tokens) == (9, 9000)
    used = sum(e.completion.usage.prompt + e.completion.usage.generated for e in spent.of(EventKind.REPLY)[:2])
    assert (second.turns, second.tokens) == (7, 9000 - used)
    assert second.seconds is not None
    assert 0 < second.seconds < 90
