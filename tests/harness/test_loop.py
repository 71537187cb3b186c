"""The agent loop without layers: turn-taking, budgets, events, accounting, random streams."""

from __future__ import annotations

from toy_desk import BROKEN, GET, Chatty, call, play

from harnesslab.types import BREAK, Budget, EndReason, EventFlag, EventKind, Sampling, Status, stable_hash

SHIP = call("ship_order", order_id="O-1", speed="normal")


def test_results_go_back_and_a_text_reply_ends_the_trial() -> None:
    played = play([GET, SHIP, "Done."])
    assert (played.answer.text, played.answer.reason) == ("Done.", EndReason.ANSWERED)
    assert played.desk.state["O-1"] == "shipped"
    assert [e.kind.name for e in played.recorder.events] == [
        "REPLY", "CALL", "EXEC", "REPLY", "CALL", "EXEC", "REPLY", "END",
    ]  # fmt: skip
    assert [e.turn for e in played.recorder.events] == [1, 1, 1, 2, 2, 2, 3, 3]
    assert "O-1 shipped" in played.last_prompt


def test_events_carry_flags_as_the_model_wrote_the_call() -> None:
    played = play([GET, call("get_order", id="O-1"), call("nothing"), SHIP, "Done."])
    flags = [
        tuple(e.has(f) for f in (EventFlag.KNOWN_TOOL, EventFlag.SCHEMA_VALID, EventFlag.REACHED))
        for e in played.of(EventKind.CALL)
    ]
    assert flags == [(True, True, True), (True, False, True), (False, False, True), (True, True, True)]
    wrote = [e.has(EventFlag.WROTE) for e in played.of(EventKind.EXEC)]
    assert wrote == [False, False, False, True]
    answers = [e.has(EventFlag.ANSWER) for e in played.of(EventKind.REPLY)]
    assert answers == [False, False, False, False, True]


def test_every_call_of_a_reply_runs_in_order_even_after_a_failure() -> None:
    played = play([call("get_order", order_id="O-9") + GET + SHIP, "Done."])
    assert [e.status for e in played.of(EventKind.CALL)] == [Status.TOOL_ERROR, Status.OK, Status.OK]
    assert [c.name for c, _ in played.desk.log] == ["get_order", "get_order", "ship_order"]
    ids = [m.tool_call_id for m in played.requests[1].prompt.messages if m.role == "tool"]
    assert len(set(ids)) == 3
    assert all(ids)


def test_unreadable_reply_stays_in_history_and_is_answered_on_the_tool_channel() -> None:
    played = play([BROKEN, "Sorry."])
    said, answered = played.requests[1].prompt.messages[-2:]
    assert (said.role, said.content) == ("assistant", BROKEN)
    assert answered.role == "tool"
    assert answered.content.startswith("Error: the tool call could not be read")
    assert [e.status for e in played.of(EventKind.REPLY)] == [Status.UNPARSEABLE, Status.OK]
    assert not played.desk.log


def test_an_empty_reply_is_answered_as_a_user() -> None:
    played = play(["", "Sorry."])
    assert played.requests[1].prompt.messages[-1].role == "user"
    assert played.of(EventKind.REPLY)[0].status is Status.UNPARSEABLE
    assert played.answer.reason is EndReason.ANSWERED


def test_a_call_beside_an_unreadable_one_does_not_run() -> None:
    played = play([GET + BROKEN, "Sorry."])
    assert played.of(EventKind.REPLY)[0].status is Status.UNPARSEABLE
    assert not played.desk.log


def test_the_last_statement_is_no_broken_call() -> None:
    played = play(["Let me see. " + GET, BROKEN], budget=Budget(turns=3))
    assert (played.answer.text, played.answer.reason) == ("Let me see.", EndReason.TURNS)


def test_the_turn_budget_bounds_replies() -> None:
    played = play([GET], budget=Budget(turns=4))
    assert played.answer.reason is EndReason.TURNS
    assert len(played.of(EventKind.REPLY)) == 4
    assert played.of(EventKind.END)[0].payload["reason"] == "turn-budget"


def test_the_token_budget_is_never_exceeded() -> None:
    free = play([GET], budget=Budget(turns=6)).spent
    limit = (free.prompt + free.generated) // 2
    played = play([GET], budget=Budget(turns=0, tokens=limit))
    assert played.answer.reason is EndReason.TOKENS
    assert 0 < played.spent.prompt + played.spent.generated <= limit


def test_the_last_reply_is_cut_where_the_token_budget_ends() -> None:
    words = "word " * 400
    free = play([words])
    prompt = free.spent.prompt
    played = play([words], budget=Budget(tokens=prompt + 10))
    assert played.spent.generated == 10
    assert played.of(EventKind.REPLY)[0].status is Status.LENGTH


