"""Made-up sweeps with known parameters: columns as a store would give them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab.store.columns import ORACLE, TRIAL, CellRow, Columns, TaskRow, TrialStatus
from harnesslab.types import EndReason, Weights
from harnesslab_kernels import events as ev

ENDS = list(EndReason)


def event(kind: int, **fields: Any) -> NDArray[Any]:
    """EVENT[1] with these fields set and oracle -1."""
    record = np.zeros(1, dtype=ev.EVENT)
    record["kind"] = kind
    record["oracle"] = -1
    for name, value in fields.items():
        record[name] = value
    return record


def trial_events(rng: np.random.Generator, passed: bool, oracle: NDArray[Any]) -> NDArray[Any]:
    """A plausible trace: oracle calls with mistakes in between, more of them in a failed trial."""
    parts: list[NDArray[Any]] = []
    turn, said = 0, 600

    def reply(status: int = ev.OK, flags: int = 0) -> None:
        nonlocal turn, said
        turn += 1
        tokens = int(rng.integers(15, 90))
        parts.append(
            event(ev.REPLY, turn=turn, status=status, flags=flags, prompt=said, cached=said - 50, generated=tokens)
        )
        said += tokens + 40

    def call(action: int, tool: int, status: int = ev.OK, flags: int = 7, match: int = -1) -> None:
        parts.append(
            event(
                ev.CALL,
                turn=turn,
                action=action,
                tool=tool,
                status=status,
                flags=flags,
                oracle=match,
                result=action + 1,
            )
        )
        if flags & ev.REACHED:
            parts.append(event(ev.EXEC, turn=turn, action=action, tool=tool, status=status))

    upto = len(oracle) if passed else int(rng.integers(0, len(oracle) + 1))
    for j in range(upto):
        while rng.random() < (0.15 if passed else 0.4):
            mistake = rng.random()
            if mistake < 0.3:
                reply(ev.UNPARSEABLE)
            elif mistake < 0.7:
                reply()
                call(int(rng.integers(1000, 1004)), int(oracle["tool"][j]), ev.TOOL_ERROR, 7)
            elif mistake < 0.85:
                reply()
                call(int(rng.integers(2000, 2002)), 77, ev.UNKNOWN_TOOL, 0)
            else:
                reply()
                call(int(rng.integers(3000, 3003)), int(oracle["tool"][j]), ev.INVALID_ARGUMENTS, ev.KNOWN_TOOL)
        reply()
        call(int(oracle["action"][j]), int(oracle["tool"][j]), match=j)
    if passed or rng.random() < 0.6:
        reply(flags=ev.ANSWER)
    parts.append(event(ev.END, turn=turn))
    return np.concatenate(parts)


def sweep(
    rates: dict[tuple[str, str], float],
    *,
    bases: int = 20,
    variants: int = 1,
    repeats: int = 4,
    icc: float = 0.3,
    suite: str = "orders",
    missing: float = 0.0,
    null: Sequence[int] = (),
    greedy: bool = False,
    joules: bool = False,
    weights: Weights | None = None,
    seed: int = 0,
) -> Columns:
    """Columns of one suite.

    Args:
        rates: (model, harness) -> mean success rate; tasks vary around it with intraclass correlation `icc`.
        bases, variants: base tasks and tasks per base task.
        missing: share of trials the lab lost.
        null: indices of base tasks that the idle agent passes.
        weights: of every model; None: none was calibrated.
    """
    rng = np.random.default_rng(seed)
    cells = tuple(CellRow(f"{m}-{h}", m, h, suite, {"greedy": greedy}) for m, h in rates)
    tasks = []
    for b in range(bases):
        for v in range(variants):
            oracle = np.zeros(1 + b % 3, dtype=ORACLE)
            oracle["action"] = 100 * b + np.arange(len(oracle)) + 1
            oracle["tool"] = 1 + np.arange(len(oracle)) % 2
            idle = ("idle",) if b in null else ()
            tasks.append(TaskRow(suite, f"b{b}.v{v}", f"b{b}", f"v{v}", f"t{1 + b % 3}", oracle, idle))
    difficulty = rng.random(len(tasks))
    trials, blobs = [], []
    for cell, rate in enumerate(rates.values()):
        chances = _chances(difficulty, rate, icc)
        for t, chance in enumerate(chances):
            for r in range(repeats):
                lost = rng.random() < missing
                passed = bool(rng.random() < chance)
                events = np.zeros(0, ev.EVENT) if lost else trial_events(rng, passed, tasks[t].oracle)
                status = TrialStatus.MISSING if lost else TrialStatus(int(passed))
                seconds = 0.02 * float(events["generated"].sum()) + 1.0
                end = 255 if lost else 0
                trials.append((cell, t, r, status, end, b"", seconds, _joules(joules, seconds), 0.0, 0.3 * seconds))
                blobs.append(events)
    offsets = np.zeros(len(blobs) + 1, dtype=np.int64)
    np.cumsum([len(b) for b in blobs], out=offsets[1:])
    return Columns(
        cells,
        tuple(tasks),
        np.array(trials, dtype=TRIAL),
        np.concatenate(blobs),
        offsets,
        ("",),
        weights={m: weights for m, _ in rates} if weights is not None else {},
    )


def _joules(measured: bool, seconds: float) -> float:
    return 40.0 * seconds if measured else math.nan


def _chances(difficulty: NDArray[np.float64], rate: float, icc: float) -> NDArray[np.float64]:
    """Success chances of tasks, ordered by difficulty: a two-point mixture of mean `rate` and this correlation."""
    sure = math.sqrt(icc)
    return sure * (difficulty < rate) + (1.0 - sure) * rate
