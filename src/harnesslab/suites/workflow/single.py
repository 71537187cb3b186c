"""Tier "single": one call, and all that it needs stands in the prompt."""

from __future__ import annotations

from harnesslab.suites.values import Number, Percent
from harnesslab.suites.workflow.draft import Draft, Plan, Template, call, read, send
from harnesslab.suites.workflow.office import CITIES, ITEMS, SHEETS, SLOTS, TITLES, Office

_ROOMS = ("blue", "corner", "garden", "glass", "north", "small")


def tell_stock(office: Office) -> Draft:
    item = office.random.choice(ITEMS)
    pieces = office.pieces[item]
    return Draft(
        f"Look up the stock of the item {item}. How many pieces are there?",
        Plan(
            (call("get_stock", item=item),),
            f"There are {pieces} pieces.",
            (Number(pieces),),
            (read("get_stock", item=item),),
        ),
    )


def book_event(office: Office) -> Draft:
    (day,), title = office.dates(1), office.random.choice(TITLES)
    start = office.busy(day)
    return Draft(
        f'Put an event with the title "{title} 2" into the calendar, on {day} at {start}.',
        Plan((call("add_event", date=day, start=start, title=f"{title} 2"),)),
    )


def tell_rain(office: Office) -> Draft:
    (city,), (day,) = office.choose(1, CITIES), office.dates(1)
    rain = office.rain[city, day]
    return Draft(
        f"Look up the forecast for {city} on {day}. What is the chance of rain, in percent?",
        Plan(
            (call("get_forecast", city=city, date=day),),
            f"It is {rain} percent.",
            (Percent(rain),),
            (read("get_forecast", city=city, date=day),),
        ),
    )


def send_note(office: Office) -> Draft:
    room, colleague = office.random.choice(_ROOMS), office.person()
    return Draft(
        f'Send {colleague} a mail with the subject "room" and the text "{room} room".',
        Plan((send(colleague, "room", f"{room} room"),)),
    )


def tell_cost(office: Office) -> Draft:
    sheet = office.random.choice(SHEETS)
    item, amount = office.random.choice(sorted(office.sheets[sheet].items()))
    return Draft(
        f"Read the sheet {sheet}. What amount does it have for {item}?",
        Plan(
            (call("read_sheet", sheet=sheet),),
            f"It has {amount}.",
            (Number(amount),),
            (read("read_sheet", sheet=sheet),),
        ),
    )


def reserve_pieces(office: Office) -> Draft:
    item, pieces = office.random.choice(ITEMS), office.random.randrange(2, 9)
    return Draft(f"Reserve {pieces} pieces of the item {item}.", Plan((call("reserve", item=item, pieces=pieces),)))


def cancel_visit(office: Office) -> Draft:
    (day,), start, title = office.dates(1), office.random.choice(SLOTS), office.random.choice(TITLES)
    office.plan(day, {start: title})
    return Draft(
        f'Cancel the event "{title}" on {day} at {start}.',
        Plan((call("cancel_event", date=day, start=start),)),
    )


def add_cost(office: Office) -> Draft:
    sheet, amount = office.random.choice(SHEETS), office.random.randrange(100, 400)
    cost = office.new_cost(sheet)
    return Draft(
        f'Add a row to the sheet {sheet}: the item "{cost}" with the amount {amount}.',
        Plan((call("add_row", sheet=sheet, item=cost, amount=amount),)),
    )


SINGLE: tuple[Template, ...] = (
    tell_stock,
    book_event,
    tell_rain,
    send_note,
    tell_cost,
    reserve_pieces,
    cancel_visit,
    add_cost,
)
