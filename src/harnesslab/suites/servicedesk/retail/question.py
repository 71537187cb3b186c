"""Tier "question": about items, which anybody may ask; one look-up, and all it needs stands in the message."""

from __future__ import annotations

from harnesslab.suites.servicedesk.draft import Draft, Template, call, looked
from harnesslab.suites.servicedesk.persona import Persona, Wish
from harnesslab.suites.servicedesk.retail.common import one_of
from harnesslab.suites.servicedesk.retail.shop import COLOURS, Item, Shop
from harnesslab.suites.values import Number, Value, Word


def _about(shop: Shop, item: Item, answer: str, says: Value, *wordings: str) -> Draft:
    return Draft(
        Persona(one_of(shop.random, *wordings), (Wish(wordings),)),
        (call("find_items", kind=item.kind),),
        answer,
        (says,),
        (looked(("find_items", item.kind), ("get_item", item.id)),),
    )


def item_stock(shop: Shop) -> Draft:
    item = shop.item()
    return _about(
        shop, item, f"There are {item.stock} in stock.", Number(item.stock),
        f"How many pieces of the {item.name} do you have in stock?",
        f"I would like to know how many of the {item.name} are in stock.",
    )  # fmt: skip


def item_price(shop: Shop) -> Draft:
    item = shop.item()
    return _about(
        shop, item, f"It costs ${item.price}.", Number(item.price),
        f"What does the {item.name} cost?", f"I would like to know the price of the {item.name}.",
    )  # fmt: skip


def item_number(shop: Shop) -> Draft:
    item = shop.item()
    return _about(
        shop, item, f"Its id is {item.id}.", Word(item.id, tuple(shop.items)),
        f"What is the item id of the {item.name}?", f"I need the item id of the {item.name}.",
    )  # fmt: skip


def cheapest(shop: Shop) -> Draft:
    kind = shop.item().kind
    item = min((i for i in shop.items.values() if i.kind == kind), key=lambda i: i.price)
    return _about(
        shop, item, f"The {item.colour} one costs least.", Word(item.colour, COLOURS),
        f"In which colour does a {kind} cost least?", f"Which colour of your {kind} is the cheapest?",
    )  # fmt: skip


QUESTION: tuple[Template[Shop], ...] = (item_stock, item_price, item_number, cheapest)
