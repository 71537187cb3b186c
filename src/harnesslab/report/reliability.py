"""Which metric predicts reliability, and the gap to single-call scores: as tables, and as plain JSON values."""

from __future__ import annotations

from typing import Any

from harnesslab.report.export import figure
from harnesslab.report.figures import DASH, signed, with_interval
from harnesslab.report.grids import Grid
from harnesslab.score.predict import SPLITS, Gap, Prediction, Reliability

FORMAT = "harnesslab-reliability/1"

_METRICS = {
    "pass^1": "pass^1",
    "pass rate": "pass rate: replies that parse",
    "first attempt": "first-attempt accuracy",
    "recovery": "episodes of failure that recovered",
    "budget": "successes per token",
}


def grids(found: Reliability) -> tuple[Grid, Grid]:
    return _predictions(found), _gaps(found)


def _predictions(found: Reliability) -> Grid:
    def row(p: Prediction) -> tuple[str, ...]:
        r = p.correlation
        if r.value is None or r.low is None or r.high is None:
            return _METRICS[p.metric], DASH, DASH, str(r.n)
        return _METRICS[p.metric], f"{r.value:+.2f}", f"[{r.low:+.2f},{r.high:+.2f}]", str(r.n)

    pooled = " Suites are ranked together: an easy suite is easy by every metric." if found.suites > 1 else ""
    return Grid(
        f"What predicts pass^{found.k}",
        f"Spearman's correlation over cells of the metric on one half of the templates with pass^{found.k} on the "
        f"other, both ways, mean of {SPLITS} splits; 95 % intervals by redrawing cells; n: cells with the metric, dash "
        f"below 8.{pooled}",
        ("metric", "correlation", "interval", "n"),
        (40, 12, 16, 4),
        (("on one half of the templates", tuple(row(p) for p in found.predictions)),),
    )


def _gaps(found: Reliability) -> Grid:
    def row(gap: Gap) -> tuple[str, ...]:
        scores = (gap.first_attempt, gap.pass_1, gap.pass_k)
        return gap.label, *map(with_interval, scores), signed(gap.call_over), signed(gap.attempt_over)

    k = found.k
    return Grid(
        f"By how much single scores overstate reliability: their excess over pass^{k}",
        "In percentage points, with 95 % intervals clustered by template (wilson-t, exact; the excess of first: "
        "recovered from both). first: first-attempt tool-call accuracy, the score of a single call.",
        ("cell", "first", "pass^1", f"pass^{k}", f"first-^{k}", f"^1-^{k}"),
        (10, 13, 13, 13, 13, 13),
        tuple((gap.label, (("", *row(gap)[1:]),)) for gap in (*found.gaps, found.pooled)),
    )


def to_json(found: Reliability) -> dict[str, Any]:
    """The schema is in docs/metrics.md."""
    return {
        "format": FORMAT,
        "k": found.k,
        "predictions": [{"metric": p.metric, "correlation": figure(p.correlation)} for p in found.predictions],
        "gaps": [_gap(gap) for gap in found.gaps],
        "pooled": _gap(found.pooled),
        "left_out": list(found.left_out),
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "cell": gap.label,
        "first_attempt": figure(gap.first_attempt),
        "pass_1": figure(gap.pass_1),
        "pass_k": figure(gap.pass_k),
        "first_attempt_over_pass_k": figure(gap.call_over),
        "pass_1_over_pass_k": figure(gap.attempt_over),
    }
