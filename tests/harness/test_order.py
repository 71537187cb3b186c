"""Which layers commute: every statement of docs/layers.md."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_harness_properties import replies, scripts
from toy_desk import GET, Played, call, play

from harnesslab.types import Advice, EventKind, Prerequisite, Sampling

SHIP = call("ship_order", order_id="O-2", speed="express")
LOOSE = '{"tool": "get_order", "args": {"order_id": "O-1"}}'
ADVICE = Advice(
    prerequisites=(Prerequisite("ship_order", "get_order", {"order_id": "order_id"}, "Look first."),),
    validators=(lambda called, actions: "" if called.arguments.get("order_id") != "O-2" or actions else "too early",),
)
COMPACT = {"name": "compact", "budget": 420}
CALLS = ("validate", "prerequisites", "breaker")
TURNS = ("abort", "retry", "rewind")
OTHERS = (*CALLS, *TURNS, COMPACT)
near = st.one_of(replies, st.sampled_from([LOOSE, f"```json\n{LOOSE}\n```", SHIP, GET]))
longer = st.lists(near, min_size=1, max_size=8)
FENCED = '```json\n{"name": "get_order", "arguments": {"order_id": "O-1"}}\n```'
BAD, MISSING = call("get_order", id="O-1"), call("get_order", order_id="O-9")
LONG = [SHIP, GET, FENCED, SHIP, GET, BAD, GET, FENCED, MISSING, GET, "Done."]  # every layer acts on it


def facts(script: list[str], stack: list[Any], n_ctx: int = 600) -> Any:
    """All that was asked, done and answered, and on whose account; not the order of the interventions."""
    played = play(script, stack, n_ctx=n_ctx, advice=ADVICE, sampling=Sampling(max_tokens=200))
    return (
        [(r.prompt.digest, r.sampling, r.constraint, r.rng_key) for r in played.requests],
        [
            (e.kind, e.turn, e.status, e.layer, e.call, e.result)
            for e in played.recorder.events
            if e.call or e.completion
        ],
        sorted((e.turn, e.layer, e.payload["cause"]) for e in played.of(EventKind.LAYER)),
        played.answer,
        played.desk.state,
    )


def commute(script: list[str], one: Any, other: Any, n_ctx: int = 600) -> None:
    assert facts(script, [one, other], n_ctx) == facts(script, [other, one], n_ctx)


@pytest.mark.parametrize(("one", "other"), list(product(CALLS, TURNS)))
@given(longer)
@example(LONG)
@settings(max_examples=12, deadline=None)
def test_layers_on_calls_commute_with_layers_on_turns(one: str, other: str, script: list[str]) -> None:
    commute(script, one, other)


@pytest.mark.parametrize("other", [*OTHERS, "constrain"], ids=str)
@given(longer)
@example(LONG)
@settings(max_examples=12, deadline=None)
def test_rescue_commutes_with_every_other_layer(other: Any, script: list[str]) -> None:
    commute(script, "rescue", other)


@pytest.mark.parametrize("other", [*OTHERS, "rescue"], ids=str)
@given(longer)
@example(LONG)
@settings(max_examples=12, deadline=None)
def test_constrain_with_text_auto_commutes_with_every_other_layer(other: Any, script: list[str]) -> None:
    commute(script, "constrain", other)


@given(scripts)
@settings(max_examples=25, deadline=None)
def test_constrain_with_text_first_commutes_with_compact_where_nothing_is_left_out(script: list[str]) -> None:
    commute(script, {"name": "constrain", "text": "first"}, "compact", n_ctx=100_000)


def test_every_layer_acts_on_the_long_script() -> None:
    for layer in (*OTHERS, "rescue", "constrain"):
        played = play(LONG, [layer], n_ctx=600, advice=ADVICE, sampling=Sampling(max_tokens=200))
        assert played.of(EventKind.LAYER), layer


def test_among_layers_on_calls_the_order_matters() -> None:
    """So the tests above could fail."""
    early, bad = [SHIP, "Done."], [BAD] * 3
    assert facts(early, ["validate", "prerequisites"]) != facts(early, ["prerequisites", "validate"])
    assert facts(bad, ["validate", "breaker"]) != facts(bad, ["breaker", "validate"])


def test_order_on_calls_as_docs_recommend_it() -> None:
    """Wrong arguments are answered as such, and only then is another call asked for."""
    wrong = call("ship_order", order_id="O-1", speed="fast")
    played: Played = play([wrong, SHIP, "Done."], [*CALLS], advice=ADVICE)
    causes = [e.payload["cause"] for e in played.of(EventKind.LAYER)]
    assert causes == ["invalid arguments", "needs another call first"]
