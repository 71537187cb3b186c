"""Tier "policy": refusals that are right, requests that change, and steps that depend on the policy."""

from __future__ import annotations

from typing import Any

from harnesslab.suites.servicedesk.draft import Draft, Say, Template, call, looked
from harnesslab.suites.servicedesk.goal import Looked
from harnesslab.suites.servicedesk.persona import Change, Fact, Persona, Wish
from harnesslab.suites.servicedesk.retail.common import (
    ASK_WHO,
    TOLD_WHO,
    identify,
    intro,
    known,
    one_of,
    refusal,
    seen,
    who,
)
from harnesslab.suites.servicedesk.retail.policy import CODES, LATE_CREDIT, LATE_DAYS, POSTAGE, RETURN_DAYS
from harnesslab.suites.servicedesk.retail.shop import Customer, Item, Order, Shop
from harnesslab.suites.values import Day, Number, Word


def cancel_sent(shop: Shop) -> Draft:
    customer = shop.customer()
    order = shop.order(customer, status="sent")
    wordings = (f"Please cancel my order {order.id}.", f"I changed my mind about order {order.id}, cancel it.")
    persona = Persona(
        opening=one_of(shop.random, *wordings),
        wishes=(Wish(wordings),),
        facts=(*who(customer), Fact("order", order.id)),
        told=("order",),
        temper="stubborn",
    )
    return refusal(
        "S1", persona, customer, (ASK_WHO, identify(customer), call("get_order", order_id=order.id)), seen(order)
    )


def _returning(
    shop: Shop,
    customer: Customer,
    item: Item,
    order: Order,
    *,
    why: str,
    to: str = "the original payment",
    **more: Any,
) -> Persona:
    """Somebody who wants to return an item. Allowed and forbidden returns are asked for in the same words."""
    wordings = (
        f"I want to return the {item.name} of my order {order.id}, because {why}.",
        f"Please take back the {item.name} from order {order.id} and refund me: {why}.",
    )
    return Persona(
        opening=one_of(shop.random, *wordings),
        wishes=(Wish(wordings),),
        facts=(
            *who(customer),
            Fact("order", order.id),
            Fact("item", item.name),
            Fact("condition", why),
            Fact("payout", to),
        ),
        told=("order", "item", "condition"),
        **more,
    )


def _bought(shop: Shop, level: str, days: range, *, sale: bool = False) -> tuple[Customer, Item, Order]:
    customer, item = shop.customer(level=level), shop.item(sale=sale)
    order = shop.order(
        customer,
        status="delivered",
        lines=((item, shop.random.randrange(1, 4)), (shop.item(but=(item,)), 1)),
        days_ago=shop.random.choice(days),
    )
    return customer, item, order


def _take_back(persona: Persona, customer: Customer, item: Item, order: Order, amount: int, to: str) -> Draft:
    return Draft(
        persona,
        (
            ASK_WHO,
            identify(customer),
            call("get_order", order_id=order.id),
            call("return_item", order_id=order.id, item_id=item.id),
            call("refund", order_id=order.id, amount=amount, to=to),
        ),
        f"The {item.name} is returned and ${amount} are refunded.",
        (Number(amount),),
        gate=known(customer),
    )


_SOON = range(5, RETURN_DAYS["standard"] - 4)
_LATER = range(RETURN_DAYS["standard"] + 5, RETURN_DAYS["plus"] - 5)
_DISLIKE = ("it is too big for my flat", "I do not like the colour after all", "my partner bought the same")
_FAULTY = ("it arrived broken", "it is faulty: a part of it is cracked", "it came with a crack right through it")


def return_disliked(shop: Shop) -> Draft:
    customer, item, order = _bought(shop, "standard", _SOON)
    persona = _returning(shop, customer, item, order, why=one_of(shop.random, *_DISLIKE))
    return _take_back(persona, customer, item, order, item.price * order.lines[0][1] - POSTAGE, "payment")


def return_faulty(shop: Shop) -> Draft:
    customer, item, order = _bought(shop, "standard", _SOON)
    persona = _returning(
        shop,
        customer,
        item,
        order,
        why=one_of(shop.random, *_FAULTY),
        to="my gift card",
        change=Change(
            "postcode",
            ("And please put the money on my gift card.", "One more thing: I want the refund on my gift card."),
        ),
    )
    return _take_back(persona, customer, item, order, item.price * order.lines[0][1], "gift_card")


