"""Tier "easy": one flat answer, whose form is shown by an example or is a single line."""

from __future__ import annotations

from datetime import date
from random import Random

from harnesslab.suites.format.draft import (
    CITIES,
    HOSTS,
    ITEMS,
    TOPICS,
    Draft,
    Template,
    day,
    email,
    in_words,
    message,
    person,
)
from harnesslab.suites.format.forms import Csv, Day, Json, Label, Lines, Yaml, record
from harnesslab.types import ToolCall


def json_example(random: Random) -> Draft:
    who, age, city = person(random), random.randrange(20, 80), random.choice(CITIES)
    return Draft(
        f"Write this customer as JSON: {who} is {age} years old and lives in {city}.\n"
        'Example: {"customer": "Zoe Lind", "age": 30, "city": "Bern"}',
        Json(record(customer=str, age=int, city=str)),
        {"customer": who, "age": age, "city": city},
    )


def json_flags(random: Random) -> Draft:
    item, price, stock = random.choice(ITEMS), random.randrange(5, 90), random.random() < 0.5
    return Draft(
        f"Write this item as JSON: the {item} costs {price} and is {'in stock' if stock else 'not in stock'}.\n"
        'Example: {"item": "vase", "price": 30, "in_stock": true}',
        Json(record(item=str, price=int, in_stock=bool)),
        {"item": item, "price": price, "in_stock": stock},
    )


def csv_rows(random: Random) -> Draft:
    rows = [[item, str(random.randrange(5, 90))] for item in random.sample(ITEMS, 3)]
    said = ", ".join(f"a {item} for {price}" for item, price in rows)
    return Draft(
        f"Write these items as CSV, in this order: {said}.\nExample:\nitem,price\nvase,30\nbowl,12",
        Csv(("item", "price")),
        rows,
    )


def yaml_flat(random: Random) -> Draft:
    host, port, debug = random.choice(HOSTS), random.randrange(2000, 9000), random.random() < 0.5
    return Draft(
        f"Write these settings as YAML: the host is {host}, the port is {port}, debug is {str(debug).lower()}.\n"
        "Example:\nhost: maple\nport: 1234\ndebug: false",
        Yaml(record(host=str, port=int, debug=bool)),
        {"host": host, "port": port, "debug": debug},
    )


def date_iso(random: Random) -> Draft:
    when = day(random)
    return Draft(
        f"Write the date {in_words(when)} in the form YYYY-MM-DD.\nExample: 2024-11-30", Day(), when.isoformat()
    )


def date_time(random: Random) -> Draft:
    when, hour, minute = day(random), random.randrange(7, 20), random.choice((5, 15, 20, 40, 50))
    return Draft(
        f"Write the date and time {in_words(when)}, {hour}:{minute:02}, in the form YYYY-MM-DDTHH:MM.\n"
        "Example: 2024-11-30T08:10",
        Day(time=True),
        f"{when.isoformat()}T{hour:02}:{minute:02}",
    )


def extract_email(random: Random) -> Draft:
    mail, item = email(random), random.choice(ITEMS)
    return Draft(
        f'Take the email address out of this text, as JSON.\nText: "Please write to {mail} when the {item} is here."\n'
        'Example: {"email": "zoe@post.org"}',
        Json(record(email=str)),
        {"email": mail},
    )


def extract_order(random: Random) -> Draft:
    order, amount = f"O{random.randrange(1000, 10000)}", random.randrange(20, 99)
    return Draft(
        "Take the order and the amount out of this text, as JSON.\n"
        f'Text: "I paid {amount} dollars for order {order}, and I would like a receipt."\n'
        'Example: {"order": "O123", "amount": 10}',
        Json(record(order=str, amount=int)),
        {"order": order, "amount": amount},
    )


def label_topic(random: Random) -> Draft:
    topic = random.choice(tuple(TOPICS))
    return Draft(
        f'Which topic has this message?\nMessage: "{message(random, topic)}"\n'
        f"Answer with one of these words: {', '.join(TOPICS)}.",
        Label(tuple(TOPICS)),
        topic,
    )


def call_timer(random: Random) -> Draft:
    minutes, label = random.randrange(5, 90), random.choice(ITEMS)
    return Draft(
        f"Set a timer of {minutes} minutes with the label {label}.",
        calls=(ToolCall("set_timer", {"minutes": minutes, "label": label}),),
    )


def escape_quotes(random: Random) -> Draft:
    who, word, item = random.choice(("She", "He", "They")), random.choice(("yes", "no", "later")), random.choice(ITEMS)
    text = f'{who} said "{word}" and took the {item}.'
    return Draft(
        f'Write this sentence as the field text of a JSON object: {text}\nExample: {{"text": "It is called \\"x\\"."}}',
        Json(record(text=str)),
        {"text": text},
    )


def list_lines(random: Random) -> Draft:
    items = random.sample(ITEMS, 5)
    return Draft(
        f"Write these words one per line, in the same order, without numbers or marks: {', '.join(items)}.\n"
        "Example:\nvase\nbowl",
        Lines(r"[a-z]+"),
        items,
    )


def refuse_price(random: Random) -> Draft:
    item, city, when = random.choice(ITEMS), random.choice(CITIES), day(random)
    return Draft(
        f'{PRICE_RULE}\nText: "We sent the {item} to {city} on {_day_and_month(when)}."',
        Json({"anyOf": [record(price=int), record(error=str)]}),
        {"error": "NO_PRICE"},
    )


PRICE_RULE = (
    'Take the price out of the text, as JSON like {"price": 30}. '
    'If the text states no price, the answer is {"error": "NO_PRICE"}.'
)


def _day_and_month(when: date) -> str:
    return in_words(when).rsplit(" ", 1)[0]


EASY: tuple[Template, ...] = (
    json_example,
    date_iso,
    csv_rows,
    label_topic,
    call_timer,
    yaml_flat,
    extract_email,
    escape_quotes,
    list_lines,
    refuse_price,
    json_flags,
    date_time,
    extract_order,
)
