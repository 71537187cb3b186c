"""Tier "question": about items, which anybody may ask; one look-up, and all it needs stands in the message."""

from __future__ import annotations

from harnesslab.suites.servicedesk.draft import Draft, Template, call, looked
from harnesslab.suites.servicedesk.persona import Persona, Wish
from harnesslab.suites.servicedesk.retail.common import one_of
from harnesslab.suites.servicedesk.retail.shop import COLOURS, Item, Shop
from harnesslab.suites.values import Number, Value, Word
from harnesslab.types import ToolCall


def _about(shop: Shop, item: Item, look: ToolCall, answer: str, says: Value, *wordings: str) -> Draft:
    """A question about one item, which may be looked up by its id or its kind, whatever the message names."""
    return Draft(
        Persona(one_of(shop.random, *wordings), (Wish(wordings),)),
        (look,),
        answer,
        (says,),
        (looked(("find_items", item.kind), ("get_item", item.id), shows=(item.id,)),),
    )


def item_stock(shop: Shop) -> Draft:
    item = shop.item()
    return _about(
        shop, item, call("get_item", item_id=item.id), f"There are {item.stock} in stock.", Number(item.stock),
        f"Please look up item {item.id}. How many pieces are in stock?",
        f"Look up item {item.id}, please. How many pieces are in stock?",
    )  # fmt: skip


def item_price(shop: Shop) -> Draft:
    item = shop.item()
    return _about(
        shop, item, call("get_item", item_id=item.id), f"It costs ${item.price}.", Number(item.price),
        f"Please look up item {item.id}. What does it cost?", f"Look up item {item.id}, please. What does it cost?",
    )  # fmt: skip


def item_number(shop: Shop) -> Draft:
    item = shop.item()
    return _about(
        shop, item, call("find_items", kind=item.kind), f"Its id is {item.id}.", Word(item.id, tuple(shop.items)),
        f"Please find the items of the kind {item.kind}. What is the id of the {item.colour} one?",
        f"Find the items of the kind {item.kind}, please. Which id has the {item.colour} one?",
    )  # fmt: skip


def cheapest(shop: Shop) -> Draft:
    kind = shop.item().kind
    item = min((i for i in shop.items.values() if i.kind == kind), key=lambda i: i.price)
    return _about(
        shop, item, call("find_items", kind=kind), f"The {item.colour} one costs least.", Word(item.colour, COLOURS),
        f"Please find the items of the kind {kind}. Which colour costs least?",
        f"Find the items of the kind {kind}, please. In which colour are they cheapest?",
    )  # fmt: skip


QUESTION: tuple[Template[Shop], ...] = (item_stock, item_price, item_number, cheapest)
