"""What decoding may produce: constraints made into token masks, through llguidance.

A constraint becomes a Lark grammar (`tools`, `arguments`, `values` write those of tool calls), llguidance compiles it once,
and every request gets a copy. Nothing here is imported, and no tokenizer built, before the first constrained request.

Measured on 2 busy AVX2 cores, vocabularies of 49,152 to 262,144 tokens: tokenizer 0.3 to 1.6 s once per model; a grammar
2 to 5 ms once, a copy 10 us; a mask 10 to 100 us inside a call. So masks are computed in turn, on the thread that samples:
16 rows cost about 1 ms beside a decode of 50 ms or more.
"""

from __future__ import annotations

from harnesslab.engine.constrain.grammars import GrammarMatcher, Grammars
from harnesslab.engine.constrain.tools import constrainable

__all__ = ["GrammarMatcher", "Grammars", "constrainable"]
