"""The grid that takes a harness apart: without each of its layers, and each layer alone over the loop.

A layer is what has one name: where a harness has it twice, both go, and both stand alone together.
"""

from __future__ import annotations

from collections.abc import Sequence

from harnesslab.errors import UserError, unknown_name
from harnesslab.harness.presets import preset
from harnesslab.harness.registry import LayerSpec, find

Stack = tuple[LayerSpec, ...]


def ablation(name: str, layers: Stack, *, only: Sequence[str] | None = None, alone: bool = True) -> dict[str, Stack]:
    """The harnesses of an ablation by name: `abort`, `loop`, NAME, NAME-LAYER, loop+LAYER.

    With several layers that use a suite's advice, NAME-suite-informed is there too: NAME without all of them.

    Args:
        only: layers to take out and to try alone; None: all.
        alone: whether layers are tried alone.

    Raises:
        UserError: the harness has no layer, or none of a name in `only`.
    """
    called = {called_as(s): s.name for s in layers}
    if not called:
        raise UserError(f"harness {name} has no layers to take out", "", "name one that has")
    for layer in only or ():
        if layer not in called:
            raise unknown_name(f"layer of harness {name}:", layer, called)
    tried = [layer for layer in called if only is None or layer in only]
    informed = {layer for layer in called if find(called[layer]).layer.suite_informed}
    grid = {"abort": preset("abort"), "loop": preset("loop"), name: layers}
    grid |= {f"{name}-{layer}": _without(layers, {layer}) for layer in tried}
    if len(informed) > 1:
        grid[f"{name}-suite-informed"] = _without(layers, informed)
    if alone:
        grid |= {f"loop+{layer}": _without(layers, called.keys() - {layer}) for layer in tried}
    return grid


def called_as(spec: LayerSpec) -> str:
    """A layer's own name, also where a config names it by import path."""
    return find(spec.name).layer.name


def _without(layers: Stack, names: set[str]) -> Stack:
    return tuple(s for s in layers if called_as(s) not in names)
