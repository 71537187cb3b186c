"""The retail desk's tools. They refuse the impossible and do what the policy forbids: the agent is to keep to it.

Descriptions name no field of the answers: the 0.5B takes such words for arguments.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from harnesslab.suites.servicedesk.ids import find, same, text
from harnesslab.suites.tools import ToolError, Toolkit
from harnesslab.suites.world import Row, World


def _order(world: World, order_id: str) -> tuple[str, Row]:
    return find(world, "orders", order_id, "order")


def _line(world: World, order: str, item_id: str) -> tuple[str, Row]:
    key, _ = find(world, "items", item_id, "item")
    line = world.get("lines", f"{order}/{key}")
    if line is None:
        raise ToolError(f"no item {key} in order {order}")
    return key, line


def _restock(world: World, item: str, pieces: int) -> None:
    row = world.get("items", item)
    assert row is not None
    if row["stock"] + pieces < 0:
        raise ToolError(f"only {row['stock']} of {item} in stock")
    world.update("items", item, stock=row["stock"] + pieces)


def _not_gone(order: str, row: Row) -> None:
    if row["status"] in ("delivered", "cancelled"):
        raise ToolError(f"order {order} is {row['status']}")


def identify_customer(world: World, email: str, postcode: str) -> Any:
    """Identify a customer by email and postcode."""
    found = world.where("customers", "email", email.strip().lower())
    if not found or not same(found[0][1]["postcode"], postcode):
        raise ToolError("no customer with this email and postcode")
    id, row = found[0]
    return {"customer_id": id, "name": row["name"], "level": row["level"]}


def get_customer(world: World, customer_id: str) -> Any:
    """Look up a customer."""
    key, row = find(world, "customers", customer_id, "customer")
    return {"customer_id": key, **row}


def list_orders(world: World, customer_id: str) -> Any:
    """List a customer's orders."""
    key, _ = find(world, "customers", customer_id, "customer")
    return [
        {"order_id": id, "status": row["status"], "items": [_name(world, line) for _, line in _lines(world, id)]}
        for id, row in world.where("orders", "customer", key)
    ]


def get_order(world: World, order_id: str) -> Any:
    """Look up an order and its items."""
    key, row = _order(world, order_id)
    lines = [
        {
            "item_id": line["item"],
            "name": _name(world, line),
            "pieces": line["pieces"],
            "price": line["price"],
            **({"returned": True} if line["returned"] else {}),
        }
        for _, line in _lines(world, key)
    ]
    return {
        "order_id": key,
        "customer_id": row["customer"],
        **{k: v for k, v in row.items() if k != "customer"},
        "items": lines,
    }


def get_payment(world: World, order_id: str) -> Any:
    """Look up how an order was paid."""
    key, _ = _order(world, order_id)
    return world.get("payments", key)


def track_parcel(world: World, order_id: str) -> Any:
    """Look up an order's parcel and when it is due."""
    key, order = _order(world, order_id)
    parcel = world.get("parcels", key)
    if parcel is None:
        raise ToolError(f"order {key} has no parcel yet")
    return {**parcel, "delivered": order.get("delivered", "not yet")}


def find_items(world: World, kind: Annotated[str, Field(description="one word, e.g. lamp")], colour: str = "") -> Any:
    """List the items of a kind with their ids, in all colours or in one."""
    found = world.where("items", "kind", kind.strip().lower())
    if not found:
        raise ToolError(f"no items of kind {kind.strip()[:40]}")
    if colour:
        found = [(id, row) for id, row in found if row["colour"] == colour.strip().lower()]
    return [{"item_id": id, **{k: v for k, v in row.items() if k != "kind"}} for id, row in found]


def get_item(world: World, item_id: str) -> Any:
    """Look up an item by its id."""
    key, row = find(world, "items", item_id, "item")
    return {"item_id": key, **row}


def cancel_order(world: World, order_id: str) -> Any:
    """Cancel an order and refund it."""
    key, order = _order(world, order_id)
    _not_gone(key, order)
    world.update("orders", key, status="cancelled")
    payment = world.get("payments", key)
    assert payment is not None
    world.update("payments", key, refunded=payment["paid"])
    for _, line in _lines(world, key):
        _restock(world, line["item"], line["pieces"])
    return {"order_id": key, "status": "cancelled"}


