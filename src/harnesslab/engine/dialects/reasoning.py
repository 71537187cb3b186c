"""Splitting a reply's reasoning from what it says."""

from __future__ import annotations


def split_reasoning(text: str, tags: tuple[str, str] | None) -> tuple[str, str]:
    """(reasoning, rest). Knows the blocks at the start of the reply, after blanks, and one that is never closed.

    A tag anywhere else is part of the answer: models quote the tags too, in their arguments as well. A block that the
    template opened begins in the prompt: `reopened` puts its tag back first.
    """
    if tags is None:
        return "", text
    opening, closing = tags
    thoughts: list[str] = []
    rest = text
    while (trimmed := rest.lstrip()).startswith(opening):
        inside, closed, rest = trimmed[len(opening) :].partition(closing)
        thoughts.append(inside.strip())
        if not closed:
            break
    if not thoughts:
        return "", text
    return "\n".join(t for t in thoughts if t), rest.lstrip()


def reopened(prompt: str, reply: str, tags: tuple[str, str] | None) -> str:
    """The reply with the opening tag that its prompt already ended with, so that its thinking is seen as such."""
    if tags and prompt.rstrip().endswith(tags[0]) and not reply.lstrip().startswith(tags[0]):
        return tags[0] + reply
    return reply
