"""A vocabulary for grammar tests: every byte, some longer tokens, some control tokens, one end token."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harnesslab.engine.constrain.vocabulary import Vocabulary

LONGER = (b"  ", b", ", b'": "', b'{"', b"<t", b"tool", b"_call", b"the", b"\n\n", b"</", b'"}', b"12", "é".encode())


class ToyTokens:
    """Bytes, then LONGER, then `specials`, the last of which ends a reply. Tokenises by longest match."""

    def __init__(self, specials: Sequence[str] = ()) -> None:
        plain = [bytes([b]) for b in range(256)] + list(LONGER)
        names = [*specials, "<|end_of_reply|>"]
        self.pieces = [*plain, *(n.encode() for n in names)]
        self.specials = {n: len(plain) + i for i, n in enumerate(names)}
        self.end = self.specials["<|end_of_reply|>"]
        self._plain = sorted(((p, t) for t, p in enumerate(plain)), key=lambda x: -len(x[0]))
        # what llguidance asks of a tokenizer
        self.tokens, self.special_token_ids = self.pieces, list(self.specials.values())
        self.eos_token_id, self.bos_token_id = self.end, None

    def __call__(self, text: bytes | str, special: bool = False) -> list[int]:
        data = text.encode() if isinstance(text, str) else text
        marks = [(n.encode(), t) for n, t in self.specials.items()] if special else []
        out: list[int] = []
        while data:
            piece, token = next((p, t) for p, t in [*marks, *self._plain] if data.startswith(p))
            out.append(token)
            data = data[len(piece) :]
        return out

    def vocabulary(self) -> Vocabulary:
        from llguidance import LLTokenizer, TokenizerWrapper

        return Vocabulary(LLTokenizer(TokenizerWrapper(self), n_vocab=len(self.pieces)), self.specials, self.end)

    def text(self, tokens: Sequence[int]) -> str:
        return b"".join(self.pieces[t] for t in tokens if t != self.end).decode()


def allowed(row: NDArray[np.uint32]) -> NDArray[np.int64]:
    """The token ids whose bits are set."""
    return np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little"))
