"""Splitting a reply's reasoning from what it says."""

from __future__ import annotations


def split_reasoning(text: str, tags: tuple[str, str] | None) -> tuple[str, str]:
    """(reasoning, rest). Knows blocks at the start of the reply, one that the template opened, and one never closed.

    A block that is not at the start is part of the answer: models quote the tags too.
    """
    if tags is None:
        return "", text
    opening, closing = tags
    thoughts: list[str] = []
    rest = text
    first_close = rest.find(closing)
    if first_close >= 0 and opening not in rest[:first_close]:
        thoughts.append(rest[:first_close].strip())
        rest = rest[first_close + len(closing) :]
    while (trimmed := rest.lstrip()).startswith(opening):
        inside, closed, rest = trimmed[len(opening) :].partition(closing)
        thoughts.append(inside.strip())
        if not closed:
            break
    if not thoughts:
        return "", text
    return "\n".join(t for t in thoughts if t), rest.lstrip()


def reopened(prompt: str, reply: str, tags: tuple[str, str] | None) -> str:
    """The reply with the opening tag that its prompt already ended with, so that thinking cut short is seen as such."""
    if tags and prompt.rstrip().endswith(tags[0]) and not reply.lstrip().startswith(tags[0]):
        return tags[0] + reply
    return reply
