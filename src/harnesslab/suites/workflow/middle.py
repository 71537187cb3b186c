"""Tier "middle": five or six calls; what is found decides what is done."""

from __future__ import annotations

from harnesslab.suites.values import Number, Word
from harnesslab.suites.workflow.draft import Draft, Plan, Template, call, else_unavailable, letter, lost_by, read, send
from harnesslab.suites.workflow.office import CITIES, ITEMS, SHEETS, TITLES, Office
from harnesslab.types import ToolCall


def order_if_short(office: Office) -> Draft:
    item, boss = office.random.choice(ITEMS), office.person()
    stock = office.pieces[item]
    wanted = stock + office.random.choice((-7, -4, 3, 5, 9))
    missing = max(0, wanted - stock)
    mail = office.mail("supplies", f"We need {wanted} pieces of the item {item}.")
    order: tuple[ToolCall, ...] = (call("order_item", item=item, pieces=missing),) if missing else ()
    return Draft(
        f'The mail with the subject "supplies" from {mail.sender} says how many pieces of an item are needed. Reserve '
        f"them; if fewer are in stock, reserve all that there are and order the missing ones. Mail {boss} how many "
        'you ordered, the number alone (0 if none), with the subject "ordered".',
        Plan(
            (
                *letter(mail),
                call("get_stock", item=item),
                call("reserve", item=item, pieces=min(stock, wanted)),
                *order,
                send(boss, "ordered", missing),
            )
        ),
    )


def drier_day(office: Office) -> Draft:
    (city,), days, boss = office.choose(1, CITIES), office.dates(2), office.person()
    for day in days:
        office.plan(day, {})
    best = min(days, key=lambda day: office.rain[city, day])
    mail = office.mail("picnic", f"Let us meet in {city}, on {days[0]} or on {days[1]}.")
    return Draft(
        f'The mail with the subject "picnic" from {mail.sender} names a city and two days. Put the event "Picnic" at '
        f"11:00 on the day with less rain in that city. Mail {boss} that day, as YYYY-MM-DD and nothing else, with the "
        'subject "picnic".',
        Plan(
            (
                *letter(mail),
                *(call("get_forecast", city=city, date=day) for day in days),
                call("add_event", date=best, start="11:00", title="Picnic"),
                send(boss, "picnic", best),
            )
        ),
    )


def two_sheets(office: Office) -> Draft:
    (one, other), folder = office.choose(2, SHEETS), office.folder()
    total = sum(office.sheets[one].values()) + sum(office.sheets[other].values())
    path = office.file(folder, f"sheets: {one}, {other}")
    return Draft(
        f"The only file in the folder {folder} names two sheets. Write what both come to together, the number alone, "
        f"to the file {folder}/total.txt, and tell me that number.",
        Plan(
            (
                call("list_files", folder=folder),
                call("read_file", path=path),
                *(call("read_sheet", sheet=sheet) for sheet in (one, other)),
                call("write_file", path=f"{folder}/total.txt", text=str(total)),
            ),
            f"Together they come to {total}.",
            (Number(total),),
        ),
    )


def cheaper_item(office: Office) -> Draft:
    items, pieces, sheet = office.choose(2, ITEMS), office.random.randrange(2, 9), office.random.choice(SHEETS)
    best, boss = min(items, key=lambda item: office.price[item]), office.person()
    path, cost = office.file("lists", f"either: {items[0]}\nor: {items[1]}\npieces: {pieces}"), office.new_cost(sheet)
    total = office.price[best] * pieces
    return Draft(
        f"The file {path} names two items and a number of pieces. Order that many of the item with the lower price. "
        f'Add a row to the sheet {sheet}: the item "{cost}", with what they cost together. Mail {boss} the name of '
        'the item, nothing else, with the subject "ordered".',
        Plan(
            (
                call("read_file", path=path),
                *(call("get_stock", item=item) for item in items),
                call("order_item", item=best, pieces=pieces),
                call("add_row", sheet=sheet, item=cost, amount=total),
                send(boss, "ordered", best),
            )
        ),
    )


