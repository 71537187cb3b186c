"""What an answer must say, matched by value and never by substring: 10 is not said by "100", nor O12 by "O123".

What is denied is not said: "not shipped yet" says nothing of shipped, and "not pending but shipped" says shipped alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Protocol

MOST_NUMBERS = 8
"""An answer with more different numbers than this names none of them: it recites."""

_DIGITS = (
    r"(?<![\w/])(?<!\d[-.,:])(?P<sign>(?<!\w)-)?[$€£]?"
    r"(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?P<rest>\.\d+)?(?!\w|[-/:]\d|[.,]\d)"
)
_NUMBER = re.compile(rf"{_DIGITS}(?!\s?%)")
_PERCENTAGE = re.compile(rf"{_DIGITS}(?=\s?%|\s?per\s?cent\b)", re.IGNORECASE)
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


_DENIED = re.compile(
    r"(?:\b(?:not|never|no longer|neither|nor)|n[\u2019']t)\s+(?:(?:yet|been|be|a|an|the|currently)\s+){0,2}$",
    re.IGNORECASE,
)


class Value(Protocol):
    """A fact an answer must state. `str(value)` says which, for the grade's reasons."""

    def said_in(self, answer: str) -> bool: ...


def numbers_in(text: str) -> set[float]:
    """All numbers a text states; parts of ids, dates, times and percentages are none, nor is one that it denies."""
    return _found(_NUMBER, text)


def _found(pattern: re.Pattern[str], text: str) -> set[float]:
    found = set()
    for match in pattern.finditer(text):
        if _denied(text, match.start()):
            continue
        value = float(match["whole"].replace(",", "") + (match["rest"] or ""))
        found.add(-value if match["sign"] else value)
    return found


@dataclass(frozen=True, slots=True)
class Number:
    """A number as digits, with or without currency sign, decimals and thousands separators: 45, $45.00, 1,045."""

    value: float

    def said_in(self, answer: str) -> bool:
        found = numbers_in(answer)
        return self.value in found and len(found) <= MOST_NUMBERS

    def __str__(self) -> str:
        return f"the number {self.value:g}"


@dataclass(frozen=True, slots=True)
class Percent:
    """A percentage as digits: 40 %, 40 percent, or 40 alone where the answer marks no number as one."""

    value: float

    def said_in(self, answer: str) -> bool:
        found = _found(_PERCENTAGE, answer) or numbers_in(answer)
        return self.value in found and len(found) <= MOST_NUMBERS

    def __str__(self) -> str:
        return f"the percentage {self.value:g}"


@dataclass(frozen=True, slots=True)
class Word:
    """A word, phrase or id, and none of its rivals: naming every status names none.

    Case does not count, and blanks, hyphens and underscores inside are one: "gift card" is said by "Gift-card".
    """

    value: str
    rivals: tuple[str, ...] = ()

    def said_in(self, answer: str) -> bool:
        return _says(self.value, answer) and not any(_says(r, answer) for r in self.rivals if r != self.value)

    def __str__(self) -> str:
        return repr(self.value) + (" alone" if self.rivals else "")


@dataclass(frozen=True, slots=True)
class Day:
    """A date in any usual form: 2026-03-14, 14 March 2026, March 14th, 03/14/2026, 14.03.2026."""

    value: date

    def __post_init__(self) -> None:
        if not isinstance(self.value, date):
            raise TypeError(f"Day takes a datetime.date, not {self.value!r}")

    def said_in(self, answer: str) -> bool:
        return any(not _denied(answer, match.start()) for match in _day_pattern(self.value).finditer(answer))

    def __str__(self) -> str:
        return f"the date {self.value.isoformat()}"


def _says(value: str, text: str) -> bool:
    return any(not _denied(text, match.start()) for match in _word_pattern(value).finditer(text))


def _denied(text: str, start: int) -> bool:
    """Whether what stands at `start` follows a "not"."""
    return _DENIED.search(text[max(0, start - 40) : start]) is not None


@lru_cache(maxsize=4096)
def _word_pattern(value: str) -> re.Pattern[str]:
    body = r"[\s_-]+".join(re.escape(part) for part in re.split(r"[\s_-]+", value.strip()))
    return re.compile(rf"(?<![\w-])(?<!\w[.@]){body}(?![\w-]|[.@]\w)", re.IGNORECASE)


@lru_cache(maxsize=1024)
def _day_pattern(day: date) -> re.Pattern[str]:
    month = MONTHS[day.month - 1]
    name = rf"(?:{month}|{month[:3]}\.?)(?![a-z])"
    d, m, y = rf"0?{day.day}", rf"0?{day.month}", str(day.year)
    year = rf"(?:,?\s+{y}(?!\d)|(?!\s*,?\s*\d{{4}}))"
    forms = (
        rf"{y}[-/.]{m}[-/.]{d}(?!\d)",
        rf"(?:{m}/{d}|{d}/{m}|{d}\.{m}\.|{d}-{m}-)/?{y}(?!\d)",
        rf"{d}(?:st|nd|rd|th)?(?:\s+of)?\s+{name}{year}",
        rf"{name}\s+(?:the\s+)?{d}(?:st|nd|rd|th)?(?!\d){year}",
    )
    return re.compile(rf"(?<![\w/.-])(?:{'|'.join(forms)})", re.IGNORECASE)
