"""First departure is the alignment that tries everything, and is at the call a person would point at."""

from __future__ import annotations

import numpy as np
import pytest
import twins
from hypothesis import given, settings
from hypothesis import strategies as st

from harnesslab_kernels import events as ev
from harnesslab_kernels.departure import ARGUMENTS, NONE, NOT_MADE, UNEXPECTED
from harnesslab_kernels.scan import scan

FIELDS = [name for name in ev.EVENT.names if name not in ("pad", "oracle")]

an_event = st.fixed_dictionaries(
    {
        "kind": st.sampled_from([ev.REPLY, ev.CALL, ev.CALL, ev.CALL, ev.EXEC, ev.EXEC, ev.LAYER]),
        "action": st.integers(1, 3),
        "tool": st.integers(1, 2),
        "status": st.sampled_from([ev.OK, ev.OK, ev.TOOL_ERROR, ev.SKIPPED]),
        "flags": st.sampled_from([0, ev.WROTE]),
        "branch": st.sampled_from([0, 0, 0, 1]),
    }
)
an_oracle = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2)), max_size=5)


def run(trials, oracles):
    rows = [e for trial in trials for e in trial]
    events = np.zeros(len(rows), dtype=ev.EVENT)
    for event, row in zip(events, rows, strict=True):
        for name in FIELDS:
            event[name] = row.get(name, 0)
    flat = [call for oracle in oracles for call in oracle]
    return scan(
        events,
        np.concatenate([[0], np.cumsum([len(t) for t in trials])]).astype(np.int64),
        np.array([a for a, _ in flat], dtype=np.uint64),
        np.array([t for _, t in flat], dtype=np.uint32),
        np.concatenate([[0], np.cumsum([len(o) for o in oracles])]).astype(np.int64),
        np.arange(len(trials), dtype=np.int32),
        departures=True,
    ).departures


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.lists(an_event, max_size=12), an_oracle), min_size=1, max_size=4))
def test_the_kernel_is_its_twin(cases):
    trials, oracles = [t for t, _ in cases], [o for _, o in cases]
    full = [[dict.fromkeys(FIELDS, 0) | e for e in t] for t in trials]
    assert run(trials, oracles).tolist() == [list(twins.departure(t, o)) for t, o in zip(full, oracles, strict=True)]


def call(action, tool, wrote=False):
    made = [{"kind": ev.REPLY}, {"kind": ev.CALL, "action": action, "tool": tool, "branch": 0, "status": ev.OK}]
    return [*made, *([{"kind": ev.EXEC, "flags": ev.WROTE}] if wrote else [])]


LOOK, WRITE, OTHER = (1, 1), (2, 2), (3, 2)


@pytest.mark.parametrize(
    ("calls", "kind", "at"),
    [
        ([call(*LOOK), call(*WRITE, True)], NONE, -1),
        ([call(9, 9), call(*LOOK), call(8, 9), call(*WRITE, True)], NONE, -1),  # looks lead nowhere
        ([call(*LOOK), call(*OTHER, True)], ARGUMENTS, 1),
        ([call(*LOOK), call(7, 7, True), call(*WRITE, True)], UNEXPECTED, 1),
        ([call(*LOOK)], NOT_MADE, 1),
        ([], NOT_MADE, 0),
        ([call(*WRITE, True)], NOT_MADE, 0),
        ([call(*LOOK), call(*OTHER), call(*WRITE, True)], NONE, -1),  # corrected before anything changed
    ],
)
def test_where_it_departs(calls, kind, at):
    assert run([[e for c in calls for e in c]], [[LOOK, WRITE]])[0, :2].tolist() == [kind, at]