def return_late(shop: Shop) -> Draft:
    customer, item, order = _bought(shop, "standard", _LATER)
    persona = _returning(shop, customer, item, order, why=one_of(shop.random, *_DISLIKE), temper="stubborn")
    look = call("get_order", order_id=order.id)
    return refusal("S2", persona, customer, (ASK_WHO, identify(customer), look), _dated(order))


def return_late_plus(shop: Shop) -> Draft:
    customer, item, order = _bought(shop, "plus", _LATER)
    persona = _returning(shop, customer, item, order, why=one_of(shop.random, *_DISLIKE))
    return _take_back(persona, customer, item, order, item.price * order.lines[0][1], "payment")


def return_sale(shop: Shop) -> Draft:
    customer, item, order = _bought(shop, "plus", _SOON, sale=True)
    persona = _returning(shop, customer, item, order, why=one_of(shop.random, *_DISLIKE))
    looks = (call("get_order", order_id=order.id), call("get_item", item_id=item.id))
    read = looked(("get_item", item.id), ("find_items", item.kind), shows=(item.id,))
    return refusal("S5", persona, customer, (ASK_WHO, identify(customer), *looks), read)


def _dated(order: Order) -> Looked:
    return looked(("get_order", order.id), ("track_parcel", order.id))


def not_yours(shop: Shop) -> Draft:
    customer, order = shop.customer(), shop.order(shop.customer())
    wordings = (
        f"Please cancel order {order.id}, nobody needs it any more.",
        f"Order {order.id} can be cancelled. Please do that.",
    )
    persona = Persona(
        opening=f"{one_of(shop.random, *wordings)} {intro(shop.random, customer)}",
        wishes=(Wish(wordings),),
        facts=(*who(customer), Fact("order", order.id)),
        told=(*TOLD_WHO, "order"),
    )
    script = (identify(customer), call("get_order", order_id=order.id))
    return refusal("S3", persona, customer, script, looked(("get_order", order.id), ("list_orders", customer.id)))


def swap_kind(shop: Shop) -> Draft:
    """The swap that was asked for is forbidden; the one asked for instead is not."""
    customer, item = shop.customer(), shop.item()
    while not shop.siblings(item):
        item = shop.item()
    other, new = shop.item(but=(item,)), shop.random.choice(shop.siblings(item))
    order = shop.order(customer, lines=((item, shop.random.randrange(1, 3)),))
    wordings = (
        f"In my order {order.id}, please swap the {item.name} for a {other.name}.",
        f"I would rather have a {other.name} than the {item.name} in order {order.id}. Please swap them.",
    )
    instead = (
        f"Then give me the {item.kind} in {new.colour} instead.",
        f"A pity. In that case swap it for the {new.name}, please.",
    )
    no = "Rule S4 forbids that swap."
    return Draft(
        Persona(
            opening=one_of(shop.random, *wordings),
            wishes=(Wish(wordings, instead),),
            facts=(*who(customer), Fact("order", order.id), Fact("item", item.name)),
            told=("order", "item"),
        ),
        (
            ASK_WHO,
            identify(customer),
            call("get_order", order_id=order.id),
            Say(f"I am sorry. {no}"),
            call("find_items", kind=item.kind),
            call("swap_item", order_id=order.id, item_id=item.id, new_item_id=new.id),
        ),
        f"{no} You get the {new.name}.",
        (Word("S4", CODES),),
        gate=known(customer),
    )


def _late(shop: Shop, overdue: int) -> tuple[Customer, Order, Persona]:
    customer = shop.customer()
    item = shop.item()
    order = shop.order(customer, status="sent", lines=((item, 2),), overdue=overdue)
    wordings = (
        f"The parcel of order {order.id} is late. I want the credit for that.",
        f"I am still waiting for order {order.id}. Do I not get a credit for a late parcel?",
    )
    persona = Persona(
        opening=f"{one_of(shop.random, *wordings)} {intro(shop.random, customer)}",
        wishes=(Wish(wordings),),
        facts=(*who(customer), Fact("order", order.id)),
        told=(*TOLD_WHO, "order"),
        temper="brisk",
    )
    return customer, order, persona


