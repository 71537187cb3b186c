"""A model's vocabulary as llguidance wants it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llguidance import LLTokenizer

    from harnesslab.engine.native import NativeModel


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Tokens and the control tokens among them.

    Attributes:
        specials: control tokens by their text; text cannot produce them, only a grammar that names them.
        end: the token that ends a reply when nothing else may follow.
    """

    tokenizer: LLTokenizer
    specials: Mapping[str, int]
    end: int


def vocabulary_of(model: NativeModel) -> Vocabulary:
    """Takes 0.3 to 1.6 s, by the vocabulary's size, and holds the GIL for most of it.

    Control tokens and every end-of-generation token are special, even one that the file calls normal text: the
    scheduler ends a reply at it. Tokens that the file calls user-defined (`<tool_call>` of Qwen) stay text, so that one
    spelling in a grammar covers models that have the token and models that do not.
    """
    from llguidance import LLTokenizer

    special = model.control_tokens | model.end_tokens
    names = {t: model.piece(t) for t in special}
    tokens = [b"\xff" + names[t].encode() if t in special else piece for t, piece in enumerate(model.pieces)]
    tokenizer = LLTokenizer.from_llamacpp(
        tokens=tokens,
        vocab_ptr=model.vocab,
        tokenize_fptr=model.tokenize_address,
        eos_token=sorted(model.end_tokens),
        slices=None,
    )
    return Vocabulary(
        tokenizer=tokenizer,
        specials={name: t for t, name in names.items() if name},
        end=model.eos if model.eos in model.end_tokens else min(model.end_tokens),
    )
