from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from harnesslab.errors import UserError
from harnesslab.suites.agents import oracle
from harnesslab.suites.check import fingerprint
from harnesslab.suites.environment import WorldEnvironment
from harnesslab.suites.orders.policy import CODES, MOST_PIECES, MOST_REFUND, RETURN_DAYS, TODAY
from harnesslab.suites.orders.suite import load
from harnesslab.suites.task import WorldTask
from harnesslab.suites.world import World
from harnesslab.types import Task, TaskView, ToolCall


def tasks_of(**arguments: Any) -> list[WorldTask]:
    return [task for task in load(**{"seed": 1, **arguments}).tasks if isinstance(task, WorldTask)]


def by_base(base: str) -> WorldTask:
    return next(task for task in tasks_of() if task.base == base)


def test_the_draw_is_frozen() -> None:
    """Whoever changes a task changes VERSION and these, and calibrates again."""
    assert fingerprint(load(seed=1)) == 11280813761241903287
    assert fingerprint(load(seed=1, split="dev")) == 5057642255785977327


def test_there_are_36_tasks_over_three_tiers() -> None:
    tasks = tasks_of()
    assert Counter(task.tier for task in tasks) == {"one call": 12, "look-ups": 12, "policy": 12}
    assert len({task.base for task in tasks}) == 24
    assert len({task.view.id for task in tasks}) == 36


def test_the_first_tasks_hold_as_many_of_each_tier() -> None:
    assert Counter(task.tier for task in tasks_of(n=12)) == {"one call": 4, "look-ups": 4, "policy": 4}


@pytest.mark.parametrize("more", [{"n": 5}, {"n": 60}, {}])
def test_a_task_is_the_same_however_many_are_drawn(more: dict[str, Any]) -> None:
    def facts(task: Task) -> tuple[Any, ...]:
        start = task.environment(0, 0).digest()
        return task.view, task.tier, task.variant, [c.key for c in task.oracle], task.oracle_answer, start

    all_of_them = {task.view.id: facts(task) for task in tasks_of(n=240)}
    drawn = tasks_of(**more)
    assert len(drawn) == more.get("n", 36)
    assert all(facts(task) == all_of_them[task.view.id] for task in drawn)


def test_splits_and_seeds_draw_other_tasks() -> None:
    draws = [{t.view.prompt for t in tasks_of(seed=s, split=p)} for s in (1, 2) for p in ("eval", "dev")]
    for i, one in enumerate(draws):
        for other in draws[i + 1 :]:
            assert len(one & other) <= 6, "a short question about an item may recur"


def test_all_tasks_share_one_prefix() -> None:
    tasks = tasks_of()
    assert len({task.view.system for task in tasks}) == 1
    assert len({id(task.environment(0, 0).toolbox) for task in tasks}) == 1


