"""The proofs, on our suites, and on suites spoilt so that each proof in turn must fail."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from harnesslab.cli.suites import app
from harnesslab.suites.agents import NULL_AGENTS, passes
from harnesslab.suites.check import Finding, check_named, check_suite
from harnesslab.suites.orders import tools
from harnesslab.suites.orders.suite import load
from harnesslab.suites.registry import suite_names
from harnesslab.suites.task import Goal, TaskSuite, WorldTask
from harnesslab.suites.tools import Toolkit
from harnesslab.suites.values import Number, Word
from harnesslab.suites.world import World
from harnesslab.types import Budget, Environment, Grade, ToolCall

TWINS = {"servicedesk", "workflow-calm"}  # the desks are checked alone, and the chains with their faults


@pytest.mark.parametrize("name", [n for n in suite_names() if n not in TWINS])
@pytest.mark.parametrize("split", ["eval", "dev"])
def test_our_suites_hold_every_proof(name: str, split: str) -> None:
    assert [f for f in check_named(name, seed=1, split=split) if not f.ok] == []


def small(spoil: Callable[[WorldTask], WorldTask] = lambda task: task) -> TaskSuite:
    suite = load(seed=1, n=9)
    return replace(suite, tasks=tuple(spoil(task) for task in suite.tasks if isinstance(task, WorldTask)))


def failing(suite: TaskSuite) -> dict[str, Finding]:
    return {finding.name: finding for finding in check_suite(suite) if not finding.ok}


def spoil_goal(**change: Any) -> Callable[[WorldTask], WorldTask]:
    return lambda task: replace(task, goal=replace(task.goal, **change))


class Anything(Goal):
    def check(self, environment: Environment, answer: str) -> Grade:
        return Grade(True)


def test_a_grader_that_passes_all_is_found_out() -> None:
    names = failing(small(lambda task: replace(task, goal=Anything(0, frozenset()))))
    assert set(names) >= {f"agent {a!r} fails" for a in ("idle", "refuse", "transfer", "claims-success", "echo")}
    assert "random calls pass at most 2%" in names
    assert "the oracle fails without any one write" in names


def test_an_oracle_that_misses_its_goal_is_found_out() -> None:
    names = failing(small(spoil_goal(digest=1)))
    assert names["the oracle passes"].figure == "0/9"


def test_a_refusal_without_demands_is_found_out() -> None:
    names = failing(small(lambda t: spoil_goal(says=(), reads=())(t) if t.base == "cancel-shipped" else t))
    assert names["agent 'idle' fails"].against == ("cancel-shipped.0",)


def test_a_budget_too_small_is_found_out() -> None:
    names = failing(small(lambda t: replace(t, view=replace(t.view, budget=Budget(turns=5)))))
    assert names["the oracle fits the budget, one call per turn"].against == ("return-gold.0 (needs 6 turns, has 5)",)


def test_arguments_that_do_not_fit_are_found_out() -> None:
    def as_text(task: WorldTask) -> WorldTask:
        return replace(task, oracle=tuple(replace(c, arguments={**c.arguments, "order_id": 7}) for c in task.oracle))

    assert "the oracle's arguments fit the schemas" in failing(small(as_text))


def test_a_task_that_stands_twice_is_found_out() -> None:
    suite = small()
    double = replace(suite.tasks[0], view=replace(suite.tasks[0].view, id="another"))  # type: ignore[type-var]
    names = failing(replace(suite, tasks=(*suite.tasks, double)))
    assert names["no two tasks are one"].against == ("order-status.0", "another")


def test_a_tool_that_raises_is_found_out() -> None:
    class Fragile:
        def __init__(self, inner: Environment) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        def call(self, call: ToolCall) -> Any:
            if not call.arguments:
                raise KeyError("missing")
            return self._inner.call(call)

    class FragileTask(WorldTask):
        def environment(self, seed: int, repeat: int) -> Environment:
            return Fragile(WorldTask.environment(self, seed, repeat))

        def check(self, environment: Environment, answer: str) -> Grade:
            return Grade(bool(answer.startswith("Order")))

    fields = WorldTask.__dataclass_fields__
    names = failing(small(lambda t: FragileTask(**{name: getattr(t, name) for name in fields})))
    assert "failed calls change nothing and never raise" in names


def test_what_an_oracle_says_or_uses_out_of_nowhere_is_shown() -> None:
    (finding,) = [f for f in check_suite(small()) if f.name == "what the oracle uses was told or found"]
    assert (finding.ok, finding.against) == (True, ("quote.0 (the number 80)",)), "pieces times price"

    def unheard(task: WorldTask) -> WorldTask:
        calls = (ToolCall("get_order", {"order_id": "O99999"}), *task.oracle)
        says = (*task.goal.says, Number(4711), Word("R9", rivals=("R1",)))
        return replace(task, oracle=calls, goal=replace(task.goal, says=says))

    (finding,) = [f for f in check_suite(small(unheard)) if f.name == "what the oracle uses was told or found"]
    assert finding.ok, "it may be worked out"
    assert finding.against[0] == "order-status.0 ('O99999', the number 4711, 'R9' alone)"


def test_a_tool_with_a_bug_is_found_out_though_no_oracle_calls_it() -> None:
    def count_orders(world: World, city: str) -> Any:
        """Count a city's orders."""
        return world.rows("orders", city)  # type: ignore[attr-defined]

    reads = (tools.get_customer, tools.list_orders, tools.get_order, tools.get_payment, tools.get_item, count_orders)
    writes = (tools.cancel_order, tools.return_order, tools.refund, tools.set_quantity, tools.set_city)
    names = failing(small(lambda task: replace(task, kit=Toolkit(reads, writes))))
    (fault,) = names["tools raise nothing but ToolError"].faults
    assert fault.startswith("count_orders: AttributeError: 'World' object has no attribute 'rows' (test_check.py:")
    assert len(names) == 1


