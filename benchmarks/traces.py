"""Made-up sweeps of any size: traces that fail the way small models do, from a seed, without a model.

A trial is 4 to 40 events: perhaps a user's message and a layer's note, then turns of one reply, one call and what ran
of it, then an answer (unless the budget ran out) and the end. Most trials walk through the oracle's calls and slip now
and then: a reply that cannot be read, a tool that does not exist, arguments that do not fit, a tool's own error, a
wrong argument. After a slip some repeat the very call, others change it. One trial in six falls into a loop: one call
again and again, two or three in turn, or ever new arguments with the same result. Some work in a second branch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab.store.columns import ORACLE, TRIAL, CellRow, Columns, TaskRow, TrialStatus
from harnesslab.types import Weights
from harnesslab_kernels import events as ev

MODELS, HARNESSES, BASES, VARIANTS = 5, 5, 1000, 2
TOOLS = 8
SHORTEST, LONGEST = 4, 40  # events of a trial
BLOCK = 50_000  # trials generated at once
WEIGHTS = Weights(batch=0.01, prefill=0.004, decode=0.03, context=6e-8, context_tiled=4e-9, draw=0.001)

# How a call ends: status, flags, and its share among slips. The first is a reply that cannot be read: no call at all.
_SLIPS = (
    (ev.UNPARSEABLE, 0, 0.2),
    (ev.UNKNOWN_TOOL, 0, 0.1),
    (ev.INVALID_ARGUMENTS, ev.KNOWN_TOOL, 0.25),
    (ev.TOOL_ERROR, ev.KNOWN_TOOL | ev.SCHEMA_VALID | ev.REACHED, 0.35),
    (ev.TIMEOUT, ev.KNOWN_TOOL | ev.SCHEMA_VALID | ev.REACHED | ev.TRANSIENT, 0.1),
)
_FINE = ev.KNOWN_TOOL | ev.SCHEMA_VALID | ev.REACHED


@dataclass(frozen=True, slots=True)
class _Oracles:
    """All tasks' expected calls, padded to one length: action uint64[T, m], tool uint32[T, m], and lengths int64[T]."""

    action: NDArray[np.uint64]
    tool: NDArray[np.uint32]
    length: NDArray[np.int64]


