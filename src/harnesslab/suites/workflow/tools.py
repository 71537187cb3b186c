"""The office's tools, in six groups. A task is offered the groups it needs and one that it does not.

What reads answers in JSON: figures carry `as_of`, lists carry `count`. Names count without case, and what is written
without blanks at its ends, a last full stop or thousands separators.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field

from harnesslab.suites.files import clean_path
from harnesslab.suites.tools import ToolError, ToolFunction, Toolkit
from harnesslab.suites.world import Row, World

AS_OF = "2026-03-09"
Day = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$", description="YYYY-MM-DD")]
Start = Annotated[str, Field(pattern=r"^\d\d:\d\d$", description="HH:MM")]


def row_id(*parts: str) -> str:
    """A row's id: its names without case."""
    return "/".join(part.strip().casefold() for part in parts)


def plain(text: str) -> str:
    """A text as it is compared: "1,240." is "1240"."""
    text = " ".join(text.split()).rstrip(".").casefold()
    return re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)


def _row(world: World, table: str, what: str, *parts: str) -> tuple[str, Row]:
    id = row_id(*parts)
    row = world.get(table, id)
    if row is None:
        raise ToolError(f"no {what} {' '.join(parts)[:60]}")
    return id, row


# --- files


def list_files(world: World, folder: str) -> Any:
    """List the files in a folder."""
    inside = row_id(clean_path(folder.strip().rstrip("/"))) + "/"
    files = [path for path in world.ids("files") if path.startswith(inside)]
    return {"files": files, "count": len(files)}


def read_file(world: World, path: str) -> Any:
    """Read a file."""
    id, row = _row(world, "files", "file", path)
    return {"path": id, "text": row["text"]}


def write_file(world: World, path: str, text: str) -> Any:
    """Write a file."""
    name = row_id(clean_path(path))
    world.put("files", name, {"text": plain(text)})
    return {"path": name, "status": "written"}


# --- calendar


def list_events(world: World, date: Day) -> Any:
    """List the events of a day."""
    events = [{"start": row["start"], "title": row["title"]} for _, row in world.where("events", "date", date)]
    return {"date": date, "events": events, "count": len(events)}


def add_event(world: World, date: Day, start: Start, title: str) -> Any:
    """Put an event into the calendar."""
    _free(world, date, start)
    world.put("events", row_id(date, start), {"date": date, "start": start, "title": plain(title)})
    return {"date": date, "start": start, "status": "added"}


def move_event(world: World, date: Day, start: Start, to_date: Day, to_start: Start) -> Any:
    """Move an event to another day or time."""
    id, row = _row(world, "events", "event on", date, start)
    _free(world, to_date, to_start)
    world.delete("events", id)
    world.put("events", row_id(to_date, to_start), {**row, "date": to_date, "start": to_start})
    return {"date": to_date, "start": to_start, "status": "moved"}


def cancel_event(world: World, date: Day, start: Start) -> Any:
    """Cancel an event."""
    id, _ = _row(world, "events", "event on", date, start)
    world.delete("events", id)
    return {"date": date, "start": start, "status": "cancelled"}


def _free(world: World, date: str, start: str) -> None:
    if world.get("events", row_id(date, start)) is not None:
        raise ToolError(f"{date} {start} is taken")


# --- mail


def search_mail(world: World, sender: Annotated[str, Field(description="email")]) -> Any:
    """List the mails from a sender."""
    found = world.where("mails", "from", sender.strip().casefold())
    return {"mails": [{"mail_id": id, "subject": row["subject"]} for id, row in found], "count": len(found)}


def read_mail(world: World, mail_id: str) -> Any:
    """Read a mail."""
    id = mail_id.strip().upper()
    row = world.get("mails", id)
    if row is None:
        raise ToolError(f"no mail {mail_id[:60]}")
    return {"mail_id": id, **row}


def send_mail(world: World, to: Annotated[str, Field(description="email")], subject: str, text: str) -> Any:
    """Send a mail."""
    to = to.strip().casefold()
    if not re.fullmatch(r"[^\s@/]+@[^\s@/]+", to):
        raise ToolError("bad email")
    mail = {"to": to, "subject": plain(subject), "text": plain(text)}
    copies = 1 + sum(1 for _, row in world.where("sent", "to", to) if {k: row[k] for k in mail} == mail)
    world.put("sent", f"{row_id(*mail.values())}/{copies}", {**mail, "copy": copies})
    return {"to": to, "subject": mail["subject"], "status": "sent"}


# --- stock


