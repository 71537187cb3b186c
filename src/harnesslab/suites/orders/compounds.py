"""Macro-tools of the order desk, for the layer `compound`: written from the tools and the policy, from no task.

They read and do what the plain tools would, in the order that the policy gives. Whether a rule allows it stays the
agent's judgement.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from harnesslab.suites.orders.policy import RETURN_FEE
from harnesslab.types import ActionResult, Compound, Status, ToolCall, ToolSpec

Run = Callable[[ToolCall], Awaitable[ActionResult]]


class _Stop(Exception):
    """A call of the chain failed: its answer is the chain's."""

    def __init__(self, result: ActionResult) -> None:
        super().__init__(result.content)
        self.result = result


async def _get(run: Run, tool: str, **arguments: Any) -> Any:
    result = await run(ToolCall(tool, arguments))
    if not result.ok:
        raise _Stop(result)
    return json.loads(result.content)


async def _customer_orders(arguments: Mapping[str, Any], run: Run) -> ActionResult:
    try:
        customer = await _get(run, "get_customer", customer=arguments["customer"])
        listed = await _get(run, "list_orders", customer_id=customer["id"])
        orders = [await _get(run, "get_order", order_id=order["id"]) for order in listed]
    except _Stop as stop:
        return stop.result
    return _said({"customer": customer, "orders": orders})


async def _order_file(arguments: Mapping[str, Any], run: Run) -> ActionResult:
    try:
        return _said(await _file(run, arguments["order_id"]))
    except _Stop as stop:
        return stop.result


async def _return_and_refund(arguments: Mapping[str, Any], run: Run) -> ActionResult:
    order_id = arguments["order_id"]
    try:
        file = await _file(run, order_id)
        await _get(run, "return_order", order_id=order_id)
    except _Stop as stop:
        return stop.result
    fee = 0 if file["customer"]["level"] == "gold" else RETURN_FEE
    try:
        paid = await _get(run, "refund", order_id=order_id, amount=file["payment"]["paid"] - fee)
    except _Stop as stop:
        return replace(stop.result, content=f"{stop.result.content} (the order is returned, nothing is refunded)")
    return _said({"id": order_id, "status": "returned", "refunded": paid["refunded"]})


async def _file(run: Run, order_id: Any) -> dict[str, Any]:
    order = await _get(run, "get_order", order_id=order_id)
    customer = await _get(run, "get_customer", customer=order["customer"])
    return {"order": order, "customer": customer, "payment": await _get(run, "get_payment", order_id=order_id)}


def _said(value: Any) -> ActionResult:
    return ActionResult(Status.OK, json.dumps(value, ensure_ascii=False))


def _spec(name: str, argument: str, description: str, *, writes: bool = False) -> ToolSpec:
    properties = {argument: {"type": "string"}}
    schema = {"additionalProperties": False, "properties": properties, "required": [argument], "type": "object"}
    return ToolSpec(name, description, schema, writes)


COMPOUNDS = (
    Compound(
        _spec("customer_orders", "customer", "Look up a customer by id or email, with all their orders in full."),
        ("list_orders",),
        _customer_orders,
    ),
    Compound(
        _spec("order_file", "order_id", "Look up one order with its customer's record and its payment."),
        ("get_order", "get_payment"),
        _order_file,
    ),
    Compound(
        _spec(
            "return_and_refund",
            "order_id",
            f"Take back a delivered order and refund what was paid, less ${RETURN_FEE} unless the customer is gold.",
            writes=True,
        ),
        ("return_order",),
        _return_and_refund,
    ),
)
