"""The figures of `scan` that Polars expressions can say in a page: what a data frame would cost.

Left out, since they follow an episode action by action: its path, cycles of any length, and the first departure.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from harnesslab.store.columns import Columns
from harnesslab_kernels import events as ev

FIGURES = (
    *("REPLIES", "PARSED", "ATTEMPTS", "CALLS", "KNOWN", "VALID", "EXECUTED", "MATCHED", "REACHED"),
    *("PROMPT", "CACHED", "GENERATED", "AFTER_ERROR", "TOOL_CALLS", "COMPUTED", "ALONE", "FIRST_HITS"),
    *("FAILURES", "EPISODES", "RECOVERED", "LOOPS_IDENTICAL", "LOOPS_ALTERNATING", "LOOPS_NO_PROGRESS"),
)  # by the names of `counts`


def frames(columns: Columns) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(events, oracle calls), one row each; this is not timed."""
    trial = np.repeat(np.arange(len(columns.trials), dtype=np.uint32), np.diff(columns.offsets))
    names = [n for n in ev.EVENT.names or () if n not in ("pad", "start", "duration", "layer", "reasoning", "forced")]
    data: dict[str, Any] = {n: np.ascontiguousarray(columns.events[n]) for n in names}
    data |= {"trial": trial, "task": columns.trials["task"][trial], "row": np.arange(len(trial), dtype=np.uint64)}
    rows = [(t, int(c["tool"]), int(c["action"])) for t, task in enumerate(columns.tasks) for c in task.oracle]
    schema = {"task": pl.Int32, "tool": pl.UInt32, "action": pl.UInt64}
    return pl.DataFrame(data), pl.DataFrame(rows, schema=schema, orient="row")


def figures(events: pl.DataFrame, oracle: pl.DataFrame) -> dict[str, int]:
    """Sums over all trials, after a table per trial."""
    lazy = events.lazy()
    parts = [_counts(lazy), _first_hits(lazy, oracle.lazy()), *_actions(lazy)]
    sums = pl.collect_all([part.select(pl.exclude("trial").sum()) for part in parts])
    total: dict[str, int] = dict.fromkeys(FIGURES, 0)
    for frame in sums:
        for name, value in frame.row(0, named=True).items():
            total[name] += int(value)  # episodes come in two parts
    return total


def _has(flag: int) -> pl.Expr:
    return (pl.col("flags") & flag) != 0


def _unparsed() -> pl.Expr:
    cut = (pl.col("status") == ev.LENGTH) & ~_has(ev.ANSWER)
    return (pl.col("kind") == ev.REPLY) & ((pl.col("status") == ev.UNPARSEABLE) | cut)


def _counts(events: pl.LazyFrame) -> pl.LazyFrame:
    status, main = pl.col("status"), pl.col("branch") == 0
    reply, every_call = pl.col("kind") == ev.REPLY, pl.col("kind") == ev.CALL
    fitted = reply & ~((status == ev.OVERFLOW) & (pl.col("generated") == 0))
    call = every_call & main
    known = call & _has(ev.KNOWN_TOOL)
    valid = known & _has(ev.SCHEMA_VALID)
    executed = valid & _has(ev.REACHED) & (status == ev.OK)
    bad = main & (_unparsed() | (every_call & ~status.is_in([ev.OK, ev.SKIPPED])))
    own = pl.col("own") >= 0
    return (
        events.with_columns(erred=bad.cum_sum().over("trial") > bad.cast(pl.UInt32))
        .group_by("trial")
        .agg(
            REPLIES=fitted.sum(),
            PARSED=(fitted & (status == ev.OK)).sum(),
            ATTEMPTS=(call | (main & _unparsed())).sum(),
            CALLS=call.sum(),
            KNOWN=known.sum(),
            VALID=valid.sum(),
            EXECUTED=executed.sum(),
            MATCHED=(executed & (pl.col("oracle") >= 0)).sum(),
            REACHED=(call & _has(ev.REACHED)).sum(),
            PROMPT=(pl.col("prompt") * reply).sum(),
            CACHED=(pl.col("cached") * reply).sum(),
            GENERATED=(pl.col("generated") * reply).sum(),
            AFTER_ERROR=((pl.col("prompt") + pl.col("generated")) * (reply & pl.col("erred"))).sum(),
            TOOL_CALLS=every_call.sum(),
            COMPUTED=((pl.col("prompt") - pl.col("cached") + pl.col("generated")) * (fitted & ~_has(ev.MEMO))).sum(),
            ALONE=((pl.col("prompt") - pl.col("own") + pl.col("generated")) * (fitted & own)).sum(),
        )
    )


