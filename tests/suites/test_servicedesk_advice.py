"""What the desks tell layers: true of every oracle, and of use against the slips it is about."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from harnesslab.suites.servicedesk.airline.advice import ADVICE as AIRLINE
from harnesslab.suites.servicedesk.draft import Say, Try
from harnesslab.suites.servicedesk.retail.advice import ADVICE as RETAIL
from harnesslab.suites.servicedesk.suite import load, load_airline, load_retail
from harnesslab.suites.servicedesk.task import DeskTask
from harnesslab.types import Action, ActionResult, Advice, Prerequisite, Status, ToolCall

ADVICE = {"retail": RETAIL, "airline": AIRLINE}
LOADS: dict[str, Callable[..., object]] = {"retail": load_retail, "airline": load_airline}


def first(desk: str) -> DeskTask:
    """One that is offered all tools."""
    task = LOADS[desk](seed=1, n=2).tasks[1]  # type: ignore[attr-defined]
    assert isinstance(task, DeskTask)
    return task


def held(prerequisite: Prerequisite, call: ToolCall, seen: list[Action]) -> bool:
    return any(
        action.result.ok
        and action.call.name == prerequisite.needs
        and all(call.arguments[a] == action.call.arguments[b] for a, b in prerequisite.match.items())
        for action in seen
    )


def test_no_oracle_goes_against_the_advice() -> None:
    for task in load(seed=1, n=200).tasks:
        assert isinstance(task, DeskTask)
        environment, seen = task.environment(0, 0), list[Action]()
        for step in task.script:
            if isinstance(step, Say):
                continue
            call = step.call if isinstance(step, Try) else step
            advice = task.view.advice
            broken = [p for p in advice.prerequisites if p.tool == call.name and not held(p, call, seen)]
            assert broken == [], task.view.id
            assert [line for check in advice.validators if (line := check(call, seen))] == [], task.view.id
            seen.append(Action(call, environment.call(call)))


@pytest.mark.parametrize("desk", ADVICE)
def test_advice_names_what_there_is(desk: str) -> None:
    toolbox = first(desk).kit.toolbox
    specs = {t.name: t.parameters["properties"] for t in toolbox}
    for p in ADVICE[desk].prerequisites:
        assert p.why
        assert {*p.match} <= specs[p.tool].keys()
        assert {*p.match.values()} <= specs[p.needs].keys()
    writes = {t.name for t in toolbox if t.writes}
    assert writes <= {p.tool for p in ADVICE[desk].prerequisites}
    for compound in ADVICE[desk].compounds:
        assert set(compound.replaces) <= specs.keys()
        assert compound.spec.name not in specs


def complaints(advice: Advice, call: ToolCall, *seen: str) -> list[str]:
    actions = [Action(ToolCall("x", {}), ActionResult(Status.OK, text)) for text in seen]
    return [line for check in advice.validators if (line := check(call, actions))]


@pytest.mark.parametrize(
    ("advice", "call", "words"),
    [
        (RETAIL, ToolCall("get_order", {"order_id": "12345"}), "order_id is H and five digits, not '12345'"),
        (RETAIL, ToolCall("identify_customer", {"email": "ada"}), "email is an email address, not 'ada'"),
        (RETAIL, ToolCall("get_customer", {"customer_id": "C1234"}), "customer_id 'C1234' was in no tool's answer"),
        (AIRLINE, ToolCall("find_booking", {"booking_code": "ABC"}), "booking_code is letters and digits in turn"),
        (AIRLINE, ToolCall("search_flights", {"day": "20 May"}), "day is a day as YYYY-MM-DD, not '20 May'"),
    ],
)
def test_a_slip_is_told_in_one_line(advice: Advice, call: ToolCall, words: str) -> None:
    (line,) = complaints(advice, call)
    assert line.startswith(words)


def test_an_id_that_was_found_is_fine() -> None:
    assert complaints(RETAIL, ToolCall("get_customer", {"customer_id": "C1234"}), '{"customer_id": "C1234"}') == []
    assert complaints(RETAIL, ToolCall("get_order", {"order_id": 7})) == [], "types are the schema's business"


@pytest.mark.parametrize(
    ("desk", "arguments"), [("retail", ("email", "postcode")), ("airline", ("booking_code", "last_name"))]
)
def test_a_compound_makes_its_chain(desk: str, arguments: tuple[str, str]) -> None:
    task = next(t for t in LOADS[desk](seed=1).tasks if t.tier == "policy")  # type: ignore[attr-defined]
    environment = task.environment(0, 0)
    identify = task.oracle[0]

    async def call(made: ToolCall) -> ActionResult:
        return environment.call(made)

    compound = ADVICE[desk].compounds[0]
    result = asyncio.run(compound.run(identify.arguments, call))
    found = json.loads(result.content)
    assert tuple(found) == compound.replaces
    assert [c.name for c, _ in environment.log] == list(compound.replaces)
    wrong = asyncio.run(compound.run(dict.fromkeys(arguments, "X"), call))
    assert (wrong.status, wrong.content[:9]) == (Status.TOOL_ERROR, "Error: no")


def test_an_id_is_judged_as_the_tools_read_it() -> None:
    def faults(argument: str, value: str) -> list[str]:
        asked = ToolCall("get", {argument: value})
        return [line for validator in AIRLINE.validators if (line := validator(asked, seen))]

    seen = [Action(ToolCall("find_booking", {}), ActionResult(Status.OK, '{"member_id": "M1234"}'))]
    assert not faults("flight_id", "#l1234")
    assert not faults("member_id", " #m1234")
    assert faults("member_id", "M123")
    assert faults("member_id", "M4321"), "in no tool's answer"
