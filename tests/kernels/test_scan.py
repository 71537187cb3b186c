"""The one pass over the events counts what the slow twins count, on any stream of events."""

from __future__ import annotations

import random

import numba
import numpy as np
import twins
from hypothesis import given, settings
from hypothesis import strategies as st

from harnesslab_kernels import counts
from harnesslab_kernels import events as ev
from harnesslab_kernels.scan import CHUNK, scan

NAMES = {value: name for name, value in vars(counts).items() if name.isupper() and name != "WIDTH"}
FIELDS = [name for name in ev.EVENT.names if name != "pad"]

# Few distinct actions, tools and results, so that loops, repeats and matches are common.
few = st.integers(0, 3)
an_event = st.fixed_dictionaries(
    {
        "kind": st.sampled_from([ev.REPLY, ev.CALL, ev.CALL, ev.CALL, ev.EXEC, ev.LAYER, ev.USER, ev.END]),
        "action": st.integers(1, 3),
        "tool": st.integers(1, 2),
        "result": few,
        "status": st.sampled_from([0, 0, 0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9]),
        "flags": st.integers(0, 127),
        "branch": st.sampled_from([0, 0, 0, 0, 1]),
        "oracle": st.integers(-1, 2),
        "prompt": st.integers(0, 5000),
        "cached": st.integers(0, 500),
        "own": st.integers(-1, 500),
        "generated": few,
        "forced": st.integers(0, 1),
        "step": st.sampled_from([0, 1, 1]),
    }
)
a_trial = st.lists(an_event, max_size=30)
# Loops need calls that fail or succeed alike, turn after turn.
a_loop = st.builds(
    lambda cycle, times, status, flags, result: [
        {"kind": ev.CALL, "action": a, "tool": 1, "status": status, "flags": flags, "result": result, "step": 1}
        for a in cycle * times
    ],
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.integers(1, 5),
    st.sampled_from([ev.OK, ev.TOOL_ERROR]),
    st.sampled_from([7, 7 | ev.TRANSIENT]),
    few,
)
a_loopy_trial = st.builds(
    lambda a, b, c: a + b + c, st.lists(an_event, max_size=5), a_loop, st.lists(an_event, max_size=5)
)
an_oracle = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2)), max_size=5)


def packed(trials):
    """EVENT[m] and offsets; `step` becomes a turn number that never falls."""
    rows = []
    for trial in trials:
        turn = 0
        for e in trial:
            turn += e["step"]
            row = {"oracle": -1, **e, "turn": turn}
            rows.append((*(row.get(f, 0) for f in FIELDS), b""))
    events = np.array(rows, dtype=ev.EVENT) if rows else np.zeros(0, dtype=ev.EVENT)
    return events, np.concatenate([[0], np.cumsum([len(t) for t in trials])]).astype(np.int64)


def run(trials, oracles):
    events, offsets = packed(trials)
    flat = [call for oracle in oracles for call in oracle]
    return scan(
        events,
        offsets,
        np.array([a for a, _ in flat], dtype=np.uint64),
        np.array([t for _, t in flat], dtype=np.uint32),
        np.concatenate([[0], np.cumsum([len(o) for o in oracles])]).astype(np.int64),
        np.arange(len(trials), dtype=np.int32),
    ).counts


def by_name(row):
    return {name: int(row[i]) for i, name in NAMES.items()}


def as_dicts(events):
    return [{name: e[name].item() for name in FIELDS} for e in events]


def test_every_column_has_a_name_of_its_own():
    assert sorted(NAMES) == list(range(counts.WIDTH))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.one_of(a_trial, a_loopy_trial), an_oracle), min_size=1, max_size=4))
