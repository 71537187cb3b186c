"""The grid that takes a harness apart: without each of its layers, and each layer alone over the loop.

A layer is what has one name: where a harness has it twice, both go, and both stand alone together.
"""

from __future__ import annotations

from collections.abc import Sequence

from harnesslab.errors import UserError, unknown_name
from harnesslab.harness.presets import preset
from harnesslab.harness.registry import LayerSpec, find, suite_informed

Stack = tuple[LayerSpec, ...]


def ablation(name: str, layers: Stack, *, only: Sequence[str] | None = None, alone: bool = True) -> dict[str, Stack]:
    """The harnesses of an ablation by name: `abort`, `loop`, NAME, NAME-LAYER, loop+LAYER.

    Where layers use what a suite's author wrote for them, NAME-advice is there too: they do without it, or go.

    Args:
        only: layers to take out and to try alone; None: all.
        alone: whether layers are tried alone.

    Raises:
        UserError: the harness has no layer, or none of a name in `only`.
    """
    called = dict.fromkeys(map(called_as, layers))
    if not called:
        raise UserError(f"harness {name} has no layers to take out", "", "name one that has")
    for layer in only or ():
        if layer not in called:
            raise unknown_name(f"layer of harness {name}:", layer, called)
    tried = [layer for layer in called if only is None or layer in only]
    grid = {"abort": preset("abort"), "loop": preset("loop"), name: layers}
    grid |= {f"{name}-{layer}": _without(layers, {layer}) for layer in tried}
    if any(suite_informed(s) for s in layers):
        grid[f"{name}-advice"] = uninformed(layers)
    if alone:
        grid |= {f"loop+{layer}": _without(layers, called.keys() - {layer}) for layer in tried}
    return grid


def uninformed(layers: Stack) -> Stack:
    """The same layers without anything that a suite's author wrote; one that is nothing else is left out."""
    return tuple(
        LayerSpec(s.name, {**s.params, "advice": False}) if suite_informed(s) else s
        for s in layers
        if not suite_informed(s) or "advice" in s.params
    )


def called_as(spec: LayerSpec) -> str:
    """A layer's own name, also where a config names it by import path."""
    return find(spec.name).layer.name


def _without(layers: Stack, names: set[str]) -> Stack:
    return tuple(s for s in layers if called_as(s) not in names)
