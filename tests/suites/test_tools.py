from __future__ import annotations

from typing import Annotated, Any, Literal

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from harnesslab.suites.environment import WorldEnvironment
from harnesslab.suites.tools import ToolError, Toolkit
from harnesslab.suites.world import Base, World
from harnesslab.types import Environment, Status, ToolCall


def peek(world: World, title: str) -> Any:
    """Look at
    a note.

    More that no model needs.
    """
    row = world.get("notes", title)
    if row is None:
        raise ToolError("no such note", transient=True, expected="a title", actual=title)
    return row


def write(
    world: World,
    title: Annotated[str, Field(description="of the note")],
    stars: int = 0,
    colour: Literal["red", "blue"] | None = None,
) -> str:
    """Write a note."""
    world.put("notes", title, {"stars": stars, "colour": colour})
    if stars > 5:
        raise ToolError("too many stars")
    if stars == 5:
        raise RuntimeError("a bug")
    return "written"


KIT = Toolkit(reads=(peek,), writes=(write,))
BASE = Base({"notes": {"a": {"stars": 1, "colour": None}}})


def run(name: str, **arguments: Any) -> tuple[Status, str, WorldEnvironment]:
    environment = WorldEnvironment(KIT, BASE)
    result = environment.call(ToolCall(name, arguments))
    return result.status, result.content, environment


def test_the_schema_comes_from_the_signature() -> None:
    spec, other = KIT.toolbox.tools
    assert (spec.name, spec.description, spec.writes) == ("peek", "Look at a note.", False)
    assert spec.parameters["required"] == ["title"]
    assert spec.parameters["properties"] == {"title": {"type": "string"}}, "a parameter may be named title"
    assert other.writes
    assert other.parameters["properties"]["title"] == {"type": "string", "description": "of the note"}
    assert other.parameters["additionalProperties"] is False
    assert jsonschema_rs.is_valid(dict(other.parameters), {"title": "b", "stars": 2, "colour": "red"})
    assert not jsonschema_rs.is_valid(dict(other.parameters), {"title": "b", "stars": "2"})


def test_an_environment_is_what_the_lab_expects() -> None:
    assert isinstance(WorldEnvironment(KIT, BASE), Environment)


def test_a_read_answers_and_writes_nothing() -> None:
    environment = WorldEnvironment(KIT, BASE)
    result = environment.call(ToolCall("peek", {"title": "a"}))
    assert (result.status, result.content, result.wrote) == (Status.OK, '{"stars": 1, "colour": null}', False)


def test_a_write_says_that_it_wrote() -> None:
    environment = WorldEnvironment(KIT, BASE)
    assert environment.call(ToolCall("write", {"title": "b"})).wrote
    assert not environment.call(ToolCall("write", {"title": "b"})).wrote, "the second time nothing changes"


@pytest.mark.parametrize(
    ("name", "arguments", "status", "content"),
    [
        ("nope", {}, Status.UNKNOWN_TOOL, "Error: unknown tool nope"),
        ("peek", {}, Status.INVALID_ARGUMENTS, "Error: missing argument title in peek"),
        ("peek", {"title": "a", "id": 1}, Status.INVALID_ARGUMENTS, "Error: unexpected argument id in peek"),
        ("peek", {"title": 5}, Status.INVALID_ARGUMENTS, "Error: bad value for title in peek"),
        ("write", {"title": "b", "stars": "two"}, Status.INVALID_ARGUMENTS, "Error: bad value for stars in write"),
        ("write", {"title": "b", "stars": 2.5}, Status.INVALID_ARGUMENTS, "Error: bad value for stars in write"),
        ("write", {"title": "b", "colour": "green"}, Status.INVALID_ARGUMENTS, "Error: bad value for colour in write"),
        ("peek", {"title": "z"}, Status.TOOL_ERROR, "Error: no such note"),
        ("write", {"title": "b", "stars": 6}, Status.TOOL_ERROR, "Error: too many stars"),
        ("write", {"title": "b", "stars": 5}, Status.TOOL_ERROR, "Error: RuntimeError in write"),
    ],
)
def test_failures_are_typed_terse_and_change_nothing(
    name: str, arguments: dict[str, Any], status: Status, content: str
) -> None:
    got, text, environment = run(name, **arguments)
    assert (got, text) == (status, content)
    assert environment.digest() == WorldEnvironment(KIT, BASE).digest()
    assert environment.touched == frozenset()


def test_a_refusal_says_what_it_wanted() -> None:
    result = WorldEnvironment(KIT, BASE).call(ToolCall("peek", {"title": "z"}))
    assert (result.transient, result.expected, result.actual) == (True, "a title", "z")
    bad = WorldEnvironment(KIT, BASE).call(ToolCall("peek", {"name": "z"}))
    assert (bad.expected, bad.actual) == ('{"type": "string"}', '{"name": "z"}')


@pytest.mark.parametrize("stars", [2, "2", 2.0, True + True])
def test_arguments_are_read_in_lax_mode(stars: Any) -> None:
    _, _, environment = run("write", title="b", stars=stars)
    assert environment.world.get("notes", "b") == {"stars": 2, "colour": None}


def test_the_log_holds_what_reached_a_tool_and_outlives_a_restore() -> None:
    environment = WorldEnvironment(KIT, BASE)
    start = environment.snapshot()
    for call in (
        ToolCall("nope", {}),
        ToolCall("peek", {}),
        ToolCall("peek", {"title": "z"}),
        ToolCall("write", {"title": "b"}),
    ):
        environment.call(call)
    environment.restore(start)
    assert [(call.name, result.status) for call, result in environment.log] == [
        ("peek", Status.TOOL_ERROR),
        ("write", Status.OK),
    ]
    assert environment.touched == frozenset(), "a rewound write was never made"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["title", "stars", "colour", "self", "world"]) | st.text()


@given(st.sampled_from(["peek", "write", "", "world"]), st.dictionaries(NAMES, JSON, max_size=4))
@settings(max_examples=100, deadline=None)
def test_nothing_a_model_can_send_raises(name: str, arguments: dict[str, Any]) -> None:
    environment = WorldEnvironment(KIT, BASE)
    before = environment.digest()
    result = environment.call(ToolCall(name, arguments))
    assert result.ok or environment.digest() == before
    assert result.wrote == (environment.digest() != before)