def synthetic_sweep(trials: int, seed: int = 0) -> Columns:
    """A sweep of MODELS x HARNESSES cells on BASES x VARIANTS tasks, all but as many repeats as make `trials`.

    Args:
        trials: how many; the same seed gives the same first ones.
    """
    rng = np.random.default_rng(seed)
    facts = {"imported": "synthetic"}  # so that first departures are counted too
    cells = tuple(
        CellRow(f"{m}-{h}", f"model-{m}", f"harness-{h}", "synthetic", facts)
        for m in range(MODELS)
        for h in range(HARNESSES)
    )
    tasks, oracles = _tasks(rng)
    rows = _trial_rows(trials, len(cells), len(tasks))
    lengths = rng.integers(SHORTEST, LONGEST + 1, trials)
    offsets = np.zeros(trials + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    events = np.zeros(int(offsets[-1]), dtype=ev.EVENT)
    for block, start in enumerate(range(0, trials, BLOCK)):
        stop = min(trials, start + BLOCK)
        mine = slice(offsets[start], offsets[stop])
        passed = _fill(
            np.random.default_rng([seed, block]), events[mine], lengths[start:stop], rows[start:stop], oracles
        )
        rows["status"][start:stop] = np.where(passed, TrialStatus.PASSED, TrialStatus.FAILED)
        rows["seconds"][start:stop] = np.add.reduceat(events["duration"][mine], offsets[start:stop] - offsets[start])
    rows["measured"] = 0.3 * rows["seconds"]
    rows["joules"] = 40.0 * rows["seconds"]
    rows["started"] = np.cumsum(rows["seconds"]) / 16.0  # sixteen at a time
    return Columns(cells, tasks, rows, events, offsets, ("", "retry"), {c.model: WEIGHTS for c in cells})


def _tasks(rng: np.random.Generator) -> tuple[tuple[TaskRow, ...], _Oracles]:
    n, most = BASES * VARIANTS, 6
    oracles = _Oracles(
        rng.integers(1, 2**63, (n, most)).astype(np.uint64),
        _tool_hash(rng.integers(0, TOOLS, (n, most))),
        rng.integers(2, most + 1, n),
    )
    tasks = []
    for t in range(n):
        calls = np.zeros(oracles.length[t], dtype=ORACLE)
        calls["action"], calls["tool"] = (a[t, : len(calls)] for a in (oracles.action, oracles.tool))
        base, variant = divmod(t, VARIANTS)
        tier = f"t{1 + base % 3}"
        tasks.append(TaskRow("synthetic", f"task-{t}", f"base-{base}", f"v{variant}", tier, calls))
    return tuple(tasks), oracles


def _tool_hash(tool: NDArray[np.int64]) -> NDArray[np.uint32]:
    return ((tool + 1) * 0x9E3779B1 % 2**32).astype(np.uint32)


def _trial_rows(trials: int, cells: int, tasks: int) -> NDArray[Any]:
    """TRIAL[trials] ordered by (cell, task, repeat); the repeats are spread evenly."""
    rows = np.zeros(trials, dtype=TRIAL)
    group = np.arange(trials, dtype=np.int64) * (cells * tasks) // max(1, trials)
    rows["cell"], rows["task"] = group // tasks, group % tasks
    first = np.searchsorted(group, group)
    rows["repeat"] = np.arange(trials) - first
    return rows


def _fill(
    rng: np.random.Generator, events: NDArray[Any], lengths: NDArray[np.int64], rows: NDArray[Any], oracles: _Oracles
) -> NDArray[np.bool_]:
    """Writes the events of some trials; returns bool[n], which of them passed."""
    n, m = len(lengths), len(events)
    start = np.cumsum(lengths) - lengths
    trial = np.repeat(np.arange(n), lengths)
    position = np.arange(m) - start[trial]
    ending = 2 - (rng.random(n) < 0.15)  # END, and an answer before it unless the budget ran out
    turns = (lengths - ending) // 3
    lead = lengths - ending - 3 * turns
    place = position - lead[trial]  # in the turns
    turn = np.clip(place // 3, -1, turns[trial] - 1)
    in_turns = (place >= 0) & (place < 3 * turns[trial])
    step = np.where(in_turns, place % 3, -1)

    # Calls, one per turn, all trials after another.
    call_trial = np.repeat(np.arange(n), turns)
    number = np.arange(len(call_trial)) - np.repeat(np.cumsum(turns) - turns, turns)
    chosen = _choose(rng, call_trial, number, rows, oracles, n)
    at = np.flatnonzero(step == 0)
    _write_turns(rng, events, at, chosen)

    last = position == lengths[trial] - 1
    answer = (position == lengths[trial] - 2) & (ending[trial] == 2)
    kind = events["kind"]
    kind[position < lead[trial]] = ev.USER
    kind[(position == 1) & (lead[trial] == 2)] = ev.LAYER
    kind[answer], kind[last] = ev.REPLY, ev.END
    events["flags"][answer] = ev.ANSWER
    events["turn"] = np.where(answer | last, turns[trial], np.maximum(turn, 0))
    replies = np.flatnonzero(kind == ev.REPLY)
    _write_tokens(rng, events, replies, position[replies])
    events["oracle"][(kind != ev.CALL)] = -1
    branched = rng.random(n) < 0.05
    events["branch"] = branched[trial] & (position > lengths[trial] // 2) & ~answer & ~last
    events["duration"] = np.where(kind == ev.REPLY, 0.02 * events["generated"], 0.01)
    begun = np.cumsum(events["duration"], dtype=np.float64)
    events["start"] = begun - begun[start][trial]
    return _passed(rng, chosen, call_trial, rows, n)


@dataclass(frozen=True, slots=True)
class _Calls:
    """One call (or unreadable reply) per turn: arrays over all turns of some trials."""

    action: NDArray[np.uint64]
    tool: NDArray[np.uint32]
    result: NDArray[np.uint64]
    status: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    oracle: NDArray[np.int16]


def _choose(
    rng: np.random.Generator,
    trial: NDArray[np.int64],
    number: NDArray[np.int64],
    rows: NDArray[Any],
    oracles: _Oracles,
    n: int,
) -> _Calls:
    """What each turn calls and how it ends."""
    size = len(trial)
    task = rows["task"][trial].astype(np.int64)
    error_rate = rng.beta(1.0, 4.0, n) * (1.3 - 0.15 * (rows["cell"] % HARNESSES))
    looping = np.where(rng.random(n) < 1 / 6, rng.integers(1, 5, n), 0)  # 0: not; period 1, 2, 3; 4: no progress
    begins = rng.integers(0, 5, n)
    loop = np.where(number >= begins[trial], looping[trial], 0)

    slip = (rng.random(size) < error_rate[trial]) | ((loop > 0) & (begins[trial] % 2 == 0))
    which = rng.choice(len(_SLIPS), size, p=[share for _, _, share in _SLIPS])
    which = np.where(loop > 0, 3, which)  # a loop of tool errors, or of calls that change nothing
    status = np.where(slip, np.array([s for s, _, _ in _SLIPS])[which], ev.OK).astype(np.uint8)
    flags = np.where(slip, np.array([f for _, f, _ in _SLIPS])[which], _FINE).astype(np.uint8)

    # The next call of the oracle is due after each call that was fine.
    fine = ~slip & (loop == 0)
    before = np.cumsum(fine) - fine
    due = before - before[np.arange(size) - number]
    length = oracles.length[task]
    expected = due < length
    at = np.minimum(due, length - 1)
    action, tool = oracles.action[task, at].copy(), oracles.tool[task, at].copy()
    wrong = (slip & (rng.random(size) < 0.6)) | ~expected
    action[wrong] = (task[wrong] * 64 + rng.integers(1, 9, int(wrong.sum()))).astype(np.uint64)
    cycle = np.where(loop == 4, number, number % np.maximum(loop, 1))
    action[loop > 0] = (task[loop > 0] * 64 + 16 + cycle[loop > 0]).astype(np.uint64)
    tool[loop > 0] = _tool_hash(np.zeros(1, dtype=np.int64))[0]
    # After a slip some call the same again.
    after = np.flatnonzero(slip[:-1] & (trial[1:] == trial[:-1]) & (loop[1:] == 0) & (rng.random(size - 1) < 0.3)) + 1
    action[after], tool[after] = action[after - 1], tool[after - 1]
    result = np.where(slip, status.astype(np.uint64) + np.uint64(100), action ^ np.uint64(0xABCDEF))
    result[loop == 4] = 7
    hit = fine & expected & (action == oracles.action[task, at])
    return _Calls(action, tool, result, status, flags, np.where(hit, at, -1).astype(np.int16))


def _write_turns(rng: np.random.Generator, events: NDArray[Any], at: NDArray[np.int64], chosen: _Calls) -> None:
    """A reply at `at`, its call behind it, and behind that what ran."""
    unread = chosen.status == ev.UNPARSEABLE
    reached = (chosen.flags & ev.REACHED) != 0
    events["kind"][at] = ev.REPLY
    events["status"][at] = np.where(unread, ev.UNPARSEABLE, ev.OK)
    events["kind"][at + 1] = np.where(unread, ev.LAYER, ev.CALL)
    events["kind"][at + 2] = np.where(reached, ev.EXEC, ev.LAYER)
    for i in (1, 2):
        events["tool"][at + i] = np.where(unread, 0, chosen.tool)
        events["action"][at + i] = np.where(unread, 0, chosen.action)
        events["result"][at + i] = np.where(unread, 0, chosen.result)
        events["status"][at + i] = np.where(unread, ev.OK, chosen.status)
    events["flags"][at + 1] = chosen.flags
    events["oracle"][at + 1] = chosen.oracle
    wrote = (chosen.status == ev.OK) & reached & (chosen.tool % 2 == 0)
    events["flags"][at + 2] = np.where(wrote, ev.WROTE, 0)
    events["layer"][at + 1] = events["layer"][at + 2] = unread


def _write_tokens(
    rng: np.random.Generator, events: NDArray[Any], replies: NDArray[np.int64], position: NDArray[np.int64]
) -> None:
    said = rng.geometric(1 / 45, len(replies))
    events["generated"][replies] = said
    events["forced"][replies] = said // 5
    events["prompt"][replies] = 600 + 40 * position + rng.integers(0, 60, len(replies))
    events["own"][replies] = np.where(position < 4, 0, 520 + 38 * position)
    events["cached"][replies] = 560 + 36 * position
    memo = rng.random(len(replies)) < 0.25
    events["flags"][replies[memo]] |= ev.MEMO


def _passed(
    rng: np.random.Generator, chosen: _Calls, trial: NDArray[np.int64], rows: NDArray[Any], n: int
) -> NDArray[np.bool_]:
    """More matched calls pass more often; tasks differ."""
    hits = np.bincount(trial, weights=chosen.oracle >= 0, minlength=n)
    ease = (rows["task"].astype(np.int64) * 2654435761 % 1000) / 1000.0
    return np.asarray(rng.random(n) < np.minimum(0.95, 0.08 + 0.12 * hits + 0.4 * (ease - 0.5) * (hits > 0)))