def set_delivery_address(world: World, order_id: str, street: str, city: str) -> Any:
    """Change where an order is sent."""
    key, order = _order(world, order_id)
    _not_gone(key, order)
    world.update("orders", key, street=text(street, "street"), city=text(city, "city"))
    return {"order_id": key, "street": text(street, "street"), "city": text(city, "city")}


def set_home_address(world: World, customer_id: str, street: str, city: str) -> Any:
    """Change a customer's home address; their orders keep theirs."""
    key, _ = find(world, "customers", customer_id, "customer")
    world.update("customers", key, street=text(street, "street"), city=text(city, "city"))
    return {"customer_id": key, "street": text(street, "street"), "city": text(city, "city")}


def set_pieces(world: World, order_id: str, item_id: str, pieces: int) -> Any:
    """Change how many pieces of an item an order has."""
    key, order = _order(world, order_id)
    _not_gone(key, order)
    item, line = _line(world, key, item_id)
    if pieces < 1:
        raise ToolError("pieces must be 1 or more")
    _restock(world, item, line["pieces"] - pieces)
    world.update("lines", f"{key}/{item}", pieces=pieces)
    return {"order_id": key, "item_id": item, "pieces": pieces}


def swap_item(world: World, order_id: str, item_id: str, new_item_id: str) -> Any:
    """Put another item in place of one in an order, with as many pieces."""
    key, order = _order(world, order_id)
    _not_gone(key, order)
    item, line = _line(world, key, item_id)
    new, row = find(world, "items", new_item_id, "item")
    if world.get("lines", f"{key}/{new}") is not None:
        raise ToolError(f"item {new} is in order {key} already")
    _restock(world, item, line["pieces"])
    _restock(world, new, -line["pieces"])
    world.delete("lines", f"{key}/{item}")
    world.put("lines", f"{key}/{new}", {**line, "item": new, "price": row["price"]})
    return {"order_id": key, "item_id": new, "pieces": line["pieces"], "price": row["price"]}


def return_item(world: World, order_id: str, item_id: str) -> Any:
    """Take back all pieces of an item of a delivered order."""
    key, order = _order(world, order_id)
    if order["status"] != "delivered":
        raise ToolError(f"order {key} is {order['status']}")
    item, line = _line(world, key, item_id)
    if line["returned"]:
        raise ToolError(f"item {item} was returned already")
    world.update("lines", f"{key}/{item}", returned=True)
    _restock(world, item, line["pieces"])
    return {"order_id": key, "item_id": item, "returned": True}


def refund(world: World, order_id: str, amount: int, to: Literal["payment", "gift_card"]) -> Any:
    """Pay back dollars for an order, to its payment or to the customer's gift card."""
    key, order = _order(world, order_id)
    payment = world.get("payments", key)
    customer = world.get("customers", order["customer"])
    assert payment is not None
    assert customer is not None
    left = payment["paid"] - payment["refunded"]
    if not 0 < amount <= left:
        raise ToolError(f"amount must be 1 to {left}")
    world.update("payments", key, refunded=payment["refunded"] + amount)
    if to == "gift_card":
        world.update("customers", order["customer"], gift_card=customer["gift_card"] + amount)
    return {"order_id": key, "refunded": amount, "to": to}


def transfer_to_human(world: World, customer_id: str, topic: Literal["fraud", "safety"]) -> Any:
    """Hand the case over to a person."""
    key, _ = find(world, "customers", customer_id, "customer")
    world.put("transfers", key, {"topic": topic})
    return "transferred"


def _lines(world: World, order: str) -> list[tuple[str, Row]]:
    return world.where("lines", "order", order)


def _name(world: World, line: Row) -> str:
    item = world.get("items", line["item"])
    assert item is not None
    return f"{item['colour']} {item['kind']}"


KIT = Toolkit(
    reads=(identify_customer, get_customer, list_orders, get_order, get_payment, track_parcel, find_items, get_item),
    writes=(
        cancel_order,
        set_delivery_address,
        set_home_address,
        set_pieces,
        swap_item,
        return_item,
        refund,
        transfer_to_human,
    ),
)

COUNTER_KIT = Toolkit(reads=(find_items, get_item))
