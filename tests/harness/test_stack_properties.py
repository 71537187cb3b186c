"""What holds for random replies through random stacks of all layers, those that open branches and ask questions too."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_harness_properties import budgets, scripts
from toy_advice import ADVICE
from toy_desk import TOOLBOX, ToyDesk, call, play

from harnesslab.harness.registry import layer_names
from harnesslab.harness.schemas import fits
from harnesslab.trace.recorder import LayerTable, TrialRecorder
from harnesslab.types import ASIDE, Advice, Budget, EventKind, Status
from harnesslab_kernels import events as codes

N = 3
CHECKED = Advice(
    compounds=ADVICE.compounds,
    checks=(lambda call, result: "ship by express" if call.arguments.get("speed") == "normal" else "",),
)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
inner = st.lists(
    st.sampled_from(
        [
            *(name for name in layer_names() if name != "best-of-n"),
            *({"name": "decompose", "same": 1}, {"name": "improve", "rounds": 9}, {"name": "compound", "hide": False}),
        ]
    ),
    max_size=5,
)
outer = st.sampled_from([[], [], [{"name": "best-of-n", "n": N}], [{"name": "best-of-n", "n": N, "select": "model"}]])
said = st.sampled_from(["get_order, ship_order", "1. look\n2. ship", "2"])
chain = st.just(call("look_and_ship", order_id="O-2"))
mixed = st.tuples(scripts, st.lists(st.one_of(said, chain), max_size=3)).flatmap(
    lambda pair: st.permutations([*pair[0], *pair[1]])
)


@quick
@given(mixed, outer, inner, budgets, st.sampled_from([0, 0, 500]))
def test_any_stack_ends_within_its_budget_and_its_books_add_up(
    script: list[str], control: list[Any], stack: list[Any], budget: Budget, n_ctx: int
) -> None:
    played = play(script, [*control, *stack], budget=budget, n_ctx=n_ctx, advice=CHECKED)
    times = N if control else 1
    replies = played.of(EventKind.REPLY)
    assert len(replies) <= times * budget.turns
    spent = played.spent
    assert not budget.tokens or spent.prompt + spent.generated <= times * budget.tokens
    assert [e.kind for e in played.recorder.events].count(EventKind.END) == 1
    assert played.recorder.events[-1].kind is EventKind.END
    assert len(played.of(EventKind.EXEC)) == len(played.desk.log)
    answered = [e for e in replies if e.status is not Status.OVERFLOW or e.completion.usage.generated]
    for event, request in zip(answered, played.requests, strict=True):
        assert event.completion.usage.prompt == request.prompt.n_tokens
        assert (event.branch == ASIDE) == (request.prompt.tools == ())
        assert event.branch != ASIDE or event.layer  # somebody asked, and pays
    assert {e.branch for e in played.of(EventKind.CALL)} <= {e.branch for e in replies} - {ASIDE}
    for attempt in played.answer.among:
        assert 0 <= attempt.calls[0] <= attempt.calls[1] <= len(played.desk.log)


@quick
@given(mixed, outer, inner, budgets)
def test_packed_records_carry_the_same_totals_and_branches(
    script: list[str], control: list[Any], stack: list[Any], budget: Budget
) -> None:
    played = play(script, [*control, *stack], budget=budget, advice=CHECKED)
    recorder = TrialRecorder(LayerTable())
    for event in played.recorder.events:
        recorder.event(**{name: getattr(event, name) for name in event.__dataclass_fields__})
    packed = np.frombuffer(recorder.finish(())[0], dtype=codes.EVENT)
    replied = packed[packed["kind"] == codes.REPLY]
    assert (replied["prompt"].sum(), replied["generated"].sum()) == (played.spent.prompt, played.spent.generated)
    assert packed["branch"].tolist() == [e.branch for e in played.recorder.events]


@quick
@given(mixed, outer, inner.map(lambda stack: [*stack, "validate"]), st.randoms(use_true_random=False))
def test_with_validate_anywhere_an_invalid_call_never_reaches_a_tool(
    script: list[str], control: list[Any], stack: list[Any], rng: Any
) -> None:
    rng.shuffle(stack)
    played = play(script, [*control, *stack], advice=CHECKED)
    for ran, _ in played.desk.log:
        tool = TOOLBOX.get(ran.name)
        assert tool is not None
        assert fits(tool, ran.arguments)


@quick
@given(mixed, inner, budgets)
def test_the_chosen_attempts_world_is_what_is_left(script: list[str], stack: list[Any], budget: Budget) -> None:
    played = play(script, [{"name": "best-of-n", "n": N}, *stack], budget=budget, advice=CHECKED)
    chosen = played.answer.among[played.answer.chosen]
    left = ToyDesk()
    left.restore(chosen.world)
    assert played.desk.digest() == left.digest()
    assert (played.answer.text, played.answer.reason) == (chosen.text, chosen.reason)
    assert len(played.answer.among) == N
    assert [a.calls[0] for a in played.answer.among[1:]] == [a.calls[1] for a in played.answer.among[:-1]]


@quick
@given(scripts, st.sampled_from([0, 350, 600]))
def test_layers_that_find_nothing_to_do_leave_every_draw_as_it_was(script: list[str], n_ctx: int) -> None:
    """Without advice, stuck attempts or many schemas: compound, improve, decompose and router are not there."""
    stack = ["compound", "improve", {"name": "decompose", "same": 99}, {"name": "router", "threshold": 9999}]
    budget = Budget(turns=7)  # seven: the reserve of four is reached when fewer than four were used
    with_them, without = play(script, stack, n_ctx=n_ctx, budget=budget), play(script, n_ctx=n_ctx, budget=budget)
    assert [r.rng_key for r in with_them.requests] == [r.rng_key for r in without.requests]
    flags = [[(e.kind, e.flags, e.status) for e in p.recorder.events] for p in (with_them, without)]
    assert flags[0] == flags[1]
