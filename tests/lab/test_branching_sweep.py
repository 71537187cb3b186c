"""Whole sweeps with layers that open branches and ask questions: grading, streams, replays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sweeping import GRID, sweep

from harnesslab.lab.attempt import graded
from harnesslab.lab.replay import replay
from harnesslab.score.tables import summarise
from harnesslab.store.records import TrialText
from harnesslab.store.sqlite import Store
from harnesslab.suites.registry import load_suite
from harnesslab.trace.events import unpack_events, unpack_payloads
from harnesslab.types import Answer, Attempt, EndReason, Environment, EventKind, Task, ToolCall

BRANCHING = GRID.replace('"qwen2.5-coder-1.5b"', "").replace("repeats = 2", "repeats = 1") + (
    """
[harness.best]
layers = [{ name = "best-of-n", n = 3 }]
[harness.smallcode]
layers = ["decompose", "improve", "router", "validate", "compound"]
"""
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("grid")
    sweep(made, BRANCHING)
    return made


def trials(folder: Path, harness: str) -> dict[str, TrialText]:
    with Store.open(folder, readonly=True) as store:
        _, ids = store.columns_and_ids()
        texts = [store.trial(i) for i in ids]
    return {t.task: t for t in texts if t.label.split("/")[1] == harness}


def main_branch(trial: TrialText) -> list[tuple[Any, ...]]:
    events, payloads = unpack_events(trial.events), unpack_payloads(trial.payload)
    kinds = (EventKind.REPLY, EventKind.CALL, EventKind.EXEC)
    names = ("kind", "status", "action", "result", "prompt", "generated", "oracle")
    kept = [(e, p) for e, p in zip(events, payloads, strict=True) if e["branch"] == 0 and e["kind"] in kinds]
    return [(*(int(e[name]) for name in names), p.get("text")) for e, p in kept]


def test_the_first_of_n_attempts_is_the_trial_of_loop(folder: Path) -> None:
    best, loop = trials(folder, "best"), trials(folder, "loop")
    assert set(best) == set(loop)
    for task, trial in best.items():
        assert main_branch(trial) == main_branch(loop[task])
        assert trial.facts["attempts"]["passed"][0] == (loop[task].status.name == "PASSED")


def test_every_attempt_is_graded_and_the_chosen_ones_verdict_is_the_trials(folder: Path) -> None:
    for trial in trials(folder, "best").values():
        among = trial.facts["attempts"]
        assert len(among["passed"]) == 3
        assert among["passed"][among["chosen"]] == (trial.status.name == "PASSED")
        assert among["any"] == any(among["passed"])


def test_the_report_prints_the_ceiling_and_calls_it_one(folder: Path) -> None:
    with Store.open(folder, readonly=True) as store:
        summary = summarise(store.columns())
    found = [t.facts["attempts"]["any"] for t in trials(folder, "best").values()]
    share = sum(found) / len(found)
    ceilings = {cell.harness: cell.ceiling for cell in summary.cells}
    assert ceilings.pop("best") == pytest.approx(share)
    assert set(ceilings.values()) == {None}
    (note,) = [n for n in summary.notes if "ceiling" in n]
    assert f"/best/orders would reach {100 * share:.0f} % if an oracle chose" in note


@pytest.mark.parametrize("harness", ["best", "smallcode"])
def test_replays_do_not_depart(folder: Path, harness: str) -> None:
    with Store.open(folder, readonly=True) as store:
        assert {replay(store, t.id) for t in trials(folder, harness).values()} == {None}


@pytest.mark.parametrize("harness", ["best", "smallcode"])
def test_replays_end_attempts_where_a_token_budget_ended_them(tmp_path: Path, harness: str) -> None:
    """Not only the last one: a prompt that was refused is followed by the next attempt's."""
    sweep(tmp_path, BRANCHING.replace("[harness.abort]", "[budget]\ntokens = 1800\n[harness.abort]"))
    found = trials(tmp_path, harness)
    with Store.open(tmp_path, readonly=True) as store:
        assert {replay(store, t.id) for t in found.values()} == {None}
    if harness == "best":
        told = [p for t in found.values() for p in unpack_payloads(t.payload) if p.get("rendered")]
        assert any("text" in p and "reason" not in p for p in told)  # a reply that came after a refused prompt


# --- grading one attempt of several


def refusal() -> tuple[Task, Environment, ToolCall]:
    """A task whose goal is that something was read and the right rule is named."""
    task = next(t for t in load_suite("orders", seed=1).tasks if t.base == "cancel-shipped")
    return task, task.environment(1, 0), task.oracle[0]


def attempt(environment: Environment, text: str, *calls: ToolCall) -> Attempt:
    before = len(environment.log)
    for call in calls:
        environment.call(call)
    return Attempt(text, EndReason.ANSWERED, environment.snapshot(), (before, len(environment.log)))


def test_what_another_attempt_read_does_not_count() -> None:
    task, environment, look = refusal()
    read = attempt(environment, "I do not know.", look)
    guessed = attempt(environment, task.oracle_answer)
    both = (read, guessed)
    grade, passed = graded(task, environment, environment, Answer(guessed.text, EndReason.ANSWERED, both, 1))
    assert not grade.passed
    assert passed == [False, False]
    third = (*both, attempt(environment, task.oracle_answer, look))
    grade, passed = graded(task, environment, environment, Answer(task.oracle_answer, EndReason.ANSWERED, third, 2))
    assert grade.passed
    assert passed == [False, False, True]


def test_what_another_attempt_wrote_does_not_count() -> None:
    task = next(t for t in load_suite("orders", seed=1).tasks if t.base == "cancel-order")
    environment = task.environment(1, 0)
    start = environment.snapshot()
    wrong = ToolCall("set_city", {**task.oracle[0].arguments, "city": "Nowhere"})
    first = attempt(environment, "Done.", wrong)
    environment.restore(start)
    second = attempt(environment, task.oracle_answer, *task.oracle)
    grade, passed = graded(task, environment, environment, Answer(second.text, EndReason.ANSWERED, (first, second), 1))
    assert grade.passed
    assert passed == [False, True]
    unfinished = Attempt(second.text, EndReason.TURNS, second.world, second.calls)
    assert graded(task, environment, environment, Answer("", EndReason.TURNS, (first, unfinished), 1))[1] == [
        False,
        False,
    ]
