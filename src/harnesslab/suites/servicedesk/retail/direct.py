"""Tier "direct": the first message says everything, and one look-up or one change is asked for."""

from __future__ import annotations

from harnesslab.suites.servicedesk import people
from harnesslab.suites.servicedesk.draft import Draft, Template, call, looked
from harnesslab.suites.servicedesk.persona import Persona, Wish
from harnesslab.suites.servicedesk.retail.common import TOLD_WHO, identify, intro, known, one_of, seen, who
from harnesslab.suites.servicedesk.retail.shop import STATUSES, Customer, Shop
from harnesslab.suites.values import Day, Number, Word


def _asking(shop: Shop, customer: Customer, *wordings: str) -> Persona:
    """Who they are and what they want, in one message."""
    return Persona(
        opening=f"{one_of(shop.random, *wordings)} {intro(shop.random, customer)}",
        wishes=(Wish(wordings),),
        facts=who(customer),
        told=TOLD_WHO,
    )


def order_status(shop: Shop) -> Draft:
    customer = shop.customer()
    order = shop.order(customer, status=shop.random.choice(("packed", "sent", "delivered")))
    return Draft(
        _asking(shop, customer, f"What is the status of order {order.id}?", f"How far is my order {order.id}?"),
        (identify(customer), call("get_order", order_id=order.id)),
        f"Its status is {order.status}.",
        (Word(order.status, STATUSES),),
        (known(customer), seen(order)),
    )


def amount_paid(shop: Shop) -> Draft:
    customer = shop.customer()
    order = shop.order(customer, status="delivered")
    return Draft(
        _asking(shop, customer, f"How much did I pay for order {order.id}?", f"I need the amount of {order.id}."),
        (identify(customer), call("get_payment", order_id=order.id)),
        f"You paid ${order.paid}.",
        (Number(order.paid),),
        (known(customer), looked(("get_payment", order.id), ("get_order", order.id))),
    )


def cancel_open(shop: Shop) -> Draft:
    customer = shop.customer()
    order = shop.order(customer)
    return Draft(
        _asking(
            shop, customer, f"Please cancel my order {order.id}.", f"I no longer need order {order.id}, cancel it."
        ),
        (identify(customer), call("cancel_order", order_id=order.id)),
        f"Order {order.id} is cancelled.",
        gate=known(customer),
    )


def delivery_address(shop: Shop) -> Draft:
    customer = shop.customer()
    order = shop.order(customer)
    street = people.street(shop.random)
    city = shop.random.choice([c for c in people.CITIES if c != customer.city])
    wordings = (
        f"Please send my order {order.id} to {street} in {city} instead.",
        f"My order {order.id} must go to another address: {street}, {city}.",
    )
    return Draft(
        _asking(shop, customer, *wordings),
        (identify(customer), call("set_delivery_address", order_id=order.id, street=street, city=city)),
        f"Order {order.id} goes to {street}, {city}.",
        gate=known(customer),
    )


def parcel_due(shop: Shop) -> Draft:
    customer = shop.customer()
    order = shop.order(customer, status="sent", overdue=-shop.random.randrange(2, 9))
    wordings = (
        f"On which day is the parcel of order {order.id} due?",
        f"When will the parcel with my order {order.id} come? I need the date.",
    )
    return Draft(
        _asking(shop, customer, *wordings),
        (identify(customer), call("track_parcel", order_id=order.id)),
        f"It is due on {order.due.isoformat()}.",
        (Day(order.due),),
        (known(customer), looked(("track_parcel", order.id))),
    )


DIRECT: tuple[Template[Shop], ...] = (
    cancel_open,
    order_status,
    delivery_address,
    parcel_due,
    amount_paid,
)
