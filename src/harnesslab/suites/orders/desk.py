"""Draws the desk's tables from a seed: what tasks ask for, among rows that only fill the tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from harnesslab.suites.orders.policy import TODAY
from harnesslab.suites.world import Base


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ITEMS = _words("backpack blanket bottle candle chair clock fan kettle lamp mirror mug pillow radio rug shelf teapot")
CITIES = _words("Athens Berlin Dublin Geneva Lisbon London Madrid Milan Oslo Paris Prague Rome Turin Vienna")
METHODS = ("card", "paypal", "voucher", "invoice")
STATUSES = ("pending", "shipped", "delivered", "cancelled", "returned")
_FIRST = _words(
    "Ada Ben Carla David Emma Frank Grace Henry Ida Jack Kate Leo Maria Nina Oscar Paul Rosa Sam Tina Victor"
)
_LAST = _words("Adler Brown Costa Diaz Evans Fisk Green Hall Ivanov Jones King Lopez Moore Novak Park Reed Silva Weber")


@dataclass(frozen=True, slots=True)
class Customer:
    id: str
    name: str
    email: str
    level: str
    city: str


@dataclass(frozen=True, slots=True)
class Order:
    id: str
    customer: Customer
    item: str
    quantity: int
    status: str
    city: str
    delivered: date | None
    paid: int
    method: str


class Desk:
    """Collects rows. What is not asked for is drawn from `random`, which each task sets to a stream of its own."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self._customers: dict[str, Customer] = {}
        self._orders: dict[str, Order] = {}
        self._emails: set[str] = set()
        prices = random.sample(range(11, 60), len(ITEMS))
        stocks = random.sample(range(60, 99), len(ITEMS))
        self.price = dict(zip(ITEMS, prices, strict=True))
        self.stock = dict(zip(ITEMS, stocks, strict=True))

    def customer(self, *, level: str = "", city: str = "") -> Customer:
        id = self._new_id("C", 100, 1000, self._customers)
        email = ""
        while not email or email in self._emails:
            first, last = self.random.choice(_FIRST), self.random.choice(_LAST)
            email = f"{first}.{last}{self.random.randrange(10, 100)}@mail.com".lower()
        self._emails.add(email)
        level = level or self.random.choice(("standard", "gold"))
        made = Customer(id, f"{first} {last}", email, level, city or self.random.choice(CITIES))
        self._customers[id] = made
        return made

    def order(
        self,
        *,
        customer: Customer | None = None,
        status: str = "pending",
        item: str = "",
        quantity: int = 0,
        city: str = "",
        days_ago: int = 0,
        paid: range = range(20, 100),
    ) -> Order:
        """A new order; `days_ago` is when it was delivered, `paid` bounds the amount (with discounts and postage)."""
        customer = customer or self.customer()
        delivered = TODAY - timedelta(days=days_ago or self.random.randrange(3, 25)) if status == "delivered" else None
        made = Order(
            id=self._new_id("O", 1000, 10000, self._orders),
            customer=customer,
            item=item or self.random.choice(ITEMS),
            quantity=quantity or self.random.randrange(1, 4),
            status=status,
            city=city or customer.city,
            delivered=delivered,
            paid=self.random.choice(paid),
            method=self.random.choice(METHODS),
        )
        self._orders[made.id] = made
        return made

    def shelf(self, customer: Customer, statuses: tuple[str, ...]) -> tuple[Order, ...]:
        """Orders of one customer, each for another item, with these statuses."""
        items = self.random.sample(ITEMS, len(statuses))
        return tuple(self.order(customer=customer, status=s, item=i) for s, i in zip(statuses, items, strict=True))

    def other_city(self, *than: str) -> str:
        return self.random.choice([city for city in CITIES if city not in than])

    def fill(self, customers: int) -> None:
        for _ in range(customers):
            customer = self.customer()
            for _ in range(self.random.randrange(1, 4)):
                self.order(customer=customer, status=self.random.choice(STATUSES))

    def base(self) -> Base:
        """All rows so far, as the world's shared base."""
        return Base(
            {
                "customers": {
                    c.id: {"name": c.name, "email": c.email, "level": c.level, "city": c.city}
                    for c in self._customers.values()
                },
                "orders": {o.id: self._order_row(o) for o in self._orders.values()},
                "payments": {
                    f"P{o.id[1:]}": {"order": o.id, "method": o.method, "paid": o.paid, "refunded": 0}
                    for o in self._orders.values()
                },
                "items": {item: {"price": self.price[item], "stock": self.stock[item]} for item in ITEMS},
            }
        )

    @staticmethod
    def _order_row(order: Order) -> dict[str, Any]:
        row: dict[str, Any] = {
            "customer": order.customer.id,
            "item": order.item,
            "quantity": order.quantity,
            "status": order.status,
            "city": order.city,
        }
        return row | ({"delivered": order.delivered.isoformat()} if order.delivered else {})

    def _new_id(self, letter: str, low: int, high: int, taken: dict[str, Any]) -> str:
        while (id := f"{letter}{self.random.randrange(low, high)}") in taken:
            pass
        return id
