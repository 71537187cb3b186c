"""Tier "short": three or four calls in a row, each fed by the one before."""

from __future__ import annotations

from harnesslab.suites.values import Number, Percent
from harnesslab.suites.workflow.draft import Draft, Plan, Template, call, else_unavailable, letter, lost_by, read, send
from harnesslab.suites.workflow.office import CITIES, COSTS, ITEMS, SHEETS, SLOTS, TITLES, Office


def reserve_by_mail(office: Office) -> Draft:
    item, pieces = office.random.choice(ITEMS), office.random.randrange(2, 9)
    mail = office.mail("wish", f"Please keep {pieces} pieces of the item {item} for me.")
    return Draft(
        f'Find the mail with the subject "wish" from {mail.sender}, and reserve what it asks for.',
        Plan((*letter(mail), call("reserve", item=item, pieces=pieces))),
    )


def report_stock(office: Office) -> Draft:
    item, boss = office.random.choice(ITEMS), office.person()
    path = office.file("notes", f"item: {item}")
    first = (call("read_file", path=path),)
    return Draft(
        f'The file {path} names an item. Mail {boss}, with the subject "stock", how many pieces of it are in stock: '
        f"the number alone. {else_unavailable('get_stock', 'it')}",
        Plan((*first, call("get_stock", item=item), send(boss, "stock", office.pieces[item]))),
        "get_stock",
        lost_by("get_stock", first, (send(boss, "stock", "unavailable"),), item=item),
    )


def rain_for_event(office: Office) -> Draft:
    (city,), (day,), boss = office.choose(1, CITIES), office.dates(1), office.person()
    office.plan(day, {office.random.choice(SLOTS): f"Visit to {city}"})
    rain = office.rain[city, day]
    return Draft(
        f"The calendar has a visit to a city on {day}. Look up the forecast for that city and day. Mail {boss}, with "
        f'the subject "rain", the percent of rain: the number alone. Tell me the number too.',
        Plan(
            (
                call("list_events", date=day),
                call("get_forecast", city=city, date=day),
                send(boss, "rain", rain),
            ),
            f"The chance of rain is {rain}.",
            (Percent(rain),),
            (read("get_forecast", city=city, date=day),),
        ),
    )


def bill_by_mail(office: Office) -> Draft:
    sheet, amount = office.random.choice(SHEETS), office.random.randrange(100, 400)
    cost = office.new_cost(sheet)
    mail = office.mail("bill", f"The {cost} came to {amount} dollars.")
    return Draft(
        f'Find the mail with the subject "bill" from {mail.sender}. Add a row to the sheet {sheet}: the item "{cost}", '
        "with the amount that the mail says.",
        Plan((*letter(mail), call("add_row", sheet=sheet, item=cost, amount=amount))),
    )


def sum_into_file(office: Office) -> Draft:
    sheet, folder = office.random.choice(SHEETS), office.folder()
    path, total = office.file(folder, f"sheet: {sheet}"), sum(office.sheets[sheet].values())
    out = f"sums/{office.random.choice(COSTS)}.txt"
    return Draft(
        f"The only file in the folder {folder} names a sheet. Write the sum of that sheet, the number alone, to the "
        f"file {out}.",
        Plan(
            (
                call("list_files", folder=folder),
                call("read_file", path=path),
                call("read_sheet", sheet=sheet),
                call("write_file", path=out, text=str(total)),
            )
        ),
    )


def move_by_mail(office: Office) -> Draft:
    old, new = office.dates(2)
    start, title = office.random.choice(SLOTS), office.random.choice(TITLES)
    office.plan(old, {start: title})
    free = office.busy(new)
    mail = office.mail("new time", f"On {new} I could come at {free}.")
    return Draft(
        f'The event at {start} on {old} has to be moved. The mail with the subject "new time" from {mail.sender} says '
        "to when. Move it.",
        Plan((*letter(mail), call("move_event", date=old, start=start, to_date=new, to_start=free))),
    )


def price_of_list(office: Office) -> Draft:
    item, pieces, sheet = office.random.choice(ITEMS), office.random.randrange(2, 9), office.random.choice(SHEETS)
    path, cost = office.file("lists", f"item: {item}\npieces: {pieces}"), office.new_cost(sheet)
    total = office.price[item] * pieces
    return Draft(
        f"The file {path} names an item and how many pieces of it are wanted. Look up its price. Add a row to the "
        f'sheet {sheet}: the item "{cost}", with what all the pieces cost together. Tell me that amount too.',
        Plan(
            (
                call("read_file", path=path),
                call("get_stock", item=item),
                call("add_row", sheet=sheet, item=cost, amount=total),
            ),
            f"Together they cost {total}.",
            (Number(total),),
        ),
    )


def free_slot(office: Office) -> Draft:
    (day,), title, boss = office.dates(1), office.random.choice(TITLES), office.person()
    free = office.busy(day)
    return Draft(
        f"Events start at {', '.join(SLOTS)}. On {day} one of these is still free. Put an event with the title "
        f'"{title} 2" there, and mail {boss} its start, as HH:MM and nothing else, with the subject "start".',
        Plan(
            (
                call("list_events", date=day),
                call("add_event", date=day, start=free, title=f"{title} 2"),
                send(boss, "start", free),
            )
        ),
    )


SHORT: tuple[Template, ...] = (
    reserve_by_mail,
    report_stock,
    rain_for_event,
    bill_by_mail,
    sum_into_file,
    move_by_mail,
    price_of_list,
    free_slot,
)
