"""Tier "one call": exactly one obvious call, or one look-up to pass on."""

from __future__ import annotations

from harnesslab.suites.orders.desk import ITEMS, STATUSES, Desk
from harnesslab.suites.orders.draft import Draft, Template, call, one_of, reads
from harnesslab.suites.values import Day, Number, Word


def order_status(desk: Desk) -> Draft:
    order = desk.order(status=desk.random.choice(("pending", "shipped", "delivered")))
    look = call("get_order", order_id=order.id)
    return Draft(
        one_of(
            desk.random,
            f"Look up order {order.id}. What is its status?",
            f"What is the status of order {order.id}? Look it up.",
        ),
        (look,),
        f"Order {order.id} is {order.status}.",
        (Word(order.status, STATUSES),),
        reads(look),
    )


def cancel_order(desk: Desk) -> Draft:
    order = desk.order()
    return Draft(
        one_of(
            desk.random,
            f"Cancel order {order.id}, it is still pending.",
            f"Cancel my pending order {order.id}.",
        ),
        (call("cancel_order", order_id=order.id),),
        f"Order {order.id} is cancelled.",
    )


def stock_count(desk: Desk) -> Draft:
    item = desk.random.choice(ITEMS)
    look = call("get_item", item=item)
    stock = desk.stock[item]
    return Draft(
        one_of(
            desk.random,
            f"Look up the item {item}. How many pieces are in stock?",
            f"What is the stock of the item {item}? Look it up.",
        ),
        (look,),
        f"There are {stock} in stock.",
        (Number(stock),),
        reads(look),
    )


def change_city(desk: Desk) -> Draft:
    order = desk.order()
    city = desk.other_city(order.city)
    return Draft(
        one_of(
            desk.random,
            f"Set the city of my pending order {order.id} to {city}.",
            f"Set the city of order {order.id} to {city}, it is still pending.",
        ),
        (call("set_city", order_id=order.id, city=city),),
        f"Order {order.id} goes to {city}.",
    )


def delivery_date(desk: Desk) -> Draft:
    order = desk.order(status="delivered", days_ago=desk.random.randrange(22, 47))
    look = call("get_order", order_id=order.id)
    assert order.delivered is not None
    return Draft(
        one_of(
            desk.random,
            f"Look up order {order.id}. On which date was it delivered?",
            f"On which date was order {order.id} delivered? Look it up.",
        ),
        (look,),
        f"It was delivered on {order.delivered.isoformat()}.",
        (Day(order.delivered),),
        reads(look),
    )


def set_quantity(desk: Desk) -> Draft:
    order = desk.order(quantity=desk.random.choice((1, 2)))
    wanted = desk.random.choice((3, 4, 5))
    return Draft(
        one_of(
            desk.random,
            f"Set the quantity of order {order.id} to {wanted}, it is still pending.",
            f"Set the quantity of my pending order {order.id} to {wanted}.",
        ),
        (call("set_quantity", order_id=order.id, quantity=wanted),),
        f"Order {order.id} now has {wanted} pieces.",
    )


def return_gift(desk: Desk) -> Draft:
    order = desk.order(status="delivered")
    return Draft(
        one_of(
            desk.random,
            f"Return my order {order.id}. It was a present, only take it back.",
            f"Return order {order.id}, nothing more.",
        ),
        (call("return_order", order_id=order.id),),
        f"Order {order.id} is returned.",
    )


def small_refund(desk: Desk) -> Draft:
    order = desk.order(status="delivered", paid=range(40, 100))
    amount = desk.random.randrange(6, 20)
    return Draft(
        one_of(
            desk.random,
            f"Refund ${amount} of order {order.id}, it came with a scratch.",
            f"Refund ${amount} for my order {order.id}, as agreed.",
        ),
        (call("refund", order_id=order.id, amount=amount),),
        f"${amount} are refunded.",
    )


ONE_CALL: tuple[Template, ...] = (
    order_status,
    cancel_order,
    stock_count,
    change_city,
    delivery_date,
    set_quantity,
    return_gift,
    small_refund,
)
