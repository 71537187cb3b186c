"""Thinking: how many tokens a reply thinks for, and when its think block must be closed by force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class ThinkingBudget:
    """Follows one reply, token by token. A block counts where a parser sees one: at the start of the reply.

    Attributes:
        opening, closing: the dialect's tags, as bytes.
        closing_tokens: how the closing tag is appended.
        limit: tokens inside think blocks, over the whole reply; 0: no bound.
        inside: whether a block is open; true at the start where the prompt opened it.
        spent: tokens inside so far, the tags left out.
    """

    opening: bytes
    closing: bytes
    closing_tokens: Sequence[int]
    limit: int
    inside: bool = False
    spent: int = 0
    _answering: bool = False
    _text: bytearray = field(default_factory=bytearray)
    _counted: list[int] = field(default_factory=list)  # lengths of the last tokens counted: a tag may come in parts

    @property
    def over(self) -> bool:
        """Whether an open block has used up its tokens."""
        return self.inside and 0 < self.limit <= self.spent

    def add(self, piece: bytes) -> None:
        """Takes in one token of the reply."""
        if self._answering:
            return
        self._text += piece
        if self.inside:
            end = self._text.find(self.closing)
            if end < 0:
                self.spent += 1
                self._counted = [*self._counted[1 - len(self.closing) :], len(piece)]
                del self._text[: -len(self.closing)]
                return
            start = len(self._text) - len(piece)
            for length in reversed(self._counted):
                start -= length
                if start < end:
                    break
                self.spent -= 1  # it was part of the tag
            self._counted.clear()
            del self._text[: end + len(self.closing)]
            self.inside = False
        begun = bytes(self._text.lstrip())
        if begun.startswith(self.opening):
            self._text = bytearray(begun[len(self.opening) :])
            self.inside = True
        elif not self.opening.startswith(begun):
            self._answering = True
