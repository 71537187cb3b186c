"""Compiled grammars, and the state of one reply in one of them."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harnesslab.engine.constrain.lark import Lark, slashed
from harnesslab.engine.constrain.schemas import narrowed
from harnesslab.engine.constrain.tools import Thinking, preamble, tools_grammar
from harnesslab.engine.constrain.vocabulary import Vocabulary
from harnesslab.engine.job import Matcher
from harnesslab.errors import EngineFailure
from harnesslab.types import Constraint, ToolSpec, canonical

if TYPE_CHECKING:
    from llguidance import LLExecutor, LLMatcher

KEPT = 256  # compiled grammars; a suite has a handful of toolboxes
MANY = 8  # masks from which on they are shared out over cores
FUEL = 10_000_000  # llguidance's bound on a lexer's work; by default a text without marks can run out of it


class GrammarMatcher:
    """A grammar's state for one reply. Not thread-safe."""

    def __init__(self, matcher: LLMatcher, vocabulary: Vocabulary) -> None:
        self._matcher = matcher
        self._end = vocabulary.end
        self._first = self._forced()[:1]

    @property
    def error(self) -> str:
        """Why nothing is allowed any more; "" while all is well."""
        error: str = self._matcher.get_error()
        return error

    def mask(self, row: NDArray[np.uint32]) -> None:
        """Writes the bits of the tokens allowed next: the model's end tokens among them where the reply may end.

        Args:
            row: uint32[words], contiguous. All zero after an error.
        """
        if self.fixed:
            row[:] = 0
            if self._first:
                row[self._first[0] // 32] = np.uint32(1) << np.uint32(self._first[0] % 32)
            return
        self._matcher.unsafe_compute_mask_ptr(row.ctypes.data, row.nbytes)
        if self._matcher.is_error():
            row[:] = 0

    @property
    def fixed(self) -> bool:
        """Whether there is nothing to compute: after an error, and at a fixed beginning, which is written as the
        tokenizer would write it."""
        return bool(self._first) or self._matcher.is_error()

    def consume(self, token: int) -> Sequence[int]:
        """Advances by one token and returns those that now follow by force, an end token last if the reply is over."""
        self._first = []
        if not self._matcher.consume_token(token):
            return ()
        forced: list[int] = []
        while more := self._forced():
            if not self._matcher.consume_tokens(more):
                return forced
            forced += more
        if self._matcher.is_stopped() and not self._matcher.is_error():
            forced.append(self._end)
        return forced

    def _forced(self) -> list[int]:
        return [] if self._matcher.is_stopped() else self._matcher.compute_ff_tokens()


class Masks:
    """Writes the masks of many replies at once."""

    def __init__(self) -> None:
        self._executor: LLExecutor | None = None

    def write(self, matchers: Sequence[tuple[Matcher, int]], masks: NDArray[np.uint32]) -> None:
        """`masks[i]` becomes the mask of the matcher that comes with i.

        Args:
            masks: uint32[rows, words], contiguous.
        """
        shared = [(m, i) for m, i in matchers if isinstance(m, GrammarMatcher) and not m.fixed]
        if len(shared) < MANY:
            for matcher, i in matchers:
                matcher.mask(masks[i])
            return
        if self._executor is None:
            from llguidance import LLExecutor

            self._executor = LLExecutor()
        inner = [(m._matcher, i) for m, i in shared]
        self._executor.unsafe_compute_mask_ptr(inner, masks.ctypes.data, masks.strides[0], len(masks))
        done = {i for m, i in shared if not m.error}
        for matcher, i in matchers:
            if i not in done:
                matcher.mask(masks[i])


class Grammars:
    """Compiles constraints for one model and dialect; safe to use from one thread beside the one that decodes.

    Args:
        vocabulary: called once, by the first constrained request.
        think: the dialect's tags around reasoning, if any.
        thinks: whether this model opens such blocks itself.
    """

    def __init__(
        self, vocabulary: Callable[[], Vocabulary], dialect: str, think: tuple[str, str] | None, *, thinks: bool
    ) -> None:
        self._make_vocabulary = vocabulary
        self._vocabulary: Vocabulary | None = None
        self._dialect, self._think, self._thinks = dialect, think, thinks
        self._compiled: OrderedDict[str, LLMatcher] = OrderedDict()
        self._lock = threading.Lock()

    def matcher(
        self, constraint: Constraint, tools: Sequence[ToolSpec] = (), *, inside_thinking: bool = False
    ) -> GrammarMatcher:
        """A fresh matcher.

        Args:
            tools: what a constraint of kind "tools" may call.
            inside_thinking: whether the prompt ends in an open think block.

        Raises:
            UserError: the dialect or a tool cannot be put into a grammar.
            EngineFailure: "constraint", llguidance refuses the grammar, in its words.
        """
        with self._lock:
            if self._vocabulary is None:
                self._vocabulary = self._make_vocabulary()
            thinking: Thinking = "open" if inside_thinking else "allowed" if self._thinks else "none"
            relevant = [[t.name, json.dumps(t.parameters, default=dict)] for t in tools] * (constraint.kind == "tools")
            key = canonical([constraint.kind, constraint.text, thinking, relevant])
            compiled = self._compiled.get(key)
            if compiled is None:
                compiled = self._compile(self._vocabulary, constraint, tools, thinking)
                self._compiled[key] = compiled
            self._compiled.move_to_end(key)
            while len(self._compiled) > KEPT:
                self._compiled.popitem(last=False)
            return GrammarMatcher(compiled.deep_copy(), self._vocabulary)

    def _compile(
        self, vocabulary: Vocabulary, constraint: Constraint, tools: Sequence[ToolSpec], thinking: Thinking
    ) -> LLMatcher:
        from llguidance import LLMatcher, LLParserLimits

        grammar = self.grammar(vocabulary, constraint, tools, thinking)
        limits = LLParserLimits(initial_lexer_fuel=FUEL, step_lexer_fuel=FUEL)
        matcher = LLMatcher(vocabulary.tokenizer, grammar, log_level=0, limits=limits)
        if matcher.is_error():
            raise EngineFailure("constraint", " ".join(matcher.get_error().split())[:400])
        return matcher

    def grammar(
        self, vocabulary: Vocabulary, constraint: Constraint, tools: Sequence[ToolSpec], thinking: Thinking
    ) -> str:
        """The grammar of a whole reply, as llguidance reads it."""
        lark = Lark(vocabulary.specials)
        first = preamble(lark, self._dialect, self._think, thinking)
        if constraint.kind == "tools":
            if constraint.text not in ("required", "auto"):
                raise EngineFailure("constraint", f'"tools" takes "required" or "auto", not {constraint.text!r}')
            required = constraint.text == "required"
            reply = tools_grammar(lark, self._dialect, tools, required=required, think=self._think)
            return lark.render(f"{first} ({reply})")
        if self._dialect == "harmony":
            first = f"{first} {lark.text('<|channel|>final<|message|>')}"
        if constraint.kind == "json_schema":
            try:
                schema = json.loads(constraint.text)
            except ValueError as error:
                raise EngineFailure("constraint", f"the JSON schema is not JSON: {error}") from None
            if not isinstance(schema, dict):
                raise EngineFailure("constraint", "the JSON schema is not an object")
            return lark.render(f"{first} {lark.json(narrowed(schema))}")
        if constraint.kind == "regex":
            return lark.render(f"{first} {lark.terminal(f'/{slashed(constraint.text)}/')}")
        if not first:
            return constraint.text
        whole = {"name": "reply", "lark_grammar": lark.render(f"{first} @answer")}
        return json.dumps({"grammars": [whole, {"name": "answer", "lark_grammar": constraint.text}]})