@pytest.mark.parametrize(
    ("arguments", "word"),
    [({"n": 0}, "1 to 240"), ({"n": 999}, "1 to 240")],
)
def test_bad_choices_answer_with_the_good_ones(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(UserError, match=word):
        load(**{"seed": 1, **arguments})


def violations(world: World, call: ToolCall) -> list[str]:
    """What the policy's text says about one write, on the state before it."""
    order = world.get("orders", str(call.arguments["order_id"]))
    assert order is not None
    payment = world.where("payments", "order", str(call.arguments["order_id"]))[0][1]
    customer = world.get("customers", order["customer"])
    assert customer is not None
    found = []
    if call.name in ("cancel_order", "set_quantity", "set_city") and order["status"] != "pending":
        found.append("R1")
    if call.name == "return_order" and (TODAY - date.fromisoformat(order["delivered"])).days > RETURN_DAYS:
        found.append("R2")
    if call.name == "set_quantity" and int(call.arguments["quantity"]) > MOST_PIECES[customer["level"]]:
        found.append("R4")
    if call.name == "refund" and int(call.arguments["amount"]) > MOST_REFUND and customer["level"] != "gold":
        found.append("R5")
    assert payment["refunded"] == 0
    return found


def test_no_oracle_breaks_the_policy() -> None:
    for task in tasks_of(n=120):
        environment = task.environment(0, 0)
        assert isinstance(environment, WorldEnvironment)
        for call in task.oracle:
            spec = environment.toolbox.get(call.name)
            assert spec is not None
            if spec.writes:
                assert violations(environment.world, call) == [], task.view.id
            environment.call(call)


FORBIDDEN = {
    "cancel-shipped": ("R1", "cancel_order"),
    "return-late": ("R2", "return_order"),
    "not-yours": ("R3", "cancel_order"),
    "too-many": ("R4", "set_quantity"),
    "big-refund": ("R5", "refund"),
}


@pytest.mark.parametrize("base", FORBIDDEN)
def test_what_is_refused_breaks_exactly_the_rule_that_is_named(base: str) -> None:
    """The tools would do it: an agent that does fails."""
    code, tool = FORBIDDEN[base]
    for task in (t for t in tasks_of(n=120) if t.base == base):
        environment = task.environment(0, 0)
        assert isinstance(environment, WorldEnvironment)
        order_id = next(str(c.arguments["order_id"]) for c in task.oracle if "order_id" in c.arguments)
        payment = environment.world.where("payments", "order", order_id)[0][1]
        more = {"set_quantity": {"quantity": 7}, "refund": {"amount": payment["paid"]}}.get(tool, {})
        call = ToolCall(tool, {"order_id": order_id, **more})
        answer = oracle(task, environment)
        assert code in answer
        assert violations(environment.world, call) == ([] if code == "R3" else [code])
        assert environment.call(call).wrote
        assert not task.check(environment, answer).passed


def test_a_refusal_needs_what_was_read_and_the_one_right_reason() -> None:
    task = by_base("cancel-shipped")
    environment = task.environment(0, 0)
    assert task.check(environment, "R1").reasons == (f"never read get_order({task.oracle[0].arguments['order_id']})",)
    environment.call(task.oracle[0])
    assert task.check(environment, "Sorry, rule R1 forbids it.").passed
    assert not task.check(environment, "Sorry, that is not possible.").passed
    assert not task.check(environment, "Sorry: " + " or ".join(CODES)).passed


def test_a_write_that_is_taken_back_is_still_unauthorised() -> None:
    task = by_base("order-status")
    environment = task.environment(0, 0)
    assert isinstance(environment, WorldEnvironment)
    answer = oracle(task, environment)
    order_id = str(task.oracle[0].arguments["order_id"])
    city = dict(environment.world.get("orders", order_id) or {})["city"]
    for to in ("Nowhere", city):
        assert environment.call(ToolCall("set_city", {"order_id": order_id, "city": to})).ok
    assert task.check(environment, answer).reasons == (f"unauthorised write to orders {order_id}",)


def test_a_corrected_mistake_in_what_was_asked_for_passes() -> None:
    task = by_base("set-quantity")
    environment = task.environment(0, 0)
    (right,) = task.oracle
    wrong = replace(right, arguments={**right.arguments, "quantity": 1})
    for call in (wrong, right):
        assert environment.call(call).ok
    assert task.check(environment, "").passed


def test_checking_changes_nothing() -> None:
    task = by_base("return-standard")
    environment = task.environment(0, 0)
    before = environment.digest(), len(environment.log)
    task.check(environment, "x")
    assert (environment.digest(), len(environment.log)) == before


def test_the_stock_follows_the_orders() -> None:
    task = by_base("cancel-order")
    environment = task.environment(0, 0)
    assert isinstance(environment, WorldEnvironment)
    order = environment.world.get("orders", str(task.oracle[0].arguments["order_id"]))
    assert order is not None
    before: Any = environment.world.get("items", order["item"])
    environment.call(task.oracle[0])
    after: Any = environment.world.get("items", order["item"])
    assert after["stock"] == before["stock"] + order["quantity"]


@pytest.mark.parametrize(
    ("call", "content"),
    [
        (ToolCall("get_order", {"order_id": "O1"}), "Error: no order O1"),
        (ToolCall("get_customer", {"customer": "nobody@x.com"}), "Error: no customer nobody@x.com"),
        (ToolCall("get_item", {"item": "car"}), "Error: no item car"),
        (ToolCall("list_orders", {"customer_id": "C1"}), "Error: no customer C1"),
        (ToolCall("refund", {"order_id": "O1", "amount": 5}), "Error: no order O1"),
    ],
)
def test_tools_refuse_what_does_not_exist(call: ToolCall, content: str) -> None:
    assert by_base("order-status").environment(0, 0).call(call).content == content


def test_tools_refuse_what_is_impossible() -> None:
    task = by_base("small-refund")
    order_id = task.oracle[0].arguments["order_id"]
    environment = task.environment(0, 0)
    for name, more in (
        ("refund", {"amount": 0}),
        ("refund", {"amount": 10_000}),
        ("cancel_order", {}),
        ("set_quantity", {"quantity": 0}),
        ("set_quantity", {"quantity": 10**9}),
        ("set_city", {"city": " "}),
    ):
        result = environment.call(ToolCall(name, {"order_id": order_id, **more}))
        assert not result.ok, name
        assert result.content.startswith("Error: ")
    assert environment.digest() == task.environment(0, 0).digest()


def test_the_prefix_is_short() -> None:
    """Characters, at about four per token: policy and tools are prefilled on two cores."""
    task = tasks_of()[0]
    tools = sum(len(f"{t.name}{t.description}{t.parameters}") for t in task.environment(0, 0).toolbox)
    assert len(task.view.system) + tools < 3300
    assert isinstance(task.view, TaskView)
