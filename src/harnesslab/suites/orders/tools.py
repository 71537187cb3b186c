"""The desk's tools. They refuse what is impossible and do what the policy forbids: keeping it is the agent's job."""

from __future__ import annotations

from typing import Any

from harnesslab.suites.tools import ToolError, Toolkit
from harnesslab.suites.world import Row, World


def _row(world: World, table: str, id: str, what: str) -> Row:
    row = world.get(table, id)
    if row is None:
        raise ToolError(f"no {what} {id[:40]}")
    return row


def _order(world: World, order_id: str) -> Row:
    return _row(world, "orders", order_id, "order")


def _payment(world: World, order_id: str) -> tuple[str, Row]:
    _order(world, order_id)
    found = world.where("payments", "order", order_id)
    if not found:  # of a folder's tasks: every order of ours has one
        raise ToolError(f"no payment for order {order_id}")
    return found[0]


def _restock(world: World, item: str, pieces: int) -> None:
    world.update("items", item, stock=_row(world, "items", item, "item")["stock"] + pieces)


def get_customer(world: World, customer: str) -> Any:
    """Look up a customer by id or email."""
    found = world.get("customers", customer)
    if found is not None:
        return {"id": customer, **found}
    by_email = world.where("customers", "email", customer.lower())
    if not by_email:
        raise ToolError(f"no customer {customer[:40]}")
    id, row = by_email[0]
    return {"id": id, **row}


def list_orders(world: World, customer_id: str) -> Any:
    """List a customer's orders."""
    _row(world, "customers", customer_id, "customer")
    return [
        {"id": id, "item": row["item"], "status": row["status"]}
        for id, row in world.where("orders", "customer", customer_id)
    ]


def get_order(world: World, order_id: str) -> Any:
    """Look up one order: customer, item, quantity, status, city, dates."""
    return {"id": order_id, **_order(world, order_id)}


def get_payment(world: World, order_id: str) -> Any:
    """Look up how an order was paid, the amount paid and the amount refunded."""
    return _payment(world, order_id)[1]


def get_item(world: World, item: str) -> Any:
    """Look up an item's price and stock."""
    return {"item": item, **_row(world, "items", item, "item")}


def cancel_order(world: World, order_id: str) -> Any:
    """Cancel an order."""
    order = _order(world, order_id)
    if order["status"] not in ("pending", "shipped"):
        raise ToolError(f"order is {order['status']}")
    world.update("orders", order_id, status="cancelled")
    _restock(world, order["item"], order["quantity"])
    return {"id": order_id, "status": "cancelled"}


def return_order(world: World, order_id: str) -> Any:
    """Take back a delivered order."""
    order = _order(world, order_id)
    if order["status"] != "delivered":
        raise ToolError(f"order is {order['status']}")
    world.update("orders", order_id, status="returned")
    _restock(world, order["item"], order["quantity"])
    return {"id": order_id, "status": "returned"}


def refund(world: World, order_id: str, amount: int) -> Any:
    """Pay back an amount in dollars for an order."""
    id, payment = _payment(world, order_id)
    left = payment["paid"] - payment["refunded"]
    if not 0 < amount <= left:
        raise ToolError(f"amount must be 1 to {left}")
    world.update("payments", id, refunded=payment["refunded"] + amount)
    return {"order": order_id, "refunded": payment["refunded"] + amount}


def set_quantity(world: World, order_id: str, quantity: int) -> Any:
    """Change how many pieces an order has."""
    order = _order(world, order_id)
    more = quantity - order["quantity"]
    if quantity < 1 or more > _row(world, "items", order["item"], "item")["stock"]:
        raise ToolError("quantity not available")
    world.update("orders", order_id, quantity=quantity)
    _restock(world, order["item"], -more)
    return {"id": order_id, "quantity": quantity}


def set_city(world: World, order_id: str, city: str) -> Any:
    """Change the city an order is sent to."""
    _order(world, order_id)
    if not city.strip():
        raise ToolError("no city")
    world.update("orders", order_id, city=city.strip())
    return {"id": order_id, "city": city.strip()}


KIT = Toolkit(
    reads=(get_customer, list_orders, get_order, get_payment, get_item),
    writes=(cancel_order, return_order, refund, set_quantity, set_city),
)
