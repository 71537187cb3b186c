"""Tier "long": eight to twelve calls; several things are looked up, compared, and written down."""

from __future__ import annotations

from datetime import date

from harnesslab.suites.values import Day, Number
from harnesslab.suites.workflow.draft import Draft, Plan, Template, call, else_unavailable, letter, lost_by, send
from harnesslab.suites.workflow.office import CITIES, COSTS, ITEMS, SHEETS, SLOTS, TITLES, Office


def restock(office: Office) -> Draft:
    items, sheet, boss = office.choose(3, ITEMS), office.random.choice(SHEETS), office.person()
    enough, *short = office.random.sample(items, 3)
    least = {item: office.pieces[item] + office.random.randrange(2, 9) for item in short}
    least[enough] = office.pieces[enough] - office.random.randrange(1, 9)
    missing = {item: least[item] - office.pieces[item] for item in items if item in short}
    spent = {item: office.price[item] * pieces for item, pieces in missing.items()}
    path = office.file("lists", "\n".join(f"{item}: at least {least[item]}" for item in items))
    return Draft(
        f"The file {path} says how many pieces of three items there should be at least. Order what is missing of each "
        f"item, and nothing of one that there is enough of. For each order add a row to the sheet {sheet}: the item's "
        f"name, and price times pieces. Mail {boss} what all orders cost together, the number alone, with the subject "
        '"orders".',
        Plan(
            (
                call("read_file", path=path),
                *(call("get_stock", item=item) for item in items),
                *(call("order_item", item=item, pieces=pieces) for item, pieces in missing.items()),
                *(call("add_row", sheet=sheet, item=item, amount=amount) for item, amount in spent.items()),
                send(boss, "orders", sum(spent.values())),
            )
        ),
    )


def best_trip(office: Office) -> Draft:
    (city,), days, boss = office.choose(1, CITIES), office.dates(3), office.person()
    free = {day: office.busy(day) for day in days}
    best = min(days, key=lambda day: office.rain[city, day])
    mail = office.mail("trip", f"The trip goes to {city}, on {days[0]}, {days[1]} or {days[2]}.")
    return Draft(
        f'The mail with the subject "trip" from {mail.sender} names a city and three days. Take the day with the least '
        f'rain. Put the event "Trip" there, at the only one of the starts {", ".join(SLOTS)} that is free on it. Write '
        f"the day, as YYYY-MM-DD, to the file trips/{city.lower()}.txt; mail {boss} the start, as HH:MM, with the "
        'subject "trip". Write nothing else in either. Tell me the day.',
        Plan(
            (
                *letter(mail),
                *(call("get_forecast", city=city, date=day) for day in days),
                call("list_events", date=best),
                call("add_event", date=best, start=free[best], title="Trip"),
                call("write_file", path=f"trips/{city.lower()}.txt", text=best),
                send(boss, "trip", free[best]),
            ),
            f"The trip is on {best}.",
            (Day(date.fromisoformat(best)),),
        ),
    )


def month_end(office: Office) -> Draft:
    *sheets, summary = office.choose(4, SHEETS)
    boss, folder = office.person(), office.folder()
    path = office.file(folder, f"sheets: {', '.join(sheets)}")
    sums = {sheet: sum(office.sheets[sheet].values()) for sheet in sheets}
    return Draft(
        f"The only file in the folder {folder} names three sheets. Add a row for each to the sheet {summary}: "
        f"the sheet's name, and its sum. Mail {boss} what the three come to together, the number alone, with the "
        'subject "month".',
        Plan(
            (
                call("list_files", folder=folder),
                call("read_file", path=path),
                *(call("read_sheet", sheet=sheet) for sheet in sheets),
                *(call("add_row", sheet=summary, item=sheet, amount=amount) for sheet, amount in sums.items()),
                send(boss, "month", sum(sums.values())),
            )
        ),
    )


def three_bills(office: Office) -> Draft:
    sheet, boss, sender = office.random.choice(SHEETS), office.person(), office.person()
    names = office.choose(3, tuple(cost for cost in COSTS if cost not in office.sheets[sheet]))
    amounts = dict(zip(names, office.random.sample(range(100, 400), 3), strict=True))
    mails = [office.mail(f"bill {i}", f"{name}: {amounts[name]} dollars", sender) for i, name in enumerate(names, 1)]
    office.mail("no bill", "The tea was free.", sender)
    total = sum(office.sheets[sheet].values()) + sum(amounts.values())
    return Draft(
        f"{sender} sent three bills by mail. Add a row for each to the sheet {sheet}: what it is for, and the amount. "
        f'Then mail {boss} the new sum of that sheet, the number alone, with the subject "sum".',
        Plan(
            (
                call("search_mail", sender=sender),
                *(call("read_mail", mail_id=mail.id) for mail in mails),
                *(call("add_row", sheet=sheet, item=name, amount=amount) for name, amount in amounts.items()),
                call("read_sheet", sheet=sheet),
                send(boss, "sum", total),
            )
        ),
    )


