"""Writing a Lark grammar in llguidance's variant: rules and terminals get names, equal ones share theirs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

ANY = "/(?s:.*)/"
_META = frozenset("\\.+*?()|[]{}^$/")


class Lark:
    """A grammar being written. Expressions are text; `rule` and `terminal` return the name that stands for one.

    Args:
        specials: control tokens by their text. A mark that holds one is written as that token, not as text.
    """

    def __init__(self, specials: Mapping[str, int]) -> None:
        self.specials = specials
        self._lines: list[str] = []
        self._names: dict[tuple[str, str], str] = {}
        self._fresh = 0

    def rule(self, body: str, options: str = "") -> str:
        return self._name("r", body, options)

    def terminal(self, body: str) -> str:
        """A name for a regular expression; only terminals know `&` and `~`."""
        return self._name("T", body, "")

    def lazy(self, body: str) -> str:
        """A rule that matches as little of the text as its terminal can: up to the first place where it may end."""
        return self.rule(self.terminal(body), "[lazy]")

    def json(self, schema: Mapping[str, Any], **options: Any) -> str:
        """A rule for the JSON values that a schema admits, written as `json.dumps` writes them."""
        style = {
            "whitespace_flexible": False,
            "item_separator": ", ",
            "key_separator": ": ",
            "json_allowed_escapes": 'nrbtf\\"',  # \u could write half of a surrogate pair
        }
        return self.rule("%json " + json.dumps({**schema, "x-guidance": {**style, **options}}))

    def named(self, hint: str) -> str:
        """A fresh rule name, to be defined later: for rules that refer to themselves."""
        self._fresh += 1
        return f"{hint}_{self._fresh}"

    def define(self, name: str, body: str) -> None:
        self._lines.append(f"{name}: {body}")

    def render(self, start: str) -> str:
        return "\n".join(["%llguidance {}", f"start: {start}", *self._lines])

    def text(self, text: str) -> str:
        """Exactly this text, control tokens in it as such; "" for no text."""
        return " ".join(f"<[{p}]>" if isinstance(p, int) else json.dumps(p) for p in self._parts(text))

    def starts_special(self, text: str) -> bool:
        parts = self._parts(text)
        return bool(parts) and isinstance(parts[0], int)

    def _parts(self, text: str) -> list[str | int]:
        inside = sorted((s for s in self.specials if s in text), key=len, reverse=True)
        parts: list[str | int] = [text] if text else []
        for name in inside:
            parts = [piece for part in parts for piece in _split(part, name, self.specials[name])]
        return parts

    def _name(self, prefix: str, body: str, options: str) -> str:
        key = (prefix + body, options)
        if key not in self._names:
            name = self._names[key] = f"{prefix}{len(self._names)}"
            self._lines.append(f"{name}{options}: {body}")
        return self._names[key]


def _split(part: str | int, name: str, token: int) -> list[str | int]:
    if isinstance(part, int) or name not in part:
        return [part]
    pieces: list[str | int] = []
    for i, piece in enumerate(part.split(name)):
        if i:
            pieces.append(token)
        if piece:
            pieces.append(piece)
    return pieces


def escape(text: str) -> str:
    """The regular expression, as it stands between slashes, for exactly this text."""
    return "".join(f"\\{c}" if c in _META else {"\n": "\\n"}.get(c, c) for c in text)


def without(forbidden: Sequence[str], at_start: Sequence[str] = ()) -> str:
    """A terminal's body: any text in which no forbidden regular expression matches anywhere, and none of the others at
    the start.
    """
    anywhere = f"(?s:.*)(?:{'|'.join(forbidden)})"
    return f"{ANY} & ~/(?:{'|'.join([anywhere, *at_start])})(?s:.*)/"


def slashed(pattern: str) -> str:
    """A regular expression with its slashes escaped, to stand between slashes."""
    out, escaped = [], False
    for c in pattern:
        out.append("\\/" if c == "/" and not escaped else c)
        escaped = c == "\\" and not escaped
    return "".join(out)
