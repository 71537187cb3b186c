"""What a template draws, and the words it draws from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from harnesslab.suites.format.forms import Form
from harnesslab.suites.values import MONTHS
from harnesslab.types import ToolCall


@dataclass(frozen=True, slots=True)
class Draft:
    """One prompt; either a value in a form, or calls."""

    prompt: str
    form: Form | None = None
    value: Any = None
    calls: tuple[ToolCall, ...] = ()


Template = Callable[[Random], Draft]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST = _words("Ada Ben Carla David Emma Frank Grace Henry Ida Jack Kate Leo Maria Nina Oscar Paul Rosa Sam Tina Vera")
LAST = _words("Adler Brown Costa Diaz Evans Fisk Green Hall Ivanov Jones King Lopez Moore Novak Park Reed Silva Weber")
ITEMS = _words("backpack blanket bottle candle chair clock fan kettle lamp mirror mug pillow radio rug shelf teapot")
CITIES = _words("Athens Berlin Dublin Geneva Lisbon London Madrid Milan Oslo Paris Prague Rome Turin Vienna")
ROLES = _words("baker buyer carrier driver nurse painter pilot tailor teacher welder")
HOSTS = _words("alpha birch cedar delta ember fjord grove heron iris jade")
TOPICS: Mapping[str, tuple[str, ...]] = {
    "billing": (
        "I was charged twice for the {item}.",
        "The invoice for my {item} has the wrong amount.",
        "Why does my bill show {n} dollars for one {item}?",
    ),
    "delivery": (
        "My {item} should have arrived {n} days ago and is not here.",
        "Where is the parcel with my {item}?",
        "The courier left the {item} with a neighbour I do not know.",
    ),
    "returns": (
        "I want to send the {item} back.",
        "How do I return a {item} that I do not like?",
        "Please take the {item} back, it does not suit me.",
    ),
    "account": (
        "I cannot log in since I changed my password.",
        "Please change the email of my user profile.",
        "How do I delete my user account after {n} years?",
    ),
}


def person(random: Random) -> str:
    return f"{random.choice(FIRST)} {random.choice(LAST)}"


def people(random: Random, n: int) -> list[str]:
    """n persons with different first names."""
    return [f"{first} {random.choice(LAST)}" for first in random.sample(FIRST, n)]


def email(random: Random) -> str:
    return f"{random.choice(FIRST)}.{random.choice(LAST)}{random.randrange(10, 100)}@mail.com".lower()


def day(random: Random) -> date:
    return date(2026, 1, 1) + timedelta(days=random.randrange(365))


def in_words(when: date) -> str:
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}"


def message(random: Random, topic: str) -> str:
    return random.choice(TOPICS[topic]).format(item=random.choice(ITEMS), n=random.randrange(3, 60))


def numbered(lines: Sequence[str]) -> str:
    return "\n".join(f"{i}. {line}" for i, line in enumerate(lines, 1))


def schema_text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, separators=(",", ":"))