def test_scan_counts_what_the_twins_count(sample):
    trials, oracles = [t for t, _ in sample], [o for _, o in sample]
    events, offsets = packed(trials)
    rows = run(trials, oracles)
    for i, oracle in enumerate(oracles):
        assert by_name(rows[i]) == twins.trial(as_dicts(events[offsets[i] : offsets[i + 1]]), oracle)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_scan_counts_what_the_twins_count_on_many_streams(seed):
    """Rare patterns need many trials: a wrong threshold shows in one trial of twenty to a hundred."""
    rng = random.Random(seed)
    trials = [a_random_trial(rng) for _ in range(200)]
    oracles = [[(rng.randint(1, 3), rng.randint(1, 2)) for _ in range(rng.randint(0, 4))] for _ in trials]
    events, offsets = packed(trials)
    rows = run(trials, oracles)
    for i, oracle in enumerate(oracles):
        assert by_name(rows[i]) == twins.trial(as_dicts(events[offsets[i] : offsets[i + 1]]), oracle)


def a_random_trial(rng):
    """Noise, then a cycle of calls that all end alike."""
    noise = [
        {
            "kind": rng.choice([ev.REPLY, ev.CALL, ev.CALL, ev.CALL, ev.EXEC, ev.LAYER, ev.USER, ev.END]),
            "action": rng.randint(1, 3),
            "tool": rng.randint(1, 2),
            "result": rng.randint(0, 2),
            "status": rng.choice([0, 0, 0, 1, 2, 4, 4, 6, 8, 9]),
            "flags": rng.randint(0, 127),
            "branch": rng.choice([0, 0, 0, 1]),
            "oracle": rng.randint(-1, 2),
            "prompt": rng.randint(0, 99),
            "generated": rng.randint(0, 3),
            "step": rng.choice([0, 1, 1]),
        }
        for _ in range(rng.randint(0, 12))
    ]
    cycle = [rng.randint(1, 3) for _ in range(rng.randint(1, 5))] * rng.randint(1, 5)
    alike = {"kind": ev.CALL, "tool": 1, "status": rng.choice([ev.OK, ev.TOOL_ERROR]), "result": rng.randint(0, 2)}
    return noise + [{**alike, "action": a, "flags": 7, "step": 1} for a in cycle]


@settings(max_examples=60, deadline=None)
@given(a_loopy_trial)
def test_endings_and_paths_add_up_to_the_episodes(trial):
    row = by_name(run([trial], [[]])[0])
    assert row["RECOVERED"] + row["ABANDONED"] + row["EXHAUSTED"] == row["EPISODES"] <= row["FAILURES"]
    paths = ("ADAPTIVE", "IDENTICAL", "ALTERNATING", "PERIODIC", "NO_PROGRESS", "UNFOLLOWED")
    assert sum(row[p] for p in paths) == row["EPISODES"]
    rungs = [row[r] for r in ("ATTEMPTS", "CALLS", "KNOWN", "VALID", "EXECUTED", "MATCHED")]
    assert rungs == sorted(rungs, reverse=True)


def test_the_thread_count_changes_nothing():
    rng = np.random.default_rng(5)
    n, length = 3 * CHUNK + 7, 9
    events = np.zeros(n * length, dtype=ev.EVENT)
    events["kind"] = rng.integers(1, 7, n * length)
    events["action"] = rng.integers(1, 4, n * length)
    events["status"] = rng.integers(0, 10, n * length)
    events["turn"] = np.tile(np.arange(length), n)
    events["flags"] = rng.integers(0, 128, n * length)
    events["generated"] = rng.integers(0, 9, n * length)
    oracle = np.array([1, 1, 2], dtype=np.uint64), np.zeros(3, dtype=np.uint32), np.array([0, 3])
    task = np.zeros(n, dtype=np.int32)
    before = numba.get_num_threads()
    found = []
    try:
        for threads in {1, min(2, before), before}:
            numba.set_num_threads(threads)
            found.append(scan(events, np.arange(n + 1) * length, *oracle, task, departures=True))
    finally:
        numba.set_num_threads(before)
    for other in found[1:]:
        assert np.array_equal(other.counts, found[0].counts)
        assert np.array_equal(other.amounts, found[0].amounts)
        assert np.array_equal(other.departures, found[0].departures)


def test_no_trials_and_empty_trials():
    assert run([], []).shape == (0, counts.WIDTH)
    row = by_name(run([[]], [[(1, 1)]])[0])
    assert row.pop("FIRST_DUE") == 1
    assert not any(row.values())
