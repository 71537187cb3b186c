"""Names, places and codes that both desks draw from."""

from __future__ import annotations

from collections.abc import Container
from datetime import date
from random import Random

TODAY = date(2026, 5, 18)


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST = words(
    "Agnes Bruno Celia Dario Edith Felix Greta Hugo Irene Jonas Klara Lukas Mira Nils Olga Pavel Rita Simon Thea "
    "Viktor Wanda Yann Alma Boris Cora Emil Flora Gustav Hanna Ivo"
)
LAST = words(
    "Aldous Berger Cermak Dumont Egger Farkas Gruber Horvat Imhof Jansen Keller Lindholm Moreau Nagy Olsen Petrov "
    "Quist Rossi Sandoz Tanner Urban Vidal Winter Zeller Brandt Castel Dorn Fabre Hager Kovac"
)
CITIES = words("Bergen Basel Cork Delft Essen Faro Graz Hasselt Imola Jena Krakow Lille Malmo Namur Odense Pilsen")
_STREETS = words("Mill Church Garden River Station Hill Park Castle Bridge Market Orchard Meadow")
_KINDS = words("Street Lane Road Square")
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_DIGITS = "23456789"


def new_id(random: Random, letter: str, digits: int, taken: Container[str]) -> str:
    """An id that is free, e.g. H48213."""
    while (id := f"{letter}{random.randrange(10 ** (digits - 1), 10**digits)}") in taken:
        pass
    return id


def new_code(random: Random, taken: Container[str]) -> str:
    """A booking code that is free, e.g. QX7T4M: letters and digits take turns, so that slips of the pen are seen."""
    while (code := "".join(random.choice(_DIGITS if i % 2 else _LETTERS) for i in range(6))) in taken:
        pass
    return code


def postcode(random: Random) -> str:
    return "".join(random.choices(_LETTERS, k=2)) + str(random.randrange(100, 1000))


def street(random: Random) -> str:
    return f"{random.randrange(2, 99)} {random.choice(_STREETS)} {random.choice(_KINDS)}"


def email(random: Random, name: str, taken: Container[str]) -> str:
    first, last = name.lower().split()
    while (made := f"{first}.{last}{random.randrange(10, 1000)}@post.example") in taken:
        pass
    return made


def misread(random: Random, id: str, taken: Container[str]) -> str:
    """The id with one digit misread: of the same form, and nobody's."""
    places = [i for i, c in enumerate(id) if c.isdigit() and i > 0]
    while True:
        i = random.choice(places)
        wrong = id[:i] + random.choice([d for d in _DIGITS if d != id[i]]) + id[i + 1 :]
        if wrong not in taken:
            return wrong
