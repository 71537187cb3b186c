"""A summary as plain JSON values, for other programs. The schema is in docs/metrics.md; fields may be added,
and the format's number changes when one goes or changes its meaning.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from harnesslab.score.summary import (
    Ablation,
    BudgetUse,
    CellSummary,
    Choice,
    Comparison,
    Cost,
    Departures,
    Effect,
    Figure,
    HarnessByModel,
    Ladder,
    Ledger,
    Recovery,
    Summary,
)

FORMAT = "harnesslab-report/1"


def to_json(summary: Summary) -> dict[str, Any]:
    """Nothing but dicts, lists, strings, numbers, booleans and None; no NaN and no infinity."""
    return {
        "format": FORMAT,
        "level": summary.level,
        "seed": summary.seed,
        "conventions": dict(summary.conventions),
        "cells": [_cell(c) for c in summary.cells],
        "comparisons": [comparison(c) for c in summary.comparisons],
        "interactions": [interaction(i) for i in summary.interactions],
        "rankings": _rankings(summary, "harness"),
        "model_rankings": _rankings(summary, "model"),
        "unfinished": summary.unfinished,
        "notes": list(summary.notes),
        "ledger": _ledger(summary.ledger),
        "meter": {name: _number(seconds) for name, seconds in summary.meter.items()},
        "counts": dict(summary.counts),
        "unmetered_runs": summary.unmetered_runs,
        "ablations": [_ablation(a) for a in summary.ablations],
        "choices": [_choice(c) for c in summary.choices],
    }


def _cell(cell: CellSummary) -> dict[str, Any]:
    return {
        "key": cell.key,
        "model": cell.model,
        "harness": cell.harness,
        "suite": cell.suite,
        "trials": cell.trials,
        "planned": cell.planned,
        "tasks": cell.tasks,
        "base_tasks": cell.base_tasks,
        "repeats": cell.repeats,
        "greedy": cell.greedy,
        "missing": {
            "trials": cell.missing.trials,
            "share": _number(cell.missing.share),
            "pass_1_worst": _number(cell.missing.worst),
            "pass_1_best": _number(cell.missing.best),
        },
        "pass_k": _values(cell.pass_k),
        "pass_k_figures": [figure(f) for f in cell.pass_k],
        "pass_at_k": _values(cell.pass_at_k),
        "pass_at_k_figures": [figure(f) for f in cell.pass_at_k],
        "pass_k_missing_failed": [_number(v) for v in cell.pass_k_missing_failed],
        "tasks_left_out": list(cell.left_out),
        "first_attempt": figure(cell.first_attempt),
        "ladder": _ladder(cell.ladder),
        "recovery": _recovery(cell.recovery),
        "budget": _budget(cell.budget),
        "ledger": _ledger(cell.ledger),
        "pass_rate": {"replies": figure(cell.parse.replies), "trials": figure(cell.parse.trials)},
        "null": {
            "agents": {name: _number(v) for name, v in cell.null.agents.items()},
            "tasks": cell.null.tasks,
            "pass_1": figure(cell.null.pass_1),
        },
        "tiers": [
            {
                "tier": t.tier,
                "tasks": t.tasks,
                "trials": t.trials,
                "pass_1": figure(t.pass_1),
                "first_attempt": figure(t.first_attempt),
            }
            for t in cell.tiers
        ],
        "imported": cell.imported,
        "ceiling": cell.ceiling,
        "first_departure": None if cell.departures is None else _departures(cell.departures),
    }


def figure(f: Figure) -> dict[str, Any]:
    """{"value", "low", "high", "n", "method", "unreliable"}; value, low and high may be None."""
    return {
        "value": _number(f.value),
        "low": _number(f.low),
        "high": _number(f.high),
        "n": f.n,
        "method": f.method,
        "unreliable": f.unreliable,
    }


def comparison(c: Comparison) -> dict[str, Any]:
    """One paired difference; also what `harnesslab compare --format json` prints."""
    return {
        "kind": c.kind,
        "a": c.a,
        "b": c.b,
        "difference": figure(c.difference),
        "p": _number(c.p),
        "p_adjusted": _number(c.p_adjusted),
        "tasks": c.tasks,
        "base_tasks": c.base_tasks,
        "discordant": c.discordant,
        "can_reach": c.can_reach,
        "test": c.test,
    }


def _ladder(ladder: Ladder) -> dict[str, Any]:
    return {
        "attempts": ladder.attempts,
        "parseable": figure(ladder.parseable),
        "known": figure(ladder.known),
        "valid": figure(ladder.valid),
        "executed": figure(ladder.executed),
        "matched": figure(ladder.matched),
        "reached": figure(ladder.reached),
    }


def _recovery(recovery: Recovery) -> dict[str, Any]:
    return {
        "failures": recovery.failures,
        "episodes": recovery.episodes,
        "recovered": figure(recovery.recovered),
        "degenerate": figure(recovery.degenerate),
        "endings": dict(recovery.endings),
        "paths": dict(recovery.paths),
        "redundant": recovery.redundant,
        "loops": dict(recovery.loops),
        "errors": {name: {"episodes": n, "recovered": cured} for name, (n, cured) in recovery.errors.items()},
    }


def _budget(budget: BudgetUse) -> dict[str, Any]:
    return {
        "tokens_per_success": figure(budget.tokens),
        "calls_per_success": figure(budget.calls),
        "seconds_per_success": figure(budget.seconds),
        "standalone_seconds_per_success": figure(budget.standalone),
        "measured_seconds_per_success": figure(budget.measured),
        "joules_per_success": figure(budget.joules),
        "tokens_per_trial": _number(budget.tokens_per_trial),
        "cached_share": _number(budget.cached),
        "after_error_share": figure(budget.after_error),
        "curve": [{"tokens": tokens, "success": _number(success)} for tokens, success in budget.curve],
    }


def _ledger(ledger: Ledger) -> dict[str, Any]:
    return {"tokens": _cost(ledger.tokens), "seconds": _cost(ledger.seconds)}


def _cost(cost: Cost) -> dict[str, float | None]:
    return {
        "measured": _number(cost.measured),
        "standalone": _number(cost.standalone),
        "saved_by_lab": _number(cost.saved),
    }


def _rankings(summary: Summary, kind: str) -> list[dict[str, Any]]:
    fixed = "model" if kind == "harness" else "harness"
    return [
        {
            fixed: r.fixed,
            "suite": r.suite,
            "base_tasks": r.base_tasks,
            "best": {p.name: _number(p.best) for p in r.places},
            "alike": {p.name: list(p.alike) for p in r.places},
        }
        for r in summary.rankings
        if r.kind == kind
    ]


def interaction(i: HarnessByModel) -> dict[str, Any]:
    return {
        "models": list(i.models),
        "harnesses": list(i.harnesses),
        "suite": i.suite,
        "difference": figure(i.difference),
        "p": _number(i.p),
        "p_adjusted": _number(i.p_adjusted),
        "tasks": i.tasks,
        "base_tasks": i.base_tasks,
        "discordant": i.discordant,
        "can_reach": i.can_reach,
    }


def _ablation(one: Ablation) -> dict[str, Any]:
    return {
        "model": one.model,
        "suite": one.suite,
        "effects": [_effect(e) for e in one.effects],
        "interactions": [
            {
                "layers": list(i.layers),
                "difference": figure(i.difference),
                "p": _number(i.p),
                "cells": list(i.cells),
                "missing": i.missing,
            }
            for i in one.interactions
        ],
        "gains": [
            {
                "cell": g.cell,
                "over": {name: figure(f) for name, f in g.over.items()},
                "tokens_per_trial": _number(g.tokens),
                "suite_informed": list(g.informed),
                "without_advice": g.plain,
            }
            for g in one.gains
        ],
        "arms": list(one.arms),
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "layer": effect.layer,
        "suite_informed": effect.informed,
        "alone": effect.alone,
        "points": comparison(effect.points),
        "tokens": figure(effect.tokens),
        "acted": _number(effect.acted),
        "interventions_per_trial": _number(effect.per_trial),
        "detectable": _number(effect.detectable),
        "verdict": effect.verdict,
    }


def _choice(one: Choice) -> dict[str, Any]:
    return {
        "model": one.model,
        "suite": one.suite,
        "chosen": one.chosen,
        "candidates": {label: _number(rate) for label, rate in one.candidates.items()},
        "selection": one.selection,
        "confirmation": one.confirmation,
        "confirmed": [comparison(c) for c in one.confirmed],
    }


def _departures(found: Departures) -> dict[str, Any]:
    return {"failed": found.failed, "kinds": dict(found.kinds), "median_call": _number(found.median_call)}


def _values(figures: Sequence[Figure]) -> list[float | None]:
    return [_number(f.value) for f in figures]


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