def clear_day(office: Office) -> Draft:
    day, new = office.dates(2)
    kept, *gone = office.choose(3, TITLES)
    starts = office.choose(3, ("09:00", "11:00", "14:00", "16:00"))
    office.plan(day, dict(zip(starts, (kept, *(f"Call {title}" for title in gone)), strict=True)))
    free, made = office.busy(new), f"{office.random.choice(TITLES)} {office.random.randrange(10, 100)}"
    return Draft(
        f'Cancel all events on {day} whose title begins with "Call", and no others. Then put the event "{made}" on '
        f"{new}, at the only one of the starts 09:00, 11:00, 14:00 and 16:00 that is free there.",
        Plan(
            (
                call("list_events", date=day),
                *(call("cancel_event", date=day, start=start) for start in starts[1:]),
                call("list_events", date=new),
                call("add_event", date=new, start=free, title=made),
            )
        ),
    )


def correct_row(office: Office) -> Draft:
    sheet, boss = office.random.choice(SHEETS), office.person()
    cost = office.random.choice(list(office.sheets[sheet]))
    right = office.random.randrange(100, 300)
    total = sum(office.sheets[sheet].values()) - office.sheets[sheet][cost] + right
    mail = office.mail("wrong amount", f"In the sheet {sheet} the {cost} should be {right}.")
    return Draft(
        f'The mail with the subject "wrong amount" from {mail.sender} corrects a row of a sheet. Change that row. Then '
        f'mail {boss} the new sum of the sheet, the number alone, with the subject "sum".',
        Plan(
            (
                *letter(mail),
                call("set_amount", sheet=sheet, item=cost, amount=right),
                call("read_sheet", sheet=sheet),
                send(boss, "sum", total),
            )
        ),
    )


def warmest_city(office: Office) -> Draft:
    cities, (day,), boss = office.choose(3, CITIES), office.dates(1), office.person()
    best = max(cities, key=lambda city: office.high[city, day])
    path = office.file("plans", f"cities: {', '.join(cities)}")
    return Draft(
        f"The file {path} names three cities. Mail {boss} the one with the highest forecast for {day}, its name and "
        'nothing else, with the subject "warmest". Tell me which one it is.',
        Plan(
            (
                call("read_file", path=path),
                *(call("get_forecast", city=city, date=day) for city in cities),
                send(boss, "warmest", best),
            ),
            f"It is {best}.",
            (Word(best, tuple(cities)),),
            tuple(read("get_forecast", city=city, date=day) for city in cities),
        ),
    )


def umbrellas(office: Office) -> Draft:
    (city,), (day,), boss = office.choose(1, CITIES), office.dates(1), office.person()
    rain, item, pieces = office.rain[city, day], office.random.choice(ITEMS), office.random.randrange(2, 9)
    mail = office.mail("tour", f"The tour is in {city} on {day}.")
    wet: tuple[ToolCall, ...] = (call("reserve", item=item, pieces=pieces),) if rain > 40 else ()
    return Draft(
        f'The mail with the subject "tour" from {mail.sender} names a city and a day. Mail {boss} the percent of rain '
        f'there, the number alone, with the subject "tour". If it is more than 40, also reserve {pieces} pieces of '
        f"the item {item}. {else_unavailable('get_forecast', 'the forecast')} Then reserve nothing.",
        Plan(
            (*letter(mail), call("get_forecast", city=city, date=day), send(boss, "tour", rain), *wet),
        ),
        "get_forecast",
        lost_by("get_forecast", letter(mail), (send(boss, "tour", "unavailable"),), city=city, date=day),
        also=("stock",),
    )


MIDDLE: tuple[Template, ...] = (
    order_if_short,
    drier_day,
    two_sheets,
    umbrellas,
    cheaper_item,
    clear_day,
    correct_row,
    warmest_city,
)