def test_no_task_of_ours_can_be_passed_by_doing_nothing() -> None:
    assert not any(passes(task, agent) for task in load(seed=5).tasks for agent in NULL_AGENTS.values())


def test_the_command_prints_a_table_and_its_verdict() -> None:
    done = CliRunner().invoke(app, ["check", "orders", "--n", "6"])
    assert done.exit_code == 0, done.output
    assert "19 of 19 proofs hold" in done.output
    assert max(map(len, done.output.splitlines())) <= 80


def test_the_command_fails_where_a_proof_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spoilt_suite.py").write_text(
        "from dataclasses import replace\n"
        "from harnesslab.suites.orders.suite import load\n"
        "def make(*, seed, n, split):\n"
        "    suite = load(seed=seed, n=3, split=split)\n"
        "    return replace(suite, tasks=tuple(replace(t, oracle_answer='?') for t in suite.tasks))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    done = CliRunner().invoke(app, ["check", "spoilt_suite:make"])
    assert done.exit_code == 1
    assert "FAIL  the oracle passes" in done.output
    against = " ".join(done.output.split("the oracle passes")[1].split("\nok")[0].split())
    assert "order-status.0 (the answer does not say" in against
    assert max(map(len, done.output.splitlines())) <= 80


def test_a_check_by_substring_is_found_out() -> None:
    class Inside:
        def __init__(self, text: str) -> None:
            self._text = text

        def said_in(self, answer: str) -> bool:
            return self._text in answer

    def by_substring(task: WorldTask) -> WorldTask:
        return spoil_goal(says=(Inside(task.oracle_answer.split()[-1].strip("$.")),))(task)

    names = failing(small(lambda t: by_substring(t) if t.base == "stock-count" else t))
    assert names["answers are matched by value"].against == ("stock-count.0",)


def test_a_demand_that_nothing_shows_is_found_out() -> None:
    """A check may pass the oracle and fail everybody else, and hold a demand that never matters."""

    class Always:
        def said_in(self, answer: str) -> bool:
            return True

        def __str__(self) -> str:
            return "anything"

    finding = failing(small(spoil_goal(says=(Always(),))))["mutated goal checks are told apart"]
    assert "order-status.0 (without anything)" in finding.against


def test_a_check_that_overlooks_a_slip_is_found_out() -> None:
    """Here no write to a row that the oracle writes too is looked at: another amount would pass."""

    class Careless(Goal):
        def check(self, environment: Any, answer: str) -> Grade:
            return Goal.check(replace(self, any_state=bool(environment.touched)), environment, answer)

    def careless(task: WorldTask) -> WorldTask:
        return replace(task, goal=Careless(task.goal.digest, task.goal.changes, task.goal.says, task.goal.reads))

    finding = failing(small(careless))["the oracle with one slip fails"]
    assert "refund-all.0 (refund with nearly amount)" not in finding.against, "the tool refuses more than was paid"
    assert any("set_quantity" in against or "set_city" in against for against in finding.against)


def test_what_a_suite_raises_is_a_finding() -> None:
    class Broken(WorldTask):
        def check(self, environment: Environment, answer: str) -> Grade:
            raise LookupError("no such table")

    fields = WorldTask.__dataclass_fields__
    names = failing(small(lambda t: Broken(**{name: getattr(t, name) for name in fields})))
    assert names["the oracle passes"].figure == "0/9"
    assert names["the oracle passes"].faults[0] == "order-status.0: LookupError: no such table"
    assert {"random calls pass at most 2%", "the oracle with one slip fails"} <= set(names)


def test_a_suite_whose_oracle_cannot_be_had_is_found_out() -> None:
    class Nowhere(WorldTask):
        @property
        def oracle_answer(self) -> str:  # type: ignore[override]
            raise FileNotFoundError("answers.txt")

        @oracle_answer.setter
        def oracle_answer(self, value: str) -> None:
            pass

    class Bare:
        name, version = "bare", "1"

        def __init__(self) -> None:
            first = small().tasks[0]
            self.tasks = [Nowhere(*(getattr(first, name) for name in WorldTask.__dataclass_fields__))]

    findings = {f.name: f for f in check_suite(Bare())}
    assert findings["the oracle passes"].faults == ("order-status.0: FileNotFoundError: answers.txt",)
    assert findings["random calls pass at most 2%"].figure == "not proved"
    assert findings["agent 'idle' fails"].ok


def test_a_suite_that_draws_otherwise_in_another_process_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hashing_suite.py").write_text(
        "from dataclasses import replace\n"
        "from harnesslab.suites.orders.suite import load\n"
        "def make(*, seed, n, split):\n"
        "    suite = load(seed=seed, n=3, split=split)\n"
        "    return replace(suite, version=str(hash('a word')))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    last = check_named("hashing_suite:make", seed=1)[-1]
    assert (last.ok, last.figure) == (False, "0/2")


def test_the_list_shows_every_suite() -> None:
    done = CliRunner().invoke(app, ["list"])
    assert done.exit_code == 0
    assert all(name in done.output for name in suite_names())
    assert "36 tasks from 24 templates: 12 one call, 12 look-ups, 12 policy" in done.output
