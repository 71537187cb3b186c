"""Tier "hard": deep or long answers, text that fights its form, values to be worked out, or two of these at once."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

from harnesslab.suites.format.draft import (
    CITIES,
    FIRST,
    HOSTS,
    ITEMS,
    ROLES,
    TOPICS,
    Draft,
    Template,
    day,
    in_words,
    message,
    numbered,
    people,
    schema_text,
)
from harnesslab.suites.format.forms import Csv, Json, Lines, Yaml, record, several
from harnesslab.types import ToolCall


def json_totals(random: Random) -> Draft:
    lines: list[dict[str, Any]] = [
        {"item": item, "pieces": random.randrange(2, 9), "price": random.randrange(11, 60)}
        for item in random.sample(ITEMS, 3)
    ]
    schema = record(lines=several(record(item=str, pieces=int, price=int, total=int)), total=int)
    said = ", ".join(f"{line['pieces']} of {line['item']} at {line['price']} each" for line in lines)
    done = [{**line, "total": line["pieces"] * line["price"]} for line in lines]
    return Draft(
        f"Write this bill as JSON by the schema {schema_text(schema)}\nWork out the total of every line and of the "
        f"bill. The lines, in this order: {said}.",
        Json(schema),
        {"lines": done, "total": sum(line["total"] for line in done)},
    )


def csv_escaped(random: Random) -> Draft:
    item, other, city = random.choice(ITEMS), random.choice(ITEMS), random.choice(CITIES)
    inches = random.randrange(5, 30)
    rows = [
        [f'{item}, {inches}"', city],
        [f'the "{random.choice(ROLES)}" {other}', ""],
        [f"{other}\nand {item}", random.choice(CITIES)],
    ]
    return Draft(
        "Write three rows as CSV with the header text,city. A program must read back exactly these cells.\n"
        f"Row 1: the text is {rows[0][0]} and the city is {rows[0][1]}.\n"
        f"Row 2: the text is {rows[1][0]} and the city is empty.\n"
        f"Row 3: the text is {other}, a line break, then: and {item}. The city is {rows[2][1]}.",
        Csv(("text", "city")),
        rows,
    )


def yaml_strings(random: Random) -> Draft:
    version, code = f"{random.randrange(1, 9)}.{random.randrange(1, 9)}0", f"0{random.randrange(100, 700)}"
    answer, when = random.choice(("yes", "no", "on", "off")), day(random).isoformat()
    note = f"{random.choice(HOSTS)}: {random.choice(ITEMS)} # {random.randrange(2, 90)}"
    return Draft(
        "Write this as YAML with the keys version, code, answer, day and note. Every value must be read back as a "
        f"text, never as a number, truth value or date: the version is {version}, the code is {code}, the answer is "
        f"{answer}, the day is {when}, and the note is: {note}",
        Yaml(record(version=str, code=str, answer=str, day=str, note=str)),
        {"version": version, "code": code, "answer": answer, "day": when, "note": note},
    )


def date_sums(random: Random) -> Draft:
    starts, days = [day(random) for _ in range(3)], [random.randrange(20, 75) for _ in range(3)]
    said = "\n".join(f"{n} days after {in_words(start)}" for start, n in zip(starts, days, strict=True))
    return Draft(
        f"Work out these dates, and write them in the form YYYY-MM-DD, one per line, in this order:\n{said}",
        Lines(r"\d{4}-\d\d-\d\d"),
        [(start + timedelta(days=n)).isoformat() for start, n in zip(starts, days, strict=True)],
    )


def extract_log(random: Random) -> Draft:
    minute, lines, wanted = random.randrange(0, 10), [], []
    bad = set(random.sample(range(8), 3))
    for i in range(8):
        minute += random.randrange(1, 6)
        host, code, time = random.choice(HOSTS), random.randrange(400, 600), f"08:{minute:02}"
        level = "ERROR" if i in bad else random.choice(("INFO", "WARN"))
        if i in bad:
            wanted.append({"time": time, "host": host, "code": code})
        lines.append(f"{time} [{host}] {level} status={code} retries={random.randrange(0, 9)}")
    schema = several(record(time=str, host=str, code=int))
    return Draft(
        f"Take the lines of level ERROR out of this log, in their order, as JSON by the schema {schema_text(schema)}\n"
        + "\n".join(lines),
        Json(schema),
        wanted,
    )


def label_sets(random: Random) -> Draft:
    pairs = [sorted(random.sample(tuple(TOPICS), random.choice((1, 2)))) for _ in range(4)]
    texts = [" ".join(message(random, topic) for topic in random.sample(topics, len(topics))) for topics in pairs]
    fields = {f"m{i}": several(str) for i in range(1, 5)}
    return Draft(
        f"Which of the topics {', '.join(TOPICS)} has each message? A message may have one or two. Answer as JSON with "
        "the fields m1 to m4, each the list of the topics of that message in the order of the alphabet.\n"
        f"{numbered(texts)}",
        Json(record(**fields)),
        {f"m{i}": topics for i, topics in enumerate(pairs, 1)},
    )


def call_two(random: Random) -> Draft:
    item, other = random.sample(ITEMS, 2)
    who, pieces, minutes = random.choice(FIRST), random.randrange(2, 12), random.randrange(2, 5)
    text = f'Bring the "{other}" box, not the {item}.'
    return Draft(
        f"Put {pieces} of the item {item} on the list errands, set a timer of {minutes} hours with the label {other}, "
        f"and send {who} this message, word for word: {text}",
        calls=(
            ToolCall("add_item", {"list": "errands", "item": item, "quantity": pieces}),
            ToolCall("set_timer", {"minutes": 60 * minutes, "label": other}),
            ToolCall("send_message", {"to": who, "text": text}),
        ),
    )


def nested_teams(random: Random) -> Draft:
    who = [name.split()[0] for name in people(random, 4)]
    roles, hosts = random.sample(ROLES, 4), random.sample(HOSTS, 2)
    members = [{"who": w, "role": r, "lead": i % 2 == 0} for i, (w, r) in enumerate(zip(who, roles, strict=True))]
    member = record(who=str, role=str, lead=bool)
    schema = record(teams=several(record(team=str, members=several(member))))
    teams = [{"team": host, "members": members[2 * i : 2 * i + 2]} for i, host in enumerate(hosts)]
    said = " ".join(
        f"{m['who']} ({m['role']}) {'leads' if m['lead'] else 'works in'} the team {hosts[i // 2]}."
        for i, m in enumerate(members)
    )
    return Draft(
        f"Write these teams as JSON by the schema {schema_text(schema)}\nTeams and members stand in the order in which "
        f"they appear. {said}",
        Json(schema),
        {"teams": teams},
    )


def escape_all(random: Random) -> Draft:
    item, host, n = random.choice(ITEMS), random.choice(HOSTS), random.randrange(2, 90)
    text = f'{{"{item}": \\d{n}}}\n\t# "{host}" \\n stays \u2014 {n} \u20ac\n'
    return Draft(
        "Write a JSON object with the one field text. Its value is exactly what stands between the lines BEGIN and "
        f"END: two lines, each with its line break, the second one indented by a tab.\nBEGIN\n{text}END",
        Json(record(text=str)),
        {"text": text},
    )


def list_json(random: Random) -> Draft:
    numbers = [random.randrange(10, 50) for _ in range(24)]
    return Draft(
        "Write these 24 numbers as a JSON list, in reverse order, each of them doubled:\n"
        + " ".join(map(str, numbers)),
        Json(several(int)),
        [2 * n for n in reversed(numbers)],
    )


def list_codes(random: Random) -> Draft:
    numbers = random.sample(range(2, 400), 16)
    return Draft(
        "Write these 16 numbers as codes, one per line, smallest first. A code is the letter K, a hyphen, and the "
        f"number with leading zeros to three digits: 7 is K-007.\n{' '.join(map(str, numbers))}",
        Lines(r"K-\d{3}"),
        [f"K-{n:03}" for n in sorted(numbers)],
    )


def refuse_some(random: Random) -> Draft:
    known = random.sample(ITEMS, 5)
    prices = {item: random.randrange(11, 90) for item in known[:3]}
    asked = random.sample([*known[:2], *known[3:]], 4)
    answers = [
        {"item": item, "ok": item in prices, **({"price": prices[item]} if item in prices else {"reason": "UNKNOWN"})}
        for item in asked
    ]
    yes, no = record(item=str, ok=(True,), price=int), record(item=str, ok=(False,), reason=("UNKNOWN",))
    schema = several({"anyOf": [yes, no]})
    listed = ", ".join(f"{item} {price}" for item, price in prices.items())
    return Draft(
        f"Price list: {listed}.\nAnswer four requests, in this order: {', '.join(asked)}. The answer is a JSON list. A "
        'request for an item of the list is answered by {"item": ..., "ok": true, "price": ...}, any other by '
        '{"item": ..., "ok": false, "reason": "UNKNOWN"}.',
        Json(schema),
        answers,
    )


HARD: tuple[Template, ...] = (
    json_totals,
    date_sums,
    csv_escaped,
    label_sets,
    call_two,
    yaml_strings,
    extract_log,
    escape_all,
    nested_teams,
    list_json,
    list_codes,
    refuse_some,
)
