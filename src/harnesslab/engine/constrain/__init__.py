"""What decoding may produce: constraints made into token masks, through llguidance.

A constraint becomes a Lark grammar (`tools`, `shapes`, `values` write those of tool calls), llguidance compiles it
once, and every request gets a copy. No tokenizer is built before the first constrained request.
"""

from __future__ import annotations

from harnesslab.engine.constrain.grammars import GrammarMatcher, Grammars, Masks
from harnesslab.engine.constrain.tools import constrainable

__all__ = ["GrammarMatcher", "Grammars", "Masks", "constrainable"]
