"""Tier "dialogue": the customer tells what they are asked for, or gets it wrong first; several steps hang together."""

from __future__ import annotations

from harnesslab.suites.servicedesk import people
from harnesslab.suites.servicedesk.draft import Draft, Say, Template, Try, call, looked
from harnesslab.suites.servicedesk.persona import Fact, Persona, Wish
from harnesslab.suites.servicedesk.retail.common import ASK_WHO, TOLD_WHO, identify, intro, known, one_of, who
from harnesslab.suites.servicedesk.retail.shop import Shop
from harnesslab.suites.values import Number


def cancel_by_item(shop: Shop) -> Draft:
    customer = shop.customer()
    item, other = shop.item(), shop.item()
    while other.kind == item.kind:
        other = shop.item()
    order = shop.order(customer, lines=((item, 1),))
    shop.order(customer, lines=((other, 2),))
    wordings = (
        f"I ordered a {item.name} and do not need it any more. Please cancel that order.",
        f"Please cancel my order of the {item.name}.",
    )
    return Draft(
        Persona(
            opening=one_of(shop.random, *wordings),
            wishes=(Wish(wordings),),
            facts=(*who(customer), Fact("item", item.name)),
            told=("item",),
        ),
        (
            ASK_WHO,
            identify(customer),
            call("list_orders", customer_id=customer.id),
            call("cancel_order", order_id=order.id),
        ),
        f"Order {order.id} is cancelled.",
        gate=known(customer),
    )


def misread_order(shop: Shop) -> Draft:
    customer = shop.customer()
    item = shop.item()
    order = shop.order(customer, lines=((item, shop.random.randrange(1, 3)),))
    wrong, pieces = shop.misread(order), shop.random.randrange(4, 9)
    wordings = (
        f"I need more pieces of the {item.name} in my order.",
        f"Please change how many pieces of the {item.name} I get with my order.",
    )
    return Draft(
        Persona(
            opening=f"{one_of(shop.random, *wordings)} It is order {wrong}. {intro(shop.random, customer)}",
            wishes=(Wish(wordings),),
            facts=(
                *who(customer),
                Fact("order", order.id, wrong),
                Fact("pieces", str(pieces)),
                Fact("item", item.name),
            ),
            told=(*TOLD_WHO, "order", "item"),
        ),
        (
            identify(customer),
            Try(call("get_order", order_id=wrong)),
            Say(f"I cannot find order {wrong}. Could you check the order number? And how many pieces do you need?"),
            call("get_order", order_id=order.id),
            call("set_pieces", order_id=order.id, item_id=item.id, pieces=pieces),
        ),
        f"Order {order.id} now has {pieces} pieces.",
        gate=known(customer),
    )


def old_postcode(shop: Shop) -> Draft:
    customer = shop.customer()
    order = shop.order(customer, status="delivered")
    old = people.misread(shop.random, customer.postcode, ())
    wordings = (
        f"What did I pay for my order {order.id}?",
        f"I need to know the amount that I paid for order {order.id}.",
    )
    email, _, name = who(customer)
    return Draft(
        Persona(
            opening=one_of(shop.random, *wordings),
            wishes=(Wish(wordings),),
            facts=(email, Fact("postcode", customer.postcode, old), name, Fact("order", order.id)),
            told=("order",),
            temper="brisk",
        ),
        (
            ASK_WHO,
            Try(call("identify_customer", email=customer.email, postcode=old)),
            Say("I find no customer with this email and postcode. Please check your postcode."),
            identify(customer),
            call("get_payment", order_id=order.id),
        ),
        f"You paid ${order.paid}.",
        (Number(order.paid),),
        (known(customer), looked(("get_payment", order.id), ("get_order", order.id))),
    )


def moved(shop: Shop) -> Draft:
    customer = shop.customer()
    order = shop.order(customer)
    shop.order(customer, status="delivered")
    street = people.street(shop.random)
    city = shop.random.choice([c for c in people.CITIES if c != customer.city])
    wordings = (
        "I have moved. Please change my home address, and send my open order to the new address too.",
        "I live somewhere else now: please change my home address and the delivery address of my open order.",
    )
    return Draft(
        Persona(
            opening=f"{customer.name} here. {one_of(shop.random, *wordings)}",
            wishes=(Wish(wordings),),
            facts=(*who(customer), Fact("address", f"{street} in {city}")),
            told=("name",),
        ),
        (
            Say("Please tell me your email, your postcode, and the new address."),
            identify(customer),
            call("list_orders", customer_id=customer.id),
            call("set_home_address", customer_id=customer.id, street=street, city=city),
            call("set_delivery_address", order_id=order.id, street=street, city=city),
        ),
        f"Your home address and that of order {order.id} are changed.",
        gate=known(customer),
    )


def swap_colour(shop: Shop) -> Draft:
    customer = shop.customer()
    item = shop.item()
    while not shop.siblings(item):
        item = shop.item()
    new = shop.random.choice(shop.siblings(item))
    order = shop.order(customer, lines=((item, shop.random.randrange(1, 4)),))
    wordings = (
        f"I want the {item.kind} in my order {order.id} in another colour.",
        f"Please swap the {item.kind} of my order {order.id} for one in another colour.",
    )
    return Draft(
        Persona(
            opening=one_of(shop.random, *wordings),
            wishes=(Wish(wordings),),
            facts=(*who(customer), Fact("order", order.id), Fact("colour", new.colour), Fact("item", item.name)),
            told=("order",),
        ),
        (
            Say("Please tell me your email, your postcode, and the colour you would like."),
            identify(customer),
            call("get_order", order_id=order.id),
            call("find_items", kind=item.kind),
            call("swap_item", order_id=order.id, item_id=item.id, new_item_id=new.id),
        ),
        f"You get the {new.name}.",
        gate=known(customer),
    )


def two_payments(shop: Shop) -> Draft:
    customer = shop.customer()
    first, second = shop.order(customer, status="delivered"), shop.order(customer, status="sent")
    total = first.paid + second.paid
    wordings = (
        "How much did I pay for two of my orders together?",
        "I need one figure: what two of my orders cost me in total.",
    )
    return Draft(
        Persona(
            opening=f"{customer.name} here. {one_of(shop.random, *wordings)}",
            wishes=(Wish(wordings),),
            facts=(*who(customer), Fact("orders", f"{first.id} and {second.id}")),
            told=("name",),
            temper="brisk",
        ),
        (
            Say("Which orders? Please tell me your email and postcode, too."),
            identify(customer),
            call("get_payment", order_id=first.id),
            call("get_payment", order_id=second.id),
        ),
        f"Together ${total}.",
        (Number(total),),
        (
            known(customer),
            *(looked(("get_payment", order.id), ("get_order", order.id)) for order in (first, second)),
        ),
    )


DIALOGUE: tuple[Template[Shop], ...] = (
    cancel_by_item,
    misread_order,
    old_postcode,
    swap_colour,
    moved,
    two_payments,
)
