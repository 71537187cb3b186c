"""The order desk's macro-tools: they read and do what the plain tools would, and judge nothing."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from harnesslab.suites.orders.compounds import COMPOUNDS
from harnesslab.suites.orders.policy import RETURN_FEE
from harnesslab.suites.orders.suite import load
from harnesslab.suites.task import WorldTask
from harnesslab.types import ActionResult, Environment, ToolCall

BY_NAME = {compound.spec.name: compound for compound in COMPOUNDS}


def tasks(base: str) -> list[WorldTask]:
    found = [t for n in (1, 2) for t in load(seed=n, n=120).tasks if isinstance(t, WorldTask)]
    return [t for t in found if t.base == base]


def run(environment: Environment, name: str, **arguments: Any) -> ActionResult:
    async def call(inner: ToolCall) -> ActionResult:
        return environment.call(inner)

    async def chain() -> ActionResult:
        return await BY_NAME[name].run(arguments, call)

    return asyncio.run(chain())


def names(environment: Environment) -> list[str]:
    return [call.name for call, _ in environment.log]


def test_they_are_told_like_the_tools_they_stand_for() -> None:
    toolbox = tasks("order-status")[0].environment(0, 0).toolbox
    for compound in COMPOUNDS:
        assert toolbox.get(compound.spec.name) is None
        assert all(toolbox.get(name) is not None for name in compound.replaces)
        replaced = [tool for tool in toolbox if tool.name in compound.replaces]
        assert compound.spec.writes == any(tool.writes for tool in replaced)
        assert set(compound.spec.parameters) == set(replaced[0].parameters)


def test_a_customers_orders_in_one_go() -> None:
    task = tasks("cancel-by-email")[0]
    environment = task.environment(0, 0)
    email = task.oracle[0].arguments["customer"]
    found = json.loads(run(environment, "customer_orders", customer=email).content)
    assert found["customer"]["email"] == email
    assert names(environment) == ["get_customer", "list_orders", *["get_order"] * len(found["orders"])]
    wanted = task.oracle[-1].arguments["order_id"]
    assert wanted in [order["id"] for order in found["orders"]]
    assert not any(result.wrote for _, result in environment.log)


def test_one_order_with_its_customer_and_its_payment() -> None:
    task = tasks("return-gold")[0]
    environment = task.environment(0, 0)
    order_id = task.oracle[0].arguments["order_id"]
    found = json.loads(run(environment, "order_file", order_id=order_id).content)
    assert found["order"]["id"] == order_id
    assert found["customer"]["id"] == found["order"]["customer"]
    assert found["payment"]["order"] == order_id
    assert names(environment) == ["get_order", "get_customer", "get_payment"]


@pytest.mark.parametrize("base", ["return-gold", "return-standard"])
def test_a_return_with_refund_follows_the_policys_own_steps(base: str) -> None:
    for task in tasks(base):
        environment = task.environment(0, 0)
        assert run(environment, "return_and_refund", order_id=task.oracle[0].arguments["order_id"]).ok
        assert names(environment)[-2:] == ["return_order", "refund"]
        assert task.check(environment, task.oracle_answer).passed


def test_whether_a_rule_allows_it_is_left_to_the_agent() -> None:
    """A return that is too late is made all the same, and the task is failed, as with the plain tools."""
    task = tasks("return-late")[0]
    environment = task.environment(0, 0)
    result = run(environment, "return_and_refund", order_id=task.oracle[0].arguments["order_id"])
    assert result.ok
    assert not task.check(environment, task.oracle_answer).passed


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("value", ["X1", 5, None, [], {"id": "O1"}])
def test_what_the_tools_refuse_the_chain_refuses_in_their_words(name: str, value: Any) -> None:
    environment = tasks("order-status")[0].environment(0, 0)
    (argument,) = BY_NAME[name].spec.parameters["properties"]
    result = run(environment, name, **{argument: value})
    assert not result.ok
    assert result.content.startswith("Error: ")
    assert len(environment.log) <= 1


def test_a_refund_that_fails_after_the_return_says_how_far_it_got() -> None:
    task = tasks("return-standard")[0]
    environment = task.environment(0, 0)
    order_id = task.oracle[0].arguments["order_id"]
    paid = json.loads(environment.call(ToolCall("get_payment", {"order_id": order_id})).content)["paid"]
    assert environment.call(ToolCall("refund", {"order_id": order_id, "amount": paid - RETURN_FEE + 1})).ok
    result = run(environment, "return_and_refund", order_id=order_id)
    assert not result.ok
    assert result.content.endswith("(the order is returned, nothing is refunded)")


def test_the_layers_see_them_and_the_tasks_do_not_change() -> None:
    views = [task.view for task in load(seed=1).tasks]
    assert all(view.advice.compounds == COMPOUNDS for view in views)
    assert not any("Compound" in repr(view) for view in views)
