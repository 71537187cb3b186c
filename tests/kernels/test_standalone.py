"""What a trial would cost alone: the kernel adds up what counting token by token finds."""

from __future__ import annotations

import dataclasses

import numpy as np
import twins
from hypothesis import given, settings
from hypothesis import strategies as st

from harnesslab import types
from harnesslab_kernels import events as ev
from harnesslab_kernels import standalone
from harnesslab_kernels.scan import no_oracles, scan
from harnesslab_kernels.standalone import AMOUNTS


@st.composite
def an_event(draw):
    prompt = draw(st.integers(1, 300))
    generated = draw(st.integers(0, 40))
    return {
        "kind": draw(st.sampled_from([ev.REPLY, ev.REPLY, ev.CALL, ev.END])),
        "status": draw(st.sampled_from([ev.OK, ev.OK, ev.UNPARSEABLE, ev.OVERFLOW])),
        "flags": draw(st.sampled_from([0, ev.MEMO])),
        "branch": draw(st.sampled_from([0, 0, 1])),
        "prompt": prompt,
        "own": draw(st.one_of(st.integers(0, prompt - 1), st.just(max(0, prompt - 64)), st.just(max(0, prompt - 65)))),
        "generated": generated,
        "forced": draw(st.integers(0, generated)),
    }


a_trial = st.lists(an_event(), max_size=8)


def packed(trials):
    events = np.zeros(sum(map(len, trials)), dtype=ev.EVENT)
    for record, e in zip(events, (e for trial in trials for e in trial), strict=True):
        for name, value in e.items():
            record[name] = value
    return events, np.concatenate([[0], np.cumsum([len(t) for t in trials])]).astype(np.int64)


def standalone_amounts(events, offsets):
    return scan(events, offsets, *no_oracles(len(offsets) - 1)).amounts


@settings(max_examples=80, deadline=None)
@given(st.lists(a_trial, max_size=5))
def test_amounts_are_those_of_the_twin(trials):
    found = standalone_amounts(*packed(trials))
    assert found.shape == (len(trials), AMOUNTS)
    for row, trial in zip(found, trials, strict=True):
        assert row.tolist() == twins.standalone(trial)


def test_one_unknown_reply_leaves_the_trial_unknown_and_no_other():
    reply = {"kind": ev.REPLY, "status": ev.OK, "prompt": 10, "own": 0, "generated": 2, "forced": 0}
    known, unknown = [reply, reply], [reply, {**reply, "own": -1}]
    found = standalone_amounts(*packed([known, unknown, known]))
    assert np.isnan(found[1]).all()
    assert found[0].tolist() == found[2].tolist() == twins.standalone(known)


def test_a_prompt_that_did_not_fit_costs_nothing_known_or_not():
    lost = {"kind": ev.REPLY, "status": ev.OVERFLOW, "prompt": 9000, "own": -1}
    assert standalone_amounts(*packed([[lost]])).tolist() == [[0.0] * AMOUNTS]


def test_the_weights_of_an_engine_stand_in_the_kernels_order():
    names = [field.name.upper() for field in dataclasses.fields(types.Weights)]
    assert [getattr(standalone, name) for name in names] == list(range(AMOUNTS))
    assert standalone.TILE == types.TILE


@given(st.integers(1, 300), st.integers(0, 299))
def test_a_prompt_costs_what_the_scheduler_weighs_it_by(prompt, own):
    weights = types.Weights(1.0, 0.5, 0.25, 2.0, 0.125, 0.0)
    own = min(own, prompt - 1)
    reply = {"kind": ev.REPLY, "prompt": prompt, "own": own, "generated": 0}
    amounts = standalone_amounts(*packed([[reply]]))[0]
    assert amounts @ np.array(dataclasses.astuple(weights)) == weights.of_feed(own, prompt - own, drawn=False)
