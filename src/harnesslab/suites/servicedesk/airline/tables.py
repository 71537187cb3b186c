"""Draws the airline's tables from a seed: what tasks ask for, among rows that only fill the tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta
from random import Random
from typing import Any

from harnesslab.suites.servicedesk import people
from harnesslab.suites.servicedesk.people import CITIES, TODAY
from harnesslab.suites.world import Base

CABINS = ("economy", "business")
MEALS = ("standard", "vegan", "kosher", "halal")
STATUSES = ("on time", "delayed", "cancelled")
_ROUTES = 28
_DAYS = range(-6, 13)
_MORNING, _EVENING = range(6, 11), range(15, 20)  # hours of departure, one flight each
_SOON = tuple(TODAY + timedelta(days=n) for n in range(2, 9))


@dataclass(frozen=True, slots=True)
class Flight:
    id: str
    origin: str
    destination: str
    day: date
    departs: time
    arrives: time
    status: str
    delay: int
    prices: tuple[int, int]  # by CABINS
    seats: tuple[int, int]
    free: tuple[str, ...]

    def price(self, cabin: str) -> int:
        return self.prices[CABINS.index(cabin)]


@dataclass(frozen=True, slots=True)
class Member:
    id: str
    name: str
    email: str
    level: str

    @property
    def last_name(self) -> str:
        return self.name.split()[-1]


@dataclass(frozen=True, slots=True)
class Booking:
    code: str
    member: Member
    flight: Flight
    cabin: str
    fare: str
    booked: date
    bags: int
    traveller: str
    seat: str
    meal: str

    @property
    def paid(self) -> int:
        return self.flight.price(self.cabin)


class Airline:
    """Collects rows. What is not asked for is drawn from `random`, which each task sets to a stream of its own."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.members: dict[str, Member] = {}
        self.bookings: dict[str, Booking] = {}
        self._codes: set[str] = set()  # and those that are to stay nobody\'s
        self.flights: dict[str, Flight] = {}
        self._first: dict[tuple[str, str, date], Flight] = {}
        self._emails: set[str] = set()
        pairs = [(a, b) for a in CITIES for b in CITIES if a != b]
        for origin, destination in random.sample(pairs, _ROUTES):
            for day in _DAYS:
                when = TODAY + timedelta(days=day)
                early, _ = (self._flight(origin, destination, when, random.choice(h)) for h in (_MORNING, _EVENING))
                self._first[origin, destination, when] = early

    def _flight(self, origin: str, destination: str, day: date, hour: int) -> Flight:
        random = self.random
        status = random.choices(STATUSES, (70, 24, 6))[0]
        id = people.new_id(random, "L", 4, self.flights)
        price = random.randrange(80, 300)
        minute = random.randrange(0, 60, 5)
        made = Flight(
            id=id,
            origin=origin,
            destination=destination,
            day=day,
            departs=time(hour, minute),
            arrives=time(hour + random.randrange(1, 4), random.randrange(0, 60, 5)),
            status=status,
            delay=random.randrange(25, 300, 5) if status == "delayed" else 0,
            prices=(price, price + random.randrange(150, 400)),
            seats=(random.randrange(5, 60), random.randrange(3, 12)),
            free=tuple(f"{row}{random.choice('ABCDEF')}" for row in sorted(random.sample(range(10, 32), 6))),
        )
        self.flights[id] = made
        return made

    def flight(self, wanted: Callable[[Flight], bool]) -> Flight:
        return self.random.choice([f for f in self.flights.values() if wanted(f)])

    def coming(self, status: str = "on time") -> Flight:
        """A flight of the next days."""
        return self.flight(lambda f: f.day in _SOON and f.status == status)

    def movable(self, cabin: str = "economy") -> Flight:
        """A flight of the next days from which one may move to at least two other days."""
        return self.flight(lambda f: f.day in _SOON and f.status == "on time" and len(self.other_days(f, cabin)) > 1)

    def first_of(self, route: Flight, day: date) -> Flight:
        """The first flight of a day on the same route."""
        return self._first[route.origin, route.destination, day]

    def other_days(self, booked: Flight, cabin: str = "economy") -> list[date]:
        """Days near the booked one whose first flight on the route takes off, at another price."""
        days = (booked.day + timedelta(days=n) for n in (-2, -1, 1, 2, 3, 4))
        firsts = [(day, self.first_of(booked, day)) for day in days if day > TODAY]
        return [day for day, f in firsts if f.status == "on time" and f.price(cabin) != booked.price(cabin)]

    def member(self, *, level: str = "") -> Member:
        id = people.new_id(self.random, "M", 4, self.members)
        name = f"{self.random.choice(people.FIRST)} {self.random.choice(people.LAST)}"
        email = people.email(self.random, name, self._emails)
        self._emails.add(email)
        made = Member(id, name, email, level or self.random.choice(("basic", "silver", "gold")))
        self.members[id] = made
        return made

    def booking(
        self,
        member: Member,
        flight: Flight | None = None,
        *,
        fare: str = "",
        days_ago: int = 0,
        cabin: str = "economy",
        traveller: str = "",
        bags: int = 0,
    ) -> Booking:
        """A new booking of one traveller, made `days_ago` (a week or more, if left out)."""
        code = people.new_code(self.random, self._codes)
        self._codes.add(code)
        row, letter = self.random.randrange(2, 10), self.random.choice("ABCDEF")
        made = Booking(
            code=code,
            member=member,
            flight=flight or self.coming(),
            cabin=cabin,
            fare=fare or self.random.choice(("saver", "flex")),
            booked=TODAY - timedelta(days=days_ago or self.random.randrange(9, 60)),
            bags=bags,
            traveller=traveller or member.name,
            seat=f"{row}{letter}",
            meal="standard",
        )
        self.bookings[code] = made
        return made

    def fill(self, customers: int) -> None:
        flights = tuple(self.flights.values())
        for _ in range(customers):
            member = self.member()
            for _ in range(self.random.randrange(1, 3)):
                self.booking(member, self.random.choice(flights), cabin=self.random.choice(CABINS))

    def misread(self, booking: Booking) -> str:
        wrong = people.misread(self.random, booking.code, self._codes)
        self._codes.add(wrong)
        return wrong

    def base(self) -> Base:
        """All rows so far, as the world's shared base."""
        return Base(
            {
                "members": {
                    m.id: {"name": m.name, "email": m.email, "level": m.level, "vouchers": 0}
                    for m in self.members.values()
                },
                "flights": {f.id: _flight_row(f) for f in self.flights.values()},
                "fares": {
                    f"{f.id}/{cabin}": {"price": f.prices[i], "seats": f.seats[i]}
                    for f in self.flights.values()
                    for i, cabin in enumerate(CABINS)
                },
                "bookings": {
                    b.code: {
                        "member": b.member.id,
                        "last_name": b.traveller.split()[-1],
                        "flight": b.flight.id,
                        "cabin": b.cabin,
                        "fare": b.fare,
                        "booked": b.booked.isoformat(),
                        "bags": b.bags,
                        "status": "confirmed",
                    }
                    for b in self.bookings.values()
                },
                "travellers": {
                    b.code: {"name": b.traveller, "seat": b.seat, "meal": b.meal} for b in self.bookings.values()
                },
                "payments": {b.code: {"paid": b.paid, "charged": 0, "refunded": 0} for b in self.bookings.values()},
                "transfers": {},
            }
        )


def _flight_row(flight: Flight) -> dict[str, Any]:
    return {
        "origin": flight.origin,
        "destination": flight.destination,
        "day": flight.day.isoformat(),
        "departs": f"{flight.departs:%H:%M}",
        "arrives": f"{flight.arrives:%H:%M}",
        "status": flight.status,
        "delay": flight.delay,
        "route": f"{flight.origin} {flight.destination} {flight.day.isoformat()}",
        "free": list(flight.free),
    }
