"""Draws one task's office from a seed: stock, weather, sheets, mails, events and files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from harnesslab.suites.workflow.tools import row_id
from harnesslab.suites.world import Base

TODAY = date(2026, 3, 9)
AHEAD = 6  # days with a forecast
SLOTS = ("09:00", "11:00", "14:00", "16:00")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ITEMS = _words("backpack blanket bottle candle chair clock fan kettle lamp mirror mug pillow radio rug shelf teapot")
CITIES = _words("Athens Berlin Dublin Geneva Lisbon Madrid Oslo Prague")
SHEETS = _words("travel office events repairs training marketing")
COSTS = _words("hotel train paper desks coffee printer flyers stage lunch books cables paint taxi badges plants tape")
TITLES = _words("Review Planning Interview Budget Training Standup Demo Workshop Inventory Breakfast")
_FIRST = _words("ada ben carla david emma frank grace henry ida jack kate leo maria nina oscar paul rosa sam tina vic")


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that lies in the inbox."""

    id: str
    sender: str


class Office:
    """Collects rows. Stock, weather and sheets are there from the start; the rest is what a template puts in."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.days = tuple((TODAY + timedelta(days=n)).isoformat() for n in range(1, AHEAD + 1))
        self.pieces = dict(zip(ITEMS, random.sample(range(20, 60), len(ITEMS)), strict=True))
        self.price = dict(zip(ITEMS, random.sample(range(11, 60), len(ITEMS)), strict=True))
        self.rain: dict[tuple[str, str], int] = {}
        self.high: dict[tuple[str, str], int] = {}
        for city in CITIES:
            for day, percent in zip(self.days, random.sample(range(5, 100, 5), AHEAD), strict=True):
                self.rain[city, day] = percent
        for day in self.days:
            for city, degrees in zip(CITIES, random.sample(range(4, 31), len(CITIES)), strict=True):
                self.high[city, day] = degrees
        self.sheets = {
            sheet: dict(zip(random.sample(COSTS, 4), random.sample(range(12, 99), 4), strict=True)) for sheet in SHEETS
        }
        self._people = random.sample(_FIRST, len(_FIRST))
        self._mails: dict[str, dict[str, Any]] = {}
        self._events: dict[str, dict[str, Any]] = {}
        self._files: dict[str, dict[str, Any]] = {}
        self._planned: set[str] = set()

    def person(self) -> str:
        """The email of someone not named yet."""
        return f"{self._people.pop()}{self.random.randrange(10, 100)}@office.com"

    def choose(self, n: int, of: tuple[str, ...]) -> list[str]:
        return self.random.sample(of, n)

    def dates(self, n: int) -> list[str]:
        """`n` different days with a forecast, in order."""
        return sorted(self.random.sample(self.days, n))

    def folder(self) -> str:
        """A folder that nothing else lies in."""
        return f"{self.random.choice(COSTS)}{self.random.randrange(100, 1000)}"

    def new_cost(self, sheet: str) -> str:
        """A name that the sheet has no row for."""
        return self.random.choice([cost for cost in COSTS if cost not in self.sheets[sheet]])

    def mail(self, subject: str, text: str, sender: str = "") -> Mail:
        """A mail in the inbox; a new sender also has another one there."""
        if not sender:
            sender = self.person()
            self.mail("thank you", "Thank you for your help last week.", sender)
        while (id := f"M{self.random.randrange(100, 1000)}") in self._mails:
            pass
        self._mails[id] = {"from": sender, "subject": subject, "text": text}
        return Mail(id, sender)

    def file(self, folder: str, text: str) -> str:
        """The path of a new file."""
        while (path := f"{folder}/{self.random.choice(COSTS)}{self.random.randrange(10, 100)}.txt") in self._files:
            pass
        self._files[path] = {"text": text}
        return path

    def plan(self, day: str, titles: dict[str, str]) -> None:
        """The events of a day, by start; nothing else will be on it."""
        self._planned.add(day)
        for start, title in titles.items():
            self._events[row_id(day, start)] = {"date": day, "start": start, "title": title}

    def busy(self, day: str) -> str:
        """Plans a day on which one slot is free, and returns that slot's start."""
        free = self.random.choice(SLOTS)
        others = [slot for slot in SLOTS if slot != free]
        self.plan(day, dict(zip(others, self.choose(len(others), TITLES), strict=True)))
        return free

    def base(self) -> Base:
        """All rows, and some that nobody asks for."""
        for day in self.days:
            if day not in self._planned:
                self.plan(day, {self.random.choice(SLOTS): self.random.choice(TITLES)})
        for _ in range(2):
            self.mail("lunch", "Shall we have lunch on Friday?")
            self.file("old", f"item: {self.random.choice(ITEMS)}\npieces: {self.random.randrange(2, 9)}")
        return Base(
            {
                "stock": {
                    item: {"item": item, "pieces": self.pieces[item], "price": self.price[item]} | _NOTHING_DONE
                    for item in ITEMS
                },
                "weather": {
                    row_id(city, day): {"city": city, "date": day, "high": self.high[city, day], "rain": rain}
                    for (city, day), rain in self.rain.items()
                },
                "rows": {
                    row_id(sheet, item): {"sheet": sheet, "item": item, "amount": amount}
                    for sheet, rows in self.sheets.items()
                    for item, amount in rows.items()
                },
                "mails": self._mails,
                "sent": {},
                "events": self._events,
                "files": self._files,
            }
        )


_NOTHING_DONE = {"reserved": 0, "ordered": 0}
