"""The presets are what they say they are."""

from __future__ import annotations

import pytest

from harnesslab.harness.presets import BASELINES, PRESETS, preset
from harnesslab.harness.registry import layer_names


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_preset_builds(name: str) -> None:
    assert [s.name for s in preset(name)] == list(PRESETS[name])


def test_full_has_every_layer_that_is_no_baseline() -> None:
    baselines = {layer for stack in BASELINES.values() for layer in stack}
    assert sorted(PRESETS["full"]) == sorted(set(layer_names()) - baselines)
