"""Tier "middle": several fields and types by a schema, a conversion on the way, or a form with rules of its own."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from harnesslab.suites.format.draft import (
    CITIES,
    HOSTS,
    ITEMS,
    LAST,
    ROLES,
    TOPICS,
    Draft,
    Template,
    day,
    email,
    in_words,
    message,
    numbered,
    people,
    person,
    schema_text,
)
from harnesslab.suites.format.easy import PRICE_RULE
from harnesslab.suites.format.forms import Csv, Day, Json, Lines, Yaml, record, several
from harnesslab.types import ToolCall

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def json_schema(random: Random) -> Draft:
    who, age, city = person(random), random.randrange(20, 80), random.choice(CITIES)
    likes, gold = random.sample(ITEMS, 2), random.random() < 0.5
    schema = record(customer=str, age=int, level=("standard", "gold"), city=str, likes=several(str))
    return Draft(
        f"Write this customer as JSON by the schema {schema_text(schema)}\n"
        f"{who}, aged {age}, comes from {city} and is a {'gold' if gold else 'standard'} customer. "
        f"Likes first the {likes[0]}, then the {likes[1]}.",
        Json(schema),
        {"customer": who, "age": age, "level": "gold" if gold else "standard", "city": city, "likes": likes},
    )


def json_numbers(random: Random) -> Draft:
    total, share, pieces = random.randrange(1001, 9000), random.randrange(11, 60), random.randrange(2, 12)
    schema = record(total=float, share=float, pieces=int, paid=bool)
    return Draft(
        f"Write this invoice as JSON by the schema {schema_text(schema)}\n"
        f"The total is {total:,}.50 dollars for {pieces} pieces. {share} % of it is tax; write the share as a fraction "
        "of 1. It is not paid yet.",
        Json(schema),
        {"total": total + 0.5, "share": share / 100, "pieces": pieces, "paid": False},
    )


def csv_quoted(random: Random) -> Draft:
    rows = [
        [f"{last}, {first}", city]
        for (first, last), city in zip(
            (name.split() for name in people(random, 3)), random.sample(CITIES, 3), strict=True
        )
    ]
    said = "; ".join(f"{name} from {city}" for name, city in rows)
    return Draft(
        "Write these people as CSV with the header person,city. The cell person holds last name, comma, blank, first "
        f"name, just as here: {said}.",
        Csv(("person", "city")),
        rows,
    )


def csv_sorted(random: Random) -> Draft:
    amounts = random.sample(range(11, 99), 5)
    rows = [[item, str(amount)] for item, amount in zip(random.sample(ITEMS, 5), amounts, strict=True)]
    said = ", ".join(f"{item} {amount}" for item, amount in rows)
    return Draft(
        f"Write these sales as CSV with the header item,amount, the largest amount first: {said}.",
        Csv(("item", "amount")),
        sorted(rows, key=lambda row: -int(row[1])),
    )


def yaml_nested(random: Random) -> Draft:
    hosts = random.sample(HOSTS, 3)
    services = [{"host": host, "ports": random.sample(range(2000, 9000), 2)} for host in hosts[:2]]
    said = ", ".join(f"{s['host']} with the ports {s['ports'][0]} and {s['ports'][1]}" for s in services)
    return Draft(
        "Write this as YAML: the key main holds a host, the key services a list of mappings with the keys host and "
        f"ports (a list of numbers).\nThe main host is {hosts[2]}; the services are {said}, in this order.",
        Yaml(record(main=str, services=several(record(host=str, ports=several(int))))),
        {"main": hosts[2], "services": services},
    )


def date_lines(random: Random) -> Draft:
    days = [date(2026, random.randrange(1, 13), random.randrange(1, 13)) for _ in range(3)]
    said = ", ".join(f"{d.day:02}/{d.month:02}/{d.year}" for d in days)
    return Draft(
        f"These dates are written day first: {said}. Write them in the form YYYY-MM-DD, one per line, in this order.",
        Lines(r"\d{4}-\d\d-\d\d"),
        [d.isoformat() for d in days],
    )


def date_weekday(random: Random) -> Draft:
    today, ahead = day(random), random.randrange(2, 7)
    then = today + timedelta(days=ahead)
    return Draft(
        f"Today is {WEEKDAYS[today.weekday()]}, {in_words(today)}. On which date is the next "
        f"{WEEKDAYS[then.weekday()]} after today? Answer in the form YYYY-MM-DD.",
        Day(),
        then.isoformat(),
    )


def extract_people(random: Random) -> Draft:
    who = [name.split()[0] for name in people(random, 3)]
    roles, ages = random.sample(ROLES, 3), random.sample(range(21, 70), 3)
    schema = several(record(who=str, role=str, age=int))
    (a, b, c), (ra, rb, rc), (xa, xb, xc) = who, roles, ages
    return Draft(
        f"Take all people out of the text, in the order in which they appear, as JSON by the schema "
        f"{schema_text(schema)}\n"
        f'Text: "{a} is a {ra} of {xa} years. At {xb}, {b} still works as a {rb}. The third of them is the {rc} {c}, '
        f'who turned {xc} in May."',
        Json(schema),
        [{"who": w, "role": r, "age": x} for w, r, x in zip(who, roles, ages, strict=True)],
    )


def label_lines(random: Random) -> Draft:
    topics = [random.choice(tuple(TOPICS)) for _ in range(5)]
    return Draft(
        f"Give each message one of the topics {', '.join(TOPICS)}. Answer with five lines, one topic per line, without "
        f"numbers.\n{numbered([message(random, topic) for topic in topics])}",
        Lines("|".join(TOPICS)),
        topics,
    )


def call_booking(random: Random) -> Draft:
    when, hour, guests = day(random), random.randrange(6, 11), random.randrange(2, 9)
    place, outside = random.choice(LAST), random.random() < 0.5
    return Draft(
        f"Book a table at {place}'s for {guests} people on {in_words(when)} at {hour} in the evening"
        f"{', outside' if outside else ', inside'}.",
        calls=(
            ToolCall(
                "book_table",
                {
                    "restaurant": f"{place}'s",
                    "date": when.isoformat(),
                    "time": f"{hour + 12}:00",
                    "guests": guests,
                    "outside": outside,
                },
            ),
        ),
    )


def nested_order(random: Random) -> Draft:
    order, mail, city = f"O{random.randrange(1000, 10000)}", email(random), random.choice(CITIES)
    lines = [{"item": item, "pieces": random.randrange(1, 9)} for item in random.sample(ITEMS, 2)]
    schema = record(
        order=record(id=str, customer=record(email=str, city=str), lines=several(record(item=str, pieces=int)))
    )
    said = " and ".join(f"{line['pieces']} of the item {line['item']}" for line in lines)
    return Draft(
        f"Write this order as JSON by the schema {schema_text(schema)}\n"
        f"Order {order} was placed by {mail} from {city}: {said}, in this order.",
        Json(schema),
        {"order": {"id": order, "customer": {"email": mail, "city": city}, "lines": lines}},
    )


def escape_path(random: Random) -> Draft:
    host, item = random.choice(HOSTS), random.choice(ITEMS)
    path, note = rf"C:\{host}\new\{item}.txt", f'the "{random.choice(ROLES)}" file'
    return Draft(
        f"Write a JSON object with the field path, which is {path}, and the field note, which is {note}. Both are to "
        "be read back exactly as they stand here.",
        Json(record(path=str, note=str)),
        {"path": path, "note": note},
    )


def refuse_not(random: Random) -> Draft:
    item, price, order = random.choice(ITEMS), random.randrange(20, 99), random.randrange(1000, 9999)
    return Draft(
        f"{PRICE_RULE}\n"
        f'Text: "Order {order} of 3 pieces is on its way. For the {item} you paid {price} dollars, and 14 days remain '
        'to send it back."',
        Json({"anyOf": [record(price=int), record(error=str)]}),
        {"price": price},
    )


MIDDLE: tuple[Template, ...] = (
    json_schema,
    date_lines,
    csv_quoted,
    label_lines,
    call_booking,
    yaml_nested,
    extract_people,
    escape_path,
    nested_order,
    refuse_not,
    json_numbers,
    date_weekday,
    csv_sorted,
)
