"""The grid that takes a harness apart."""

from __future__ import annotations

import pytest

from harnesslab.errors import UserError
from harnesslab.harness.ablate import Stack, ablation, uninformed
from harnesslab.harness.registry import parse_spec

STACK = tuple(parse_spec(layer) for layer in ("compact", {"name": "retry", "budget": 1}, "rewind"))


def names(grid: dict[str, Stack]) -> dict[str, list[str]]:
    return {name: [s.name for s in stack] for name, stack in grid.items()}


def test_without_each_layer_and_each_alone_over_loop() -> None:
    assert names(ablation("full", STACK)) == {
        "abort": ["abort"],
        "loop": [],
        "full": ["compact", "retry", "rewind"],
        "full-compact": ["retry", "rewind"],
        "full-retry": ["compact", "rewind"],
        "full-rewind": ["compact", "retry"],
        "loop+compact": ["compact"],
        "loop+retry": ["retry"],
        "loop+rewind": ["rewind"],
    }


def test_layers_keep_their_parameters() -> None:
    grid = ablation("full", STACK)
    assert grid["loop+retry"] == (STACK[1],)
    assert grid["full-rewind"] == STACK[:2]


def test_some_layers_only_and_none_alone() -> None:
    assert list(ablation("g", STACK, only=["rewind"], alone=False)) == ["abort", "loop", "g", "g-rewind"]


def test_a_layer_that_stands_twice_is_one_mechanism() -> None:
    grid = ablation("g", (*STACK, parse_spec({"name": "rewind", "world": "all"})))
    assert len(grid["g-rewind"]) == 2
    assert [s.params["world"] for s in grid["loop+rewind"]] == ["safe", "all"]


def test_a_layer_by_import_path_goes_by_its_own_name() -> None:
    grid = ablation("g", (parse_spec("harness_again:Again"), *STACK))
    assert [s.name for s in grid["loop+again"]] == ["harness_again:Again"]
    assert "g-again" in grid


def test_what_a_suites_author_wrote_is_taken_out_as_a_whole() -> None:
    """A layer that can do without is told to; one that is nothing else goes."""
    stack = (parse_spec("harness_again:Told"), parse_spec("harness_again:ToldMore"), STACK[2])
    grid = ablation("g", stack)
    assert names(grid)["g-advice"] == ["harness_again:ToldMore", "rewind"]
    assert grid["g-advice"][0].params == {"advice": False}
    assert names(grid)["g-told"] == ["harness_again:ToldMore", "rewind"]
    assert uninformed(grid["g-advice"]) == grid["g-advice"]
    assert "g-advice" not in ablation("g", grid["g-advice"])


@pytest.mark.parametrize(
    ("stack", "only", "says"), [((), None, "no layers to take out"), (STACK, ["rewid"], "did you mean 'rewind'")]
)
def test_mistakes_are_named(stack: Stack, only: list[str] | None, says: str) -> None:
    with pytest.raises(UserError, match=says):
        ablation("g", stack, only=only)