def get_stock(world: World, item: str) -> Any:
    """Look up an item in the stock system: pieces and price."""
    _, row = _row(world, "stock", "item", item)
    return {"item": row["item"], "pieces": row["pieces"], "price": row["price"], "as_of": AS_OF}


def count_shelf(world: World, item: str) -> Any:
    """Have an item counted on the shelf: pieces and price. The other source for get_stock."""
    return get_stock(world, item)


def reserve(world: World, item: str, pieces: int) -> Any:
    """Reserve pieces of an item that are in stock."""
    id, row = _row(world, "stock", "item", item)
    if not 1 <= pieces <= row["pieces"]:
        raise ToolError("not that many in stock")
    world.update("stock", id, pieces=row["pieces"] - pieces, reserved=row["reserved"] + pieces)
    return {"item": row["item"], "pieces": pieces, "status": "reserved"}


def order_item(world: World, item: str, pieces: int) -> Any:
    """Order more pieces of an item."""
    id, row = _row(world, "stock", "item", item)
    if not 1 <= pieces <= 999:
        raise ToolError("bad number of pieces")
    world.update("stock", id, ordered=row["ordered"] + pieces)
    return {"item": row["item"], "pieces": pieces, "status": "ordered"}


# --- weather


def get_forecast(world: World, city: str, date: Day) -> Any:
    """Look up a city's forecast: high in degrees, rain in percent."""
    _, row = _row(world, "weather", "forecast for", city, date)
    return {**row, "as_of": AS_OF}


def ask_station(world: World, city: str, date: Day) -> Any:
    """Ask a city's weather station: high, rain. The other source for get_forecast."""
    return get_forecast(world, city, date)


# --- sheets


def read_sheet(world: World, sheet: str) -> Any:
    """Read a cost sheet: its rows, their sum."""
    rows = [row for _, row in world.where("rows", "sheet", row_id(sheet))]
    if not rows:
        raise ToolError(f"no sheet {sheet[:60]}")
    shown = [{"item": row["item"], "amount": row["amount"]} for row in rows]
    return {"rows": shown, "count": len(rows), "sum": sum(row["amount"] for row in rows), "as_of": AS_OF}


def read_mirror(world: World, sheet: str) -> Any:
    """Read a sheet's mirror: rows, sum. The other source for read_sheet."""
    return read_sheet(world, sheet)


def add_row(world: World, sheet: str, item: str, amount: int) -> Any:
    """Add a row to a sheet."""
    name, item = row_id(sheet), row_id(item)
    if not world.where("rows", "sheet", name):
        raise ToolError(f"no sheet {sheet[:60]}")
    if world.get("rows", row_id(name, item)) is not None:
        raise ToolError(f"{name} has a row {item[:60]}")
    world.put("rows", row_id(name, item), {"sheet": name, "item": item, "amount": amount})
    return {"sheet": name, "item": item, "status": "added"}


def set_amount(world: World, sheet: str, item: str, amount: int) -> Any:
    """Change the amount of a sheet's row."""
    id, row = _row(world, "rows", "row", sheet, item)
    world.update("rows", id, amount=amount)
    return {"sheet": row["sheet"], "item": row["item"], "amount": amount, "status": "changed"}


GROUPS: dict[str, tuple[tuple[ToolFunction, ...], tuple[ToolFunction, ...]]] = {  # reads, writes
    "files": ((list_files, read_file), (write_file,)),
    "calendar": ((list_events,), (add_event, move_event, cancel_event)),
    "mail": ((search_mail, read_mail), (send_mail,)),
    "stock": ((get_stock, count_shelf), (reserve, order_item)),
    "weather": ((get_forecast, ask_station), ()),
    "sheets": ((read_sheet, read_mirror), (add_row, set_amount)),
}
GROUP_OF = {tool.__name__: group for group, kinds in GROUPS.items() for kind in kinds for tool in kind}
OTHER_SOURCE = {"get_stock": "count_shelf", "get_forecast": "ask_station", "read_sheet": "read_mirror"}
"""Tools that answer the same: where one is out of service, the other is not."""


def kit(groups: Iterable[str]) -> Toolkit:
    """The tools of these groups; one kit per set of groups."""
    return _kit(frozenset(groups))


@lru_cache(maxsize=64)
def _kit(groups: frozenset[str]) -> Toolkit:
    chosen = [GROUPS[name] for name in GROUPS if name in groups]
    return Toolkit([tool for reads, _ in chosen for tool in reads], [tool for _, writes in chosen for tool in writes])
