"""Tools for the prompts that ask for calls. The world keeps nothing but which calls were made."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from harnesslab.suites.tools import Toolkit
from harnesslab.suites.world import Base, World
from harnesslab.types import canonical

ROWS = Base({"calls": {}})


def _made(world: World, **call: Any) -> str:
    world.put("calls", canonical(call), call)
    return "done"


def set_timer(world: World, minutes: int, label: str) -> str:
    """Set a timer."""
    return _made(world, tool="set_timer", minutes=minutes, label=label)


def book_table(
    world: World,
    restaurant: str,
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$", description="YYYY-MM-DD")],
    time: Annotated[str, Field(pattern=r"^\d\d:\d\d$", description="HH:MM, 24 hours")],
    guests: int,
    outside: bool,
) -> str:
    """Book a table."""
    return _made(world, tool="book_table", restaurant=restaurant, date=date, time=time, guests=guests, outside=outside)


def send_message(world: World, to: Annotated[str, Field(description="first name")], text: str) -> str:
    """Send a message to a person."""
    return _made(world, tool="send_message", to=to, text=text)


def add_item(world: World, list: str, item: str, quantity: int = 1) -> str:
    """Put an item on a list."""
    return _made(world, tool="add_item", list=list, item=item, quantity=quantity)


KIT = Toolkit(writes=(set_timer, book_table, send_message, add_item))