def _first_hits(events: pl.LazyFrame, oracle: pl.LazyFrame) -> pl.LazyFrame:
    due = oracle.group_by("task", "tool").len("due")
    expected = oracle.group_by("task", "tool", "action").len("expected")
    calls = events.filter((pl.col("kind") == ev.CALL) & (pl.col("branch") == 0)).select(
        "trial", "task", "tool", "action", nth=pl.int_range(pl.len()).over("trial", "tool")
    )
    first = calls.join(due, on=["task", "tool"]).filter(pl.col("nth") < pl.col("due"))
    made = first.group_by("trial", "task", "tool", "action").len("made")
    hits = made.join(expected, on=["task", "tool", "action"])
    return hits.group_by("trial").agg(FIRST_HITS=pl.min_horizontal("made", "expected").sum())


def _actions(events: pl.LazyFrame) -> list[pl.LazyFrame]:
    """Failures and loops, and episodes by tool and of any call."""
    made = (pl.col("kind") == ev.CALL) & (pl.col("status") != ev.SKIPPED)
    text = pl.when(pl.col("result") != 0).then(pl.col("result")).otherwise(pl.col("row"))
    actions = (
        events.filter((pl.col("branch") == 0) & (made | _unparsed()))
        .with_columns(unparsed=_unparsed(), name=pl.when(_unparsed()).then(text).otherwise(pl.col("action")))
        .unique(["trial", "turn", "unparsed", "name"], keep="first", maintain_order=True)
        .with_columns(failed=pl.col("unparsed") | (pl.col("status") != ev.OK))
    )
    unknown = pl.col("status") == ev.UNKNOWN_TOOL
    any_call = actions.with_columns(opens=pl.col("unparsed") | unknown).filter(pl.col("opens") | ~pl.col("failed"))
    by_tool = actions.filter(~pl.col("unparsed") & ~unknown).with_columns(opens=pl.col("failed"))
    return [_loops(actions), _episodes(any_call, ["trial"]), _episodes(by_tool, ["trial", "tool"])]


def _loops(actions: pl.LazyFrame) -> pl.LazyFrame:
    def before(column: str, n: int) -> pl.Expr:
        return pl.col(column).shift(n).over("trial")

    same = (pl.col("name") == before("name", 1)) & (pl.col("unparsed") == before("unparsed", 1))
    alike = (pl.col("tool") == before("tool", 1)) & (pl.col("result") == before("result", 1)) & (pl.col("result") != 0)
    calls = ~pl.col("unparsed") & ~before("unparsed", 1)
    steps = actions.with_columns(
        same=same.fill_null(False),
        skips=((pl.col("name") == before("name", 2)) & (pl.col("unparsed") == before("unparsed", 2))).fill_null(False),
        later=(pl.col("turn") > before("turn", 1)).fill_null(False),
        stuck=(~same & alike & calls).fill_null(False),
    )

    def held(column: str, n: int) -> pl.Expr:
        return pl.all_horizontal(*(before(column, i).fill_null(False) for i in range(1, n)), pl.col(column))

    def not_before(column: str, n: int) -> pl.Expr:
        return ~before(column, n).fill_null(False)

    alternating = held("skips", 4) & held("later", 5) & ~pl.col("same")
    return (
        steps.with_columns(
            alternating=alternating,
            third=held("same", 2) & not_before("same", 2),
            fifth=held("stuck", 4) & not_before("stuck", 4),
        )
        .with_columns(alternated=before("alternating", 1).fill_null(False))
        .group_by("trial")
        .agg(
            FAILURES=pl.col("failed").sum(),
            LOOPS_IDENTICAL=pl.col("third").sum(),
            LOOPS_ALTERNATING=(pl.col("alternating") & ~pl.col("alternated")).sum(),
            LOOPS_NO_PROGRESS=pl.col("fifth").sum(),
        )
    )


def _episodes(actions: pl.LazyFrame, key: list[str]) -> pl.LazyFrame:
    """Runs of failures under one key; a success right after one ends it."""
    open_before = pl.col("opens").shift(1).over(key).fill_null(False)
    return (
        actions.with_columns(open_before=open_before)
        .group_by("trial")
        .agg(
            EPISODES=(pl.col("opens") & ~pl.col("open_before")).sum(),
            RECOVERED=(~pl.col("opens") & pl.col("open_before")).sum(),
        )
    )
