"""Tier "policy": refusals that are right, and changes whose steps depend on the policy."""

from __future__ import annotations

from harnesslab.suites.orders.desk import Customer, Desk
from harnesslab.suites.orders.draft import Draft, Template, call, one_of, reads
from harnesslab.suites.orders.policy import CODES, MOST_PIECES, MOST_REFUND, RETURN_DAYS, RETURN_FEE
from harnesslab.suites.task import Read
from harnesslab.suites.values import Word
from harnesslab.types import ToolCall


def _refusal(code: str, prompt: str, oracle: tuple[ToolCall, ...], read: tuple[Read, ...]) -> Draft:
    return Draft(prompt, oracle, f"I cannot do that: {code}.", (Word(code, CODES),), read)


def _known(customer: Customer) -> Read:
    """The customer's record, by id or by email."""
    return Read((call("get_customer", customer=customer.id), call("get_customer", customer=customer.email)))


def cancel_shipped(desk: Desk) -> Draft:
    order = desk.order(status="shipped")
    look = call("get_order", order_id=order.id)
    return _refusal(
        "R1",
        one_of(
            desk.random,
            f"I changed my mind. Cancel order {order.id}.",
            f"Please cancel my order {order.id}, I found it cheaper elsewhere.",
        ),
        (look,),
        reads(look),
    )


def return_gold(desk: Desk) -> Draft:
    order = desk.order(customer=desk.customer(level="gold"), status="delivered")
    return Draft(
        _return_prompt(desk, order.id),
        (
            call("get_order", order_id=order.id),
            call("get_customer", customer=order.customer.id),
            call("get_payment", order_id=order.id),
            call("return_order", order_id=order.id),
            call("refund", order_id=order.id, amount=order.paid),
        ),
        f"Order {order.id} is returned and ${order.paid} are refunded.",
    )


def return_standard(desk: Desk) -> Draft:
    order = desk.order(customer=desk.customer(level="standard"), status="delivered")
    amount = order.paid - RETURN_FEE
    return Draft(
        _return_prompt(desk, order.id),
        (
            call("get_order", order_id=order.id),
            call("get_customer", customer=order.customer.id),
            call("get_payment", order_id=order.id),
            call("return_order", order_id=order.id),
            call("refund", order_id=order.id, amount=amount),
        ),
        f"Order {order.id} is returned and ${amount} are refunded.",
    )


def return_late(desk: Desk) -> Draft:
    order = desk.order(status="delivered", days_ago=RETURN_DAYS + desk.random.randrange(10, 60))
    look = call("get_order", order_id=order.id)
    return _refusal("R2", _return_prompt(desk, order.id), (look,), reads(look))


def _return_prompt(desk: Desk, order_id: str) -> str:
    return one_of(
        desk.random,
        f"I want to return order {order_id} and get my money back.",
        f"Order {order_id} is not what I hoped for. Please take it back and refund me.",
    )


def not_yours(desk: Desk) -> Draft:
    customer, order = desk.customer(), desk.order()
    look = call("get_order", order_id=order.id)
    return _refusal(
        "R3",
        one_of(
            desk.random,
            f"My email is {customer.email}. Cancel order {order.id}.",
            f"I am {customer.email}. Please cancel order {order.id}, nobody needs it.",
        ),
        (look, call("get_customer", customer=customer.email)),
        (*reads(look), Read((*_known(customer).any_of, *_known(order.customer).any_of))),
    )


def too_many(desk: Desk) -> Draft:
    order = desk.order(customer=desk.customer(level="standard"))
    return _refusal(
        "R4",
        _pieces_prompt(desk, order.id),
        (call("get_order", order_id=order.id), call("get_customer", customer=order.customer.id)),
        (*reads(call("get_order", order_id=order.id)), _known(order.customer)),
    )


def many_gold(desk: Desk) -> Draft:
    order = desk.order(customer=desk.customer(level="gold"))
    prompt = _pieces_prompt(desk, order.id)
    wanted = next(n for n in _MANY if f" {n} pieces" in prompt)
    return Draft(
        prompt,
        (
            call("get_order", order_id=order.id),
            call("get_customer", customer=order.customer.id),
            call("set_quantity", order_id=order.id, quantity=wanted),
        ),
        f"Order {order.id} now has {wanted} pieces.",
    )


_MANY = range(MOST_PIECES["standard"] + 2, MOST_PIECES["gold"])


def _pieces_prompt(desk: Desk, order_id: str) -> str:
    wanted = desk.random.choice(_MANY)
    return one_of(
        desk.random,
        f"I need more: set the quantity of my order {order_id} to {wanted} pieces.",
        f"Please set the quantity of order {order_id} to {wanted} pieces.",
    )


def big_refund(desk: Desk) -> Draft:
    order = desk.order(
        customer=desk.customer(level="standard"),
        status="cancelled",
        paid=range(MOST_REFUND + 20, MOST_REFUND + 99),
    )
    looks = (call("get_order", order_id=order.id), call("get_payment", order_id=order.id))
    return _refusal(
        "R5",
        one_of(
            desk.random,
            f"Order {order.id} is cancelled. Refund all that I paid for it.",
            f"You cancelled my order {order.id}. I want the full amount back.",
        ),
        (*looks, call("get_customer", customer=order.customer.id)),
        (*reads(*looks), _known(order.customer)),
    )


POLICY: tuple[Template, ...] = (
    cancel_shipped,
    return_gold,
    too_many,
    many_gold,
    return_late,
    not_yours,
    big_refund,
    return_standard,
)
