"""Layers and harnesses as data."""

from __future__ import annotations

import pytest

from harnesslab.errors import UserError
from harnesslab.harness.compose import PORTS, Harness, overrides
from harnesslab.harness.presets import preset
from harnesslab.harness.registry import LAYERS, LayerSpec, find, layer_names, layer_source_hash, parse_spec


def test_a_string_and_a_table_name_the_same_layer_with_all_defaults() -> None:
    assert parse_spec("retry") == parse_spec({"name": "retry"}) == LayerSpec("retry", {"budget": 4, "remember": 3})
    assert parse_spec({"name": "retry", "budget": 1}).params["budget"] == 1


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("retri", "did you mean 'retry'"),
        ({"name": "retry", "bugdet": 1}, "did you mean 'budget'"),
        ({"name": "retry", "budget": -1}, "bad value for 'budget'"),
        ({"name": "rewind", "world": "none"}, "bad value for 'world'"),
        ({"budget": 1}, "without a name"),
        ("nowhere.at_all:Layer", "cannot load layer"),
        ("json:JSONDecoder", "is not a layer"),
    ],
)
def test_mistakes_are_named(raw: object, says: str) -> None:
    with pytest.raises(UserError, match=says):
        parse_spec(raw)  # type: ignore[arg-type]


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match=", ".join(sorted(layer_names()))):
        parse_spec("x")
    with pytest.raises(UserError, match="abort, best-of-n, full, guardrails, loop"):
        preset("x")


def test_every_layer_is_described_and_overrides_the_port_it_names() -> None:
    for name in layer_names():
        entry = LAYERS[name]
        doc = entry.layer.__doc__ or ""
        assert entry.layer.name == name
        assert entry.port in PORTS
        assert overrides(entry.layer, entry.port)
        assert entry.summary.endswith(".")
        assert all(word in doc for word in ("Source:", "Cost:", "Cannot:")), name
        assert all(field.description for field in entry.params.model_fields.values()), name


def test_a_harness_names_what_identifies_it() -> None:
    facts = Harness.parse("x", ["validate", {"name": "rewind", "per_turn": 1}]).facts
    assert [f["name"] for f in facts] == ["validate", "rewind"]
    assert facts[1]["params"]["per_turn"] == 1
    assert facts[1]["source"] == f"{layer_source_hash('rewind'):016x}"
    assert layer_source_hash("rewind") != layer_source_hash("retry")


def test_a_layer_is_found_by_import_path() -> None:
    assert find("harness_again:Again").layer.name == "again"
    assert layer_source_hash("harness_again:Again")
