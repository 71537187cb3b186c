"""Worked examples of episodes, paths and loops, one sentence of docs/metrics.md each."""

from __future__ import annotations

from test_scan import by_name, run

from harnesslab_kernels import events as ev


def call(action, status=ev.OK, *, tool=1, result=0, flags=7, step=1):
    identity = {"kind": ev.CALL, "action": action, "tool": tool, "result": result}
    return {**identity, "status": status, "flags": flags, "step": step}


ANSWER = {"kind": ev.REPLY, "flags": ev.ANSWER, "step": 1}
GARBLED = {"kind": ev.REPLY, "status": ev.UNPARSEABLE, "step": 1}
WRITE = {"kind": ev.EXEC, "flags": ev.WROTE, "step": 0}


def counted(*events, expect):
    row = by_name(run([list(events)], [[]])[0])
    assert {name: row[name] for name in expect} == expect


def test_a_corrected_call_recovers_adaptively():
    counted(call(1, ev.TOOL_ERROR), call(2), ANSWER, expect={"EPISODES": 1, "RECOVERED": 1, "ADAPTIVE": 1})


def test_success_of_another_tool_cures_nothing():
    counted(call(1, ev.TOOL_ERROR), call(2, tool=2), ANSWER, expect={"RECOVERED": 0, "ABANDONED": 1, "ADAPTIVE": 1})


def test_running_out_of_budget_is_exhausted_not_abandoned():
    counted(call(1, ev.TOOL_ERROR), call(2, tool=2), expect={"EXHAUSTED": 1, "ABANDONED": 0})


def test_the_same_call_after_a_deterministic_error_is_degenerate_even_if_it_works_later():
    counted(
        call(1, ev.INVALID_ARGUMENTS), call(1, ev.INVALID_ARGUMENTS), call(2),
        expect={"FAILURES": 2, "EPISODES": 1, "RECOVERED": 1, "IDENTICAL": 1},
    )  # fmt: skip


def test_the_same_call_after_a_transient_error_is_adaptive():
    counted(
        call(1, ev.TIMEOUT, flags=7 | ev.TRANSIENT), call(1), expect={"RECOVERED": 1, "ADAPTIVE": 1, "IDENTICAL": 0}
    )


def test_an_unparseable_reply_opens_an_episode_that_any_good_call_ends():
    counted(GARBLED, GARBLED, call(5, tool=2), expect={"FAILURES": 2, "EPISODES": 1, "RECOVERED": 1, "ADAPTIVE": 1})


def test_an_unknown_tool_is_cured_by_a_known_one():
    counted(call(1, ev.UNKNOWN_TOOL, tool=9, flags=0), call(2, tool=1), expect={"RECOVERED": 1})


def test_a_failure_that_nothing_follows():
    counted(call(1, ev.TOOL_ERROR), expect={"EPISODES": 1, "UNFOLLOWED": 1, "EXHAUSTED": 1})


def test_alternating_takes_six_turns():
    bad = [call(1 + i % 2, ev.TOOL_ERROR) for i in range(6)]
    counted(*bad[:5], expect={"ALTERNATING": 0, "LOOPS_ALTERNATING": 0, "ADAPTIVE": 1})
    counted(*bad, expect={"ALTERNATING": 1, "LOOPS_ALTERNATING": 1, "ADAPTIVE": 0})


def test_a_cycle_of_three_is_periodic_the_third_time():
    bad = [call(1 + i % 3, ev.TOOL_ERROR) for i in range(12)]
    counted(*bad[:8], expect={"PERIODIC": 0, "LOOPS_PERIODIC": 0, "ADAPTIVE": 1})
    counted(*bad[:9], expect={"PERIODIC": 1, "LOOPS_PERIODIC": 1, "ADAPTIVE": 0})
    counted(*bad, expect={"LOOPS_PERIODIC": 1})


def test_a_cycle_may_hold_one_action_twice_and_be_long():
    counted(*[call(a) for a in (1, 1, 2, 3) * 3], expect={"LOOPS_PERIODIC": 1, "LOOPS_ALTERNATING": 0})
    counted(*[call(a) for a in range(1, 41)] * 3, expect={"LOOPS_PERIODIC": 1})


def test_two_actions_in_turn_are_alternating_and_not_periodic():
    counted(*[call(1 + i % 2) for i in range(24)], expect={"LOOPS_ALTERNATING": 1, "LOOPS_PERIODIC": 0})
    counted(*[call(1)] * 24, expect={"LOOPS_IDENTICAL": 1, "LOOPS_PERIODIC": 0})


def test_no_progress_takes_five_calls_with_one_result():
    bad = [call(1 + i, ev.TOOL_ERROR, result=7) for i in range(5)]
    counted(*bad[:4], expect={"NO_PROGRESS": 0, "LOOPS_NO_PROGRESS": 0})
    counted(*bad, expect={"NO_PROGRESS": 1, "LOOPS_NO_PROGRESS": 1})


def test_repeats_inside_one_turn_count_once():
    counted(call(1), call(1, step=0), call(1, step=0), expect={"REDUNDANT": 0, "LOOPS_IDENTICAL": 0})
    counted(call(1), call(1), call(1), expect={"REDUNDANT": 2, "LOOPS_IDENTICAL": 1})


def test_reading_again_after_a_write_is_not_redundant():
    counted(call(1, result=3), call(2), WRITE, call(1, result=3), expect={"REDUNDANT": 0})
    counted(call(1, result=3), call(2), call(1, result=3), expect={"REDUNDANT": 1})


def test_skipped_calls_are_no_actions():
    counted(call(1, ev.SKIPPED), ANSWER, expect={"FAILURES": 0, "EPISODES": 0, "ERRED": 0})
