"""Tier "look-ups": what is found feeds the next call, or the answer is put together from several."""

from __future__ import annotations

from harnesslab.suites.orders.desk import ITEMS, Desk
from harnesslab.suites.orders.draft import Draft, Template, call, one_of, reads
from harnesslab.suites.task import Read
from harnesslab.suites.values import Number, Word


def refund_all(desk: Desk) -> Draft:
    order = desk.order(status="cancelled")
    return Draft(
        one_of(
            desk.random,
            f"Order {order.id} was cancelled. Look up what was paid for it, then refund that amount.",
            f"First look up the payment of my cancelled order {order.id}, then refund all that I paid.",
        ),
        (call("get_payment", order_id=order.id), call("refund", order_id=order.id, amount=order.paid)),
        f"${order.paid} are refunded.",
    )


def quote(desk: Desk) -> Draft:
    item = desk.random.choice(ITEMS)
    pieces = desk.random.choice((2, 3, 4))
    look = call("get_item", item=item)
    total = desk.price[item] * pieces
    return Draft(
        one_of(
            desk.random,
            f"Look up the item {item}. What do {pieces} pieces cost together?",
            f"What do {pieces} pieces of the item {item} cost together? Look it up.",
        ),
        (look,),
        f"They cost ${total}.",
        (Number(total),),
        reads(look),
    )


def cancel_by_email(desk: Desk) -> Draft:
    customer = desk.customer()
    wanted, *_ = desk.shelf(customer, ("pending", "delivered"))
    return Draft(
        one_of(
            desk.random,
            f"My email is {customer.email}. Cancel my pending order of a {wanted.item}.",
            f"I am {customer.email}. I no longer want the {wanted.item} I ordered; it is pending. Please cancel it.",
        ),
        (
            call("get_customer", customer=customer.email),
            call("list_orders", customer_id=customer.id),
            call("cancel_order", order_id=wanted.id),
        ),
        f"Order {wanted.id} is cancelled.",
    )


def same_quantity(desk: Desk) -> Draft:
    customer = desk.customer()
    quantity = desk.random.choice((3, 4, 5))
    model = desk.order(customer=customer, status="delivered", quantity=quantity)
    order = desk.order(customer=customer, quantity=desk.random.choice((1, 2)))
    return Draft(
        one_of(
            desk.random,
            f"Look up the quantity of order {model.id}, then set my pending order {order.id} to the same quantity.",
            f"How many pieces had order {model.id}? Set the quantity of my pending order {order.id} to that number.",
        ),
        (call("get_order", order_id=model.id), call("set_quantity", order_id=order.id, quantity=quantity)),
        f"Order {order.id} now has {quantity} pieces.",
    )


def owner_email(desk: Desk) -> Draft:
    order = desk.order(status="shipped")
    look = call("get_customer", customer=order.customer.id)
    return Draft(
        one_of(
            desk.random,
            f"What is the email of the customer of order {order.id}?",
            f"Look up who placed order {order.id}. I need the email address.",
        ),
        (call("get_order", order_id=order.id), look),
        f"It is {order.customer.email}.",
        (Word(order.customer.email),),
        (Read((look, call("get_customer", customer=order.customer.email))),),
    )


def home_city(desk: Desk) -> Draft:
    customer = desk.customer()
    order = desk.order(customer=customer, city=desk.other_city(customer.city))
    return Draft(
        one_of(
            desk.random,
            f"My pending order {order.id} goes to the wrong city. Send it to the city in my customer record.",
            f"Change the city of my pending order {order.id} to the city of my customer record.",
        ),
        (
            call("get_order", order_id=order.id),
            call("get_customer", customer=customer.id),
            call("set_city", order_id=order.id, city=customer.city),
        ),
        f"Order {order.id} goes to {customer.city}.",
    )


def cheaper_item(desk: Desk) -> Draft:
    first, second = desk.random.sample(ITEMS, 2)
    cheaper = min(first, second, key=lambda item: desk.price[item])
    looks = (call("get_item", item=first), call("get_item", item=second))
    price = desk.price[cheaper]
    return Draft(
        one_of(
            desk.random,
            f"Look up the prices of the items {first} and {second}. Which is cheaper, and what does it cost?",
            f"Compare the prices of the items {first} and {second}, and tell me the cheaper one and its price.",
        ),
        looks,
        f"The {cheaper}, at ${price}.",
        (Number(price), Word(cheaper)),
        reads(*looks),
    )


def paid_by_email(desk: Desk) -> Draft:
    customer = desk.customer()
    wanted, *_ = desk.shelf(customer, ("delivered", "shipped"))
    look = call("get_payment", order_id=wanted.id)
    return Draft(
        one_of(
            desk.random,
            f"My email is {customer.email}. How much did I pay for the {wanted.item}?",
            f"I am {customer.email}. What amount was paid for my order of a {wanted.item}?",
        ),
        (call("get_customer", customer=customer.email), call("list_orders", customer_id=customer.id), look),
        f"You paid ${wanted.paid}.",
        (Number(wanted.paid),),
        reads(look),
    )


LOOK_UPS: tuple[Template, ...] = (
    refund_all,
    cancel_by_email,
    quote,
    same_quantity,
    owner_email,
    home_city,
    cheaper_item,
    paid_by_email,
)
