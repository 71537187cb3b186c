"""Reads what is nearly JSON, as models write it. Only the form is mended: every value is text that stands there.

Read beside JSON: single quotes, keys without quotes, Python's True, False and None, trailing commas, doubled braces,
line breaks inside strings, Gemma's quote marks, and closing brackets that are missing where the call ends. What has two
readings is not read: a key given twice, a number that JSON does not know, half of a surrogate pair, a value cut off.
"""

from __future__ import annotations

import json
import re
from typing import Any

_DEPTH = 32
_BLANK = re.compile(r"\s*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.+-])")
_WORD = re.compile(r"[A-Za-z_]\w*")
_WORDS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_STRINGS = {'"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL), "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)}
_MARKS = ('<|"|>', "<escape>")
_SINGLE = re.compile(r'\\(.)|"', re.DOTALL)
_END = re.compile(r"</|```|\Z")


class Unreadable(Exception):
    """There is no one reading. Never leaves the harness."""


class CutOff(Unreadable):
    """The text ends before the value does."""


class Lenient:
    """Reads values out of one text. Every method raises Unreadable where it cannot.

    Args:
        ended: whether the text ends by its author's will, so that brackets left open may be closed at its end.

    Attributes:
        repairs: what was mended so far.
    """

    def __init__(self, text: str, *, ended: bool) -> None:
        self.text = text
        self.repairs: set[str] = set()
        self._ended = ended

    def skip(self, at: int) -> int:
        """The index of the next character that is no blank."""
        match = _BLANK.match(self.text, at)
        return match.end() if match else at

    def whole(self) -> Any:
        """The one value that the text holds."""
        value, end = self.value(0)
        if self.skip(end) < len(self.text):
            raise Unreadable("something follows the value")
        return value

    def value(self, at: int, depth: int = 0) -> tuple[Any, int]:
        """The value at `at`, blanks skipped, and the index after it."""
        at = self.skip(at)
        if self.text.startswith("{", at):
            return self.object(at, depth)
        if self.text.startswith("[", at):
            return self._list(at, depth)
        if (string := self._string(at)) is not None:
            return string
        if number := _NUMBER.match(self.text, at):
            return _number(number[0]), number.end()
        word = _WORD.match(self.text, at)
        if word is None or word[0] not in _WORDS:
            raise self._failure(word.end() if word else at, "no value")
        if word[0][0].isupper():
            self.repairs.add("Python literals")
        return _WORDS[word[0]], word.end()

    def object(self, at: int, depth: int = 0) -> tuple[dict[str, Any], int]:
        """The object whose brace stands at `at`."""
        if depth > _DEPTH:
            raise Unreadable("too deep")
        start = self.skip(at + 1)
        if self.text.startswith("{", start):
            inner, end = self.object(start, depth + 1)
            self.repairs.add("doubled braces")
            return inner, self._close(end, "}")
        found: dict[str, Any] = {}
        at = start
        while not self.text.startswith("}", at):
            key, at = self._key(at)
            at = self.skip(at)
            if key in found:
                raise Unreadable("a key twice")
            if not self.text.startswith(":", at):
                raise self._failure(at, "a key without a value")
            found[key], at = self.value(at + 1, depth + 1)
            after = self._comma(at, "}")
            if after is None:
                return found, self._close(at, "}")
            at = after
        return found, at + 1

    def _list(self, at: int, depth: int) -> tuple[list[Any], int]:
        if depth > _DEPTH:
            raise Unreadable("too deep")
        found: list[Any] = []
        at = self.skip(at + 1)
        while not self.text.startswith("]", at):
            one, at = self.value(at, depth + 1)
            found.append(one)
            after = self._comma(at, "]")
            if after is None:
                return found, self._close(at, "]")
            at = after
        return found, at + 1

    def _comma(self, at: int, closing: str) -> int | None:
        """The index of what follows a comma, or None where there is no comma."""
        at = self.skip(at)
        if not self.text.startswith(",", at):
            return None
        at = self.skip(at + 1)
        if self.text.startswith(closing, at):
            self.repairs.add("trailing comma")
        return at

    def _close(self, at: int, closing: str) -> int:
        at = self.skip(at)
        if self.text.startswith(closing, at):
            return at + 1
        if _END.match(self.text, at) and (self._ended or at < len(self.text)) and self._complete(at):
            self.repairs.add("missing brackets")
            return at
        raise self._failure(at, "not closed")

    def _failure(self, at: int, why: str) -> Unreadable:
        """What is wrong at `at`: where that is the text's end, it was cut off."""
        return (CutOff if at >= len(self.text) else Unreadable)(why)

    def _complete(self, at: int) -> bool:
        """Whether what stands before `at` cannot be the beginning of something longer, as a number could."""
        return self.text[:at].rstrip()[-1:] in {"}", "]", '"', "'", ">"}

    def _key(self, at: int) -> tuple[str, int]:
        if (string := self._string(at)) is not None:
            return string
        if word := _WORD.match(self.text, at):
            self.repairs.add("keys without quotes")
            return word[0], word.end()
        raise self._failure(at, "no key")

    def _string(self, at: int) -> tuple[str, int] | None:
        quote = self.text[at : at + 1]
        if quote in _STRINGS:
            match = _STRINGS[quote].match(self.text, at)
            if match is None:
                raise CutOff("a string without an end")
            if quote == "'":
                self.repairs.add("single quotes")
            if "\n" in match[1]:
                self.repairs.add("line breaks in a string")
            return _unescaped(match[1] if quote == '"' else _SINGLE.sub(_as_double, match[1])), match.end()
        for mark in _MARKS:
            if self.text.startswith(mark, at):
                start = at + len(mark)
                end = self.text.find(mark, start)
                if end < 0:
                    raise CutOff("a string without an end")
                return self.text[start:end], end + len(mark)
        return None


def _as_double(match: re.Match[str]) -> str:
    """A piece of a single-quoted string as it stands between double quotes."""
    if match[0] == '"':
        return '\\"'
    return "'" if match[1] == "'" else match[0]


def _unescaped(body: str) -> str:
    try:
        text: str = json.loads(f'"{body}"', strict=False)
        text.encode()
    except ValueError:  # an escape that JSON does not know, half of a surrogate pair
        raise Unreadable("an escape") from None
    return text


def _number(text: str) -> int | float:
    try:
        number: int | float = json.loads(text)
    except ValueError:  # more digits than Python reads
        raise Unreadable("a number too long") from None
    if number in (float("inf"), float("-inf")):
        raise Unreadable("a number too large")
    return number
