"""Schemas, regular expressions and grammars: what is allowed, what is forced, and how a reply ends."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from toy_vocabulary import ToyTokens, allowed

from harnesslab.engine.constrain import Grammars
from harnesslab.errors import EngineFailure
from harnesslab.types import Constraint, ToolSpec

MEMBERS = {"a": {"type": "integer"}, "b": {"enum": ["x"]}}
SCHEMA = Constraint("json_schema", json.dumps({"type": "object", "properties": MEMBERS, "required": ["a", "b"]}))
TAGS = ("<think>", "</think>")


@pytest.fixture(scope="module")
def toy() -> ToyTokens:
    return ToyTokens()


def grammars(toy: ToyTokens, dialect: str = "hermes", *, thinks: bool = False) -> Grammars:
    vocabulary = toy.vocabulary()
    return Grammars(lambda: vocabulary, dialect, TAGS, thinks=thinks)


def options(toy: ToyTokens, matcher: Any) -> set[int]:
    row = np.zeros((len(toy.pieces) + 31) // 32, np.uint32)
    matcher.mask(row)
    return set(allowed(row).tolist())


def type_in(toy: ToyTokens, matcher: Any, text: str) -> str:
    """Draws byte after byte of a text, skipping what was forced; returns the whole reply so far, `$` where it ends."""
    said = ""
    due = text
    while due:
        token = due.encode()[0]
        if token not in options(toy, matcher):
            token = min(t for t in options(toy, matcher) if due.encode().startswith(toy.pieces[t]))
        forced = matcher.consume(token)
        said += toy.text([token, *forced])
        assert text.startswith(said) or said.startswith(text)
        due = text[len(said) :]
        if forced and forced[-1] == toy.end:
            return said + "$"
    return said


def test_a_schema_forces_its_braces_and_keys_and_ends_by_itself(toy: ToyTokens) -> None:
    matcher = grammars(toy).matcher(SCHEMA)
    assert len(options(toy, matcher)) == 1  # the beginning is fixed, and so is its spelling
    (first,) = options(toy, matcher)
    forced = matcher.consume(first)
    assert toy.text([first, *forced]).startswith('{"a"')
    said = toy.text([first, *forced])
    assert type_in(toy, matcher, '{"a": 12, "b": "x"}'[len(said) :]).endswith("$")
    assert not matcher.error


def test_only_the_end_is_allowed_where_nothing_may_follow(toy: ToyTokens) -> None:
    matcher = grammars(toy).matcher(Constraint("regex", "(yes|no)"))
    assert options(toy, matcher) == {ord("y"), ord("n")}
    assert list(matcher.consume(ord("y"))) == [ord("e"), ord("s"), toy.end]


def test_the_end_is_allowed_where_a_reply_may_end(toy: ToyTokens) -> None:
    matcher = grammars(toy).matcher(Constraint("regex", "[ab]+"))
    assert toy.end not in options(toy, matcher)
    matcher.consume(ord("a"))
    assert options(toy, matcher) == {ord("a"), ord("b"), toy.end}


def test_a_lark_grammar_is_taken_as_it_is_and_after_thinking(toy: ToyTokens) -> None:
    lark = Constraint("lark", 'start: WORD ("," WORD)*\nWORD: /[a-z]+/')
    assert type_in(toy, grammars(toy).matcher(lark), "ab,c") == "ab,c"
    thinker = grammars(toy, thinks=True).matcher(lark)
    assert type_in(toy, thinker, "<think>Hm, {</think>\n\nab,c") == "<think>Hm, {</think>\n\nab,c"


def test_a_block_that_the_prompt_opened_must_be_closed_first(toy: ToyTokens) -> None:
    matcher = grammars(toy).matcher(SCHEMA, inside_thinking=True)
    assert toy.end not in options(toy, matcher)
    said = type_in(toy, matcher, '7 < 8, {"a": no}</think>')
    assert said.startswith('7 < 8, {"a": no}</think>')
    assert {ord("{"), ord("\n")} <= options(toy, matcher)


@pytest.mark.parametrize(
    "constraint",
    [
        Constraint("regex", "(unclosed"),
        Constraint("lark", "start: nowhere"),
        Constraint("json_schema", "{"),
        Constraint("json_schema", '{"type": "object", "minContains": "many"}'),
        Constraint("json_schema", "[1]"),
        Constraint("tools", "maybe"),
    ],
)
def test_a_bad_constraint_is_a_typed_failure(toy: ToyTokens, constraint: Constraint) -> None:
    with pytest.raises(EngineFailure) as failure:
        grammars(toy).matcher(constraint, (ToolSpec("t", "", {}),))
    assert failure.value.cause == "constraint"
    assert "\n" not in failure.value.detail


def test_a_refused_token_leaves_an_error_and_an_empty_mask(toy: ToyTokens) -> None:
    matcher = grammars(toy).matcher(Constraint("regex", "[ab]+"))
    matcher.consume(ord("z"))
    assert matcher.error
    assert options(toy, matcher) == set()


def test_grammars_are_compiled_once_and_replies_do_not_meet(toy: ToyTokens) -> None:
    made: list[int] = []
    vocabulary = toy.vocabulary()

    def make() -> Any:
        made.append(1)
        return vocabulary

    some = Grammars(make, "hermes", None, thinks=False)
    assert not made  # off is free
    one, other = (some.matcher(Constraint("regex", "[ab]c")) for _ in range(2))
    assert list(one.consume(ord("a"))) == [ord("c"), toy.end]
    assert options(toy, other) == {ord("a"), ord("b")}
    assert made == [1]
    assert len(some._compiled) == 1


def test_numbers_stay_within_what_json_readers_agree_on(toy: ToyTokens) -> None:
    matcher = grammars(toy).matcher(Constraint("json_schema", '{"type": "integer"}'))
    for digit in "9007199254740991":
        assert ord(digit) in options(toy, matcher)
        matcher.consume(ord(digit))
    assert not options(toy, matcher) & set(range(ord("0"), ord("9") + 1))
