"""Marks by which an attempted call shows, whichever dialect it is written in."""

from __future__ import annotations

import re

_STRING = r'"(?:[^"\\\n]|\\.)*"'

JSON_CALL = re.compile(
    rf'\{{\s*(?:"(?:type|id)"\s*:\s*{_STRING}\s*,\s*)*'
    rf'(?:"name"\s*:\s*{_STRING}\s*,\s*"(?:arguments|parameters)"\s*:|"(?:arguments|parameters)"\s*:\s*\{{)'
)

MARKS = {
    "tool_call": re.compile(r"</?tool_call>"),
    "function": re.compile(r"<function=[^\s>]*>"),
    "tool_calls": re.compile(r"\[TOOL_CALLS\]|\[ARGS\]"),
    "python_tag": re.compile(r"<\|python_tag\|>"),
    "tool_code": re.compile(r"```tool_code"),
    "functiongemma": re.compile(r"</?(?:start|end)_function_call>"),
    "gemma4": re.compile(r"<\|tool_call>|<tool_call\|>"),
    "harmony": re.compile(r"<\|channel\|>|\bto=functions\.\w"),
    "json": JSON_CALL,
}


def foreign_mark(text: str, own: frozenset[str]) -> str:
    """The text from the first kind of mark that is not in `own`, or "" where nothing looks like a call."""
    for name, mark in MARKS.items():
        if name not in own and (match := mark.search(text)):
            return text[match.start() :]
    return ""