def test_the_time_budget_ends_a_trial() -> None:
    played = play([GET], budget=Budget(turns=0, seconds=0.05))
    assert played.answer.reason is EndReason.SECONDS


def test_a_full_context_ends_a_trial() -> None:
    played = play([GET], budget=Budget(turns=0), n_ctx=400)
    assert played.answer.reason is EndReason.OVERFLOW
    assert played.of(EventKind.REPLY)[-1].status is Status.OVERFLOW


def test_a_reply_cut_at_max_tokens_is_an_answer_that_says_so() -> None:
    played = play(["word " * 50], sampling=Sampling(max_tokens=8))
    reply = played.of(EventKind.REPLY)[0]
    assert reply.status is Status.LENGTH
    assert reply.has(EventFlag.ANSWER)
    assert played.answer.reason is EndReason.ANSWERED


def test_the_user_speaks_until_they_have_nothing_more_to_say() -> None:
    user = Chatty("And O-2?", "Thanks.")
    played = play(["Which order?", "Fine.", GET, "Bye."], user=user)
    assert user.heard == ["Which order?", "Fine.", "Bye."]
    assert [e.payload["text"] for e in played.of(EventKind.USER)] == ["And O-2?", "Thanks."]
    assert played.answer.text.split(BREAK) == ["Which order?", "Fine.", "Bye."], "all that the user heard"
    roles = [m.role for m in played.requests[-1].prompt.messages]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user", "assistant", "tool"]


def test_identical_prompts_are_counted_into_the_random_stream() -> None:
    """A rewind without temperature and note would ask the same prompt again: it must draw anew, and reproducibly."""
    layers = ["harness_again:Again"]
    played, again = play(["One.", "Two."], layers), play(["One.", "Two."], layers)
    first, second = played.requests
    assert first.prompt.digest == second.prompt.digest
    assert first.rng_key == stable_hash("rng", 7, 0, first.prompt.digest, 0, 0)
    assert second.rng_key == stable_hash("rng", 7, 0, first.prompt.digest, 0, 1)
    assert [r.rng_key for r in again.requests] == [first.rng_key, second.rng_key]
    assert play(["One."], stream=8).requests[0].rng_key != first.rng_key


def test_repeats_have_their_own_streams_and_share_what_is_greedy() -> None:
    """`rewind` redraws at a temperature where the model itself samples greedily."""
    script = [call("get_order", order_id="O-9"), "Done."]
    first, second = (play(script, ["rewind"], repeat=r).requests for r in (0, 1))
    assert [r.sampling.greedy for r in first] == [True, False]
    assert first[0].rng_key == second[0].rng_key
    assert first[1].rng_key != second[1].rng_key
    sampled = [play(script, sampling=Sampling(temperature=0.5), repeat=r).requests[0].rng_key for r in (0, 1)]
    assert len(set(sampled)) == 2


def test_two_harnesses_draw_alike_until_a_layer_steps_in() -> None:
    script = [GET, call("get_order", order_id="O-9"), SHIP, "Done."]
    loop, stack = play(script), play(script, ["validate", "retry"])
    keys = [[r.rng_key for r in p.requests] for p in (loop, stack)]
    assert keys[0][:2] == keys[1][:2]
    assert keys[0][2] != keys[1][2]  # the explained failure is another prompt


def test_a_layer_can_hide_a_tool_and_does_not_pay_for_the_reply_after() -> None:
    played = play([SHIP, GET, "Done."], ["harness_again:Hide"])
    assert [t.name for t in played.requests[0].prompt.tools] == ["get_order", "flaky"]
    assert [e.has(EventFlag.KNOWN_TOOL) for e in played.of(EventKind.CALL)] == [False, True]
    assert {e.layer for e in played.of(EventKind.LAYER)} == {"hide"}
    assert {e.layer for e in played.of(EventKind.REPLY)} == {""}


def test_branches_are_numbered_and_have_their_own_streams_and_budgets() -> None:
    played = play([GET, GET, "A.", GET, "B."], ["harness_again:TwoAttempts"], budget=Budget(turns=3))
    replies = played.of(EventKind.REPLY)
    assert [e.branch for e in replies] == [0, 0, 0, 1, 1]
    assert [e.turn for e in replies] == [1, 2, 3, 4, 5]
    assert played.requests[0].prompt.digest == played.requests[3].prompt.digest
    assert played.requests[0].rng_key != played.requests[3].rng_key
    assert replies[3].layer == "two-attempts"  # the second attempt is charged to the layer that asked for it
    assert replies[0].layer == ""
    assert played.answer.text == "B."