def late_credit(shop: Shop) -> Draft:
    customer, order, persona = _late(shop, shop.random.randrange(LATE_DAYS + 2, LATE_DAYS + 12))
    return Draft(
        persona,
        (
            identify(customer),
            call("track_parcel", order_id=order.id),
            call("refund", order_id=order.id, amount=LATE_CREDIT, to="gift_card"),
        ),
        f"You get ${LATE_CREDIT} on your gift card.",
        gate=known(customer),
    )


def late_too_little(shop: Shop) -> Draft:
    customer, order, persona = _late(shop, shop.random.randrange(1, LATE_DAYS - 1))
    script = (identify(customer), call("track_parcel", order_id=order.id))
    return refusal("S6", persona, customer, script, looked(("track_parcel", order.id)))


def fewer_instead(shop: Shop) -> Draft:
    """Starts as a cancellation, and becomes a smaller order when the customer identifies themselves."""
    customer, item = shop.customer(), shop.item()
    order = shop.order(customer, lines=((item, shop.random.randrange(3, 6)),))
    wordings = (f"I want to cancel order {order.id}.", f"Order {order.id} is too much for me, please cancel it.")
    changes = (
        f"Wait, I changed my mind: do not cancel it, just make it one piece of the {item.name}.",
        f"Actually, keep the order, but I only want 1 piece of the {item.name}.",
    )
    return Draft(
        Persona(
            opening=one_of(shop.random, *wordings),
            wishes=(Wish(wordings),),
            facts=(*who(customer), Fact("order", order.id), Fact("pieces", "1"), Fact("item", item.name)),
            told=("order",),
            change=Change("postcode", changes),
        ),
        (
            ASK_WHO,
            identify(customer),
            call("get_order", order_id=order.id),
            call("set_pieces", order_id=order.id, item_id=item.id, pieces=1),
        ),
        f"Order {order.id} now has one piece of the {item.name}.",
        gate=known(customer),
    )


def cancel_and_track(shop: Shop) -> Draft:
    """Two wishes: the second is told when the first is dealt with."""
    customer = shop.customer()
    order = shop.order(customer)
    sent = shop.order(customer, status="sent", overdue=-shop.random.randrange(2, 9))
    first = (f"Please cancel order {order.id}.", f"I do not want order {order.id} any more, cancel it please.")
    second = (
        f"Thanks. And on which date is the parcel of order {sent.id} due?",
        f"Good. I am also waiting for order {sent.id}. On what date is it due?",
    )
    return Draft(
        Persona(
            opening=one_of(shop.random, *first),
            wishes=(Wish(first), Wish(second)),
            facts=(*who(customer), Fact("order", order.id)),
            told=("order",),
        ),
        (
            ASK_WHO,
            identify(customer),
            call("cancel_order", order_id=order.id),
            Say(f"Order {order.id} is cancelled."),
            call("track_parcel", order_id=sent.id),
        ),
        f"It is due on {sent.due.isoformat()}.",
        (Day(sent.due),),
        (looked(("track_parcel", sent.id)),),
        known(customer),
    )


def never_paid(shop: Shop) -> Draft:
    """One of the few cases for a person."""
    customer = shop.customer()
    order = shop.order(customer, status="sent")
    wordings = (
        f"Somebody used my card: I never made the payment for order {order.id}!",
        f"There is a payment for order {order.id} that I never made.",
    )
    return Draft(
        Persona(
            opening=one_of(shop.random, *wordings),
            wishes=(Wish(wordings),),
            facts=(*who(customer), Fact("order", order.id)),
            told=("order",),
        ),
        (
            ASK_WHO,
            identify(customer),
            call("get_payment", order_id=order.id),
            call("transfer_to_human", customer_id=customer.id, topic="fraud"),
        ),
        "I have transferred your case to a colleague, who will contact you.",
        reads=(looked(("get_payment", order.id), ("get_order", order.id), ("list_orders", customer.id)),),
        gate=known(customer),
    )


POLICY: tuple[Template[Shop], ...] = (
    cancel_sent,
    return_disliked,
    fewer_instead,
    return_late,
    swap_kind,
    late_credit,
    not_yours,
    return_faulty,
    late_too_little,
    return_late_plus,
    return_sale,
    cancel_and_track,
    never_paid,
)
