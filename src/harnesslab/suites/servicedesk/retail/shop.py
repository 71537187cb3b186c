"""Draws the shop's tables from a seed: what tasks ask for, among rows that only fill the tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from harnesslab.suites.servicedesk import people
from harnesslab.suites.servicedesk.people import TODAY, words
from harnesslab.suites.world import Base

KINDS = words(
    "armchair basket bench blanket bookcase bowl candle carpet clock curtain cushion desk jug kettle lamp mirror pan "
    "pillow stool table teapot tray vase wardrobe"
)
COLOURS = words("black blue brown green grey red white yellow")
STATUSES = ("open", "packed", "sent", "delivered", "cancelled")
CARRIERS = words("Swift Tortoise Postbird")


@dataclass(frozen=True, slots=True)
class Item:
    id: str
    kind: str
    colour: str
    price: int
    stock: int
    sale: bool

    @property
    def name(self) -> str:
        return f"{self.colour} {self.kind}"


@dataclass(frozen=True, slots=True)
class Customer:
    id: str
    name: str
    email: str
    postcode: str
    street: str
    city: str
    level: str


@dataclass(frozen=True, slots=True)
class Order:
    id: str
    customer: Customer
    lines: tuple[tuple[Item, int], ...]  # item, pieces
    status: str
    street: str
    city: str
    placed: date
    delivered: date | None
    due: date
    carrier: str
    method: str

    @property
    def paid(self) -> int:
        return sum(item.price * pieces for item, pieces in self.lines)


class Shop:
    """Collects rows. What is not asked for is drawn from `random`, which each task sets to a stream of its own."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.customers: dict[str, Customer] = {}
        self.orders: dict[str, Order] = {}
        self._order_ids: set[str] = set()  # and ids that are to stay nobody's
        self._emails: set[str] = set()
        self.items: dict[str, Item] = {}
        for kind in KINDS:
            prices = random.sample(range(12, 90), len(COLOURS))
            for colour, price in zip(COLOURS, prices, strict=True):
                id = people.new_id(random, "T", 4, self.items)
                stock = 0 if random.random() < 0.15 else random.randrange(21, 99)
                self.items[id] = Item(id, kind, colour, price, stock, random.random() < 0.15)

    def customer(self, *, level: str = "") -> Customer:
        id = people.new_id(self.random, "C", 4, self.customers)
        name = f"{self.random.choice(people.FIRST)} {self.random.choice(people.LAST)}"
        email = people.email(self.random, name, self._emails)
        self._emails.add(email)
        made = Customer(
            id=id,
            name=name,
            email=email,
            postcode=people.postcode(self.random),
            street=people.street(self.random),
            city=self.random.choice(people.CITIES),
            level=level or self.random.choice(("standard", "plus")),
        )
        self.customers[id] = made
        return made

    def item(self, *, sale: bool = False, but: tuple[Item, ...] = ()) -> Item:
        """An item in stock, of a kind that none of `but` is."""
        taken = {item.kind for item in but}
        return self.random.choice(
            [i for i in self.items.values() if i.sale is sale and i.stock and i.kind not in taken]
        )

    def siblings(self, item: Item) -> list[Item]:
        """The same kind in other colours, in stock."""
        return [i for i in self.items.values() if i.kind == item.kind and i.id != item.id and i.stock]

    def order(
        self,
        customer: Customer,
        *,
        status: str = "open",
        lines: tuple[tuple[Item, int], ...] = (),
        days_ago: int = 0,
        overdue: int | None = None,
    ) -> Order:
        """A new order. `days_ago` is when it was delivered, `overdue` how many days its parcel is past its due date."""
        random = self.random
        if not lines:
            first = self.item()
            lines = ((first, random.randrange(1, 4)), (self.item(but=(first,)), 1))[: random.randrange(1, 3)]
        delivered = TODAY - timedelta(days=days_ago or random.randrange(3, 25)) if status == "delivered" else None
        placed = (delivered or TODAY) - timedelta(days=random.randrange(12, 30) if status != "open" else 2)
        due = (delivered or TODAY) - timedelta(days=overdue if overdue is not None else random.randrange(-4, 2))
        made = Order(
            id=people.new_id(random, "H", 5, self._order_ids),
            customer=customer,
            lines=lines,
            status=status,
            street=customer.street,
            city=customer.city,
            placed=placed,
            delivered=delivered,
            due=due,
            carrier=random.choice(CARRIERS),
            method=random.choice(("card", "invoice", "bank transfer")),
        )
        self._order_ids.add(made.id)
        self.orders[made.id] = made
        return made

    def fill(self, customers: int) -> None:
        for _ in range(customers):
            customer = self.customer()
            for _ in range(self.random.randrange(1, 4)):
                self.order(customer, status=self.random.choice(STATUSES))

    def misread(self, order: Order) -> str:
        wrong = people.misread(self.random, order.id, self._order_ids)
        self._order_ids.add(wrong)
        return wrong

    def base(self) -> Base:
        """All rows so far, as the world's shared base."""
        orders = self.orders.values()
        return Base(
            {
                "customers": {
                    c.id: {
                        "name": c.name,
                        "email": c.email,
                        "postcode": c.postcode,
                        "street": c.street,
                        "city": c.city,
                        "level": c.level,
                        "gift_card": 0,
                    }
                    for c in self.customers.values()
                },
                "items": {
                    i.id: {"kind": i.kind, "colour": i.colour, "price": i.price, "stock": i.stock, "sale": i.sale}
                    for i in self.items.values()
                },
                "orders": {o.id: _order_row(o) for o in orders},
                "lines": {
                    f"{o.id}/{item.id}": {
                        "order": o.id,
                        "item": item.id,
                        "pieces": pieces,
                        "price": item.price,
                        "returned": False,
                    }
                    for o in orders
                    for item, pieces in o.lines
                },
                "payments": {o.id: {"method": o.method, "paid": o.paid, "refunded": 0} for o in orders},
                "parcels": {
                    o.id: {"carrier": o.carrier, "due": o.due.isoformat()}
                    for o in orders
                    if o.status in ("sent", "delivered")
                },
                "transfers": {},
            }
        )


def _order_row(order: Order) -> dict[str, Any]:
    row: dict[str, Any] = {
        "customer": order.customer.id,
        "status": order.status,
        "placed": order.placed.isoformat(),
        "street": order.street,
        "city": order.city,
    }
    return row | ({"delivered": order.delivered.isoformat()} if order.delivered else {})