def two_orders(office: Office) -> Draft:
    items, boss, folder = office.choose(2, ITEMS), office.person(), office.folder()
    sheet = office.random.choice(SHEETS)
    pieces = {item: office.random.randrange(2, 9) for item in items}
    paths = {item: office.file(folder, f"item: {item}\npieces: {pieces[item]}") for item in items}
    cost = {item: office.price[item] * pieces[item] for item in items}
    return Draft(
        f"Each of the two files in the folder {folder} is an order. Reserve what each asks for. For each write a "
        f"file receipts/ITEM.txt, ITEM being the item's name, with what all its pieces cost, the number alone, and add "
        f"a row with the item's name and that amount to the sheet {sheet}. "
        f'Mail {boss} what both orders cost together, the number alone, with the subject "receipts".',
        Plan(
            (
                call("list_files", folder=folder),
                *(call("read_file", path=paths[item]) for item in items),
                *(call("get_stock", item=item) for item in items),
                *(call("reserve", item=item, pieces=pieces[item]) for item in items),
                *(call("write_file", path=f"receipts/{item}.txt", text=str(cost[item])) for item in items),
                *(call("add_row", sheet=sheet, item=item, amount=cost[item]) for item in items),
                send(boss, "receipts", sum(cost.values())),
            )
        ),
    )


def two_moves(office: Office) -> Draft:
    day, one, other = office.dates(3)
    titles, starts = office.choose(2, TITLES), office.choose(2, SLOTS)
    office.plan(day, dict(zip(starts, titles, strict=True)))
    free = {new: office.busy(new) for new in (one, other)}
    guests = [office.person(), office.person()]
    mail = office.mail("away", f"I am away on {day}. Move {titles[0]} to {one} and {titles[1]} to {other}, please.")
    return Draft(
        f'The mail with the subject "away" from {mail.sender} asks to move two events to two other days. Move each to '
        f"the only one of the starts {', '.join(SLOTS)} that is free on its new day. Mail the new start of the earlier "
        f"of the two new days to {guests[0]} and that of the later one to {guests[1]}, as HH:MM and nothing else, with "
        'the subject "moved".',
        Plan(
            (
                *letter(mail),
                call("list_events", date=day),
                *(call("list_events", date=new) for new in (one, other)),
                *(
                    call("move_event", date=day, start=start, to_date=new, to_start=free[new])
                    for start, new in zip(starts, (one, other), strict=True)
                ),
                *(send(guest, "moved", free[new]) for guest, new in zip(guests, (one, other), strict=True)),
            )
        ),
    )


def quote(office: Office) -> Draft:
    items, boss, sheet = office.choose(3, ITEMS), office.person(), office.random.choice(SHEETS)
    pieces = {item: office.random.randrange(2, 9) for item in items}
    cost = {item: office.price[item] * pieces[item] for item in items}
    total = sum(cost.values()) + sum(office.sheets[sheet].values())
    wishes = ", ".join(f"{n} of the item {item}" for item, n in pieces.items())
    mail = office.mail("quote", f"What would these cost: {wishes}?")
    return Draft(
        f'The mail with the subject "quote" from {mail.sender} asks for three items. Add a row for each to the sheet '
        f"{sheet}: the item's name, and price times pieces. Then mail {boss} the new sum of that sheet, the number "
        f'alone, with the subject "sum". Tell me that sum too.',
        Plan(
            (
                *letter(mail),
                *(call("get_stock", item=item) for item in items),
                *(call("add_row", sheet=sheet, item=item, amount=amount) for item, amount in cost.items()),
                call("read_sheet", sheet=sheet),
                send(boss, "sum", total),
            ),
            f"The new sum is {total}.",
            (Number(total),),
        ),
    )


def outdoors(office: Office) -> Draft:
    (city,), (day,), boss, guest = office.choose(1, CITIES), office.dates(1), office.person(), office.person()
    item, pieces, sheet = office.random.choice(ITEMS), office.random.randrange(2, 9), office.random.choice(SHEETS)
    free, high, cost = office.busy(day), office.high[city, day], office.new_cost(sheet)
    amount = office.price[item] * pieces
    path = office.file("plans", f"city: {city}\ndate: {day}\nitem: {item}\npieces: {pieces}")
    first = (call("read_file", path=path),)
    return Draft(
        f"The file {path} plans a party. Mail {boss} the forecast high for its city and date, the number alone, with "
        f'the subject "party". Then put the event "Party" on its date, at the only one of the starts '
        f"{', '.join(SLOTS)} that is free; reserve the item and pieces; add a row to the sheet {sheet}: the item "
        f'"{cost}", with price times pieces; and mail {guest} the start, as HH:MM and nothing else, with the subject '
        f'"party". {else_unavailable("get_forecast", "the forecast")} Then do nothing more.',
        Plan(
            (
                *first,
                call("get_forecast", city=city, date=day),
                send(boss, "party", high),
                call("list_events", date=day),
                call("add_event", date=day, start=free, title="Party"),
                call("get_stock", item=item),
                call("reserve", item=item, pieces=pieces),
                call("add_row", sheet=sheet, item=cost, amount=amount),
                send(guest, "party", free),
            )
        ),
        "get_forecast",
        lost_by("get_forecast", first, (send(boss, "party", "unavailable"),), city=city, date=day),
    )


LONG: tuple[Template, ...] = (
    restock,
    best_trip,
    month_end,
    outdoors,
    three_bills,
    two_orders,
    two_moves,
    quote,
)
