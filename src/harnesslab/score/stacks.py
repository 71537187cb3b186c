"""What a cell's stored layer list says: which harnesses differ by one layer, and which are baselines.

Cells are recognised by what is stored of their layers, never by name. A layer is what has one name on the trace: where
a harness has it twice, taking it out takes both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harnesslab.store.columns import CellRow
from harnesslab.types import canonical

BASELINES: Mapping[tuple[str, ...], str] = {("abort",): "abort", (): "loop", ("best-of-n",): "best-of-n"}
_OF_LAYERS = ("layers", "called", "informed", "advice", "greedy")  # differs where layers do; the last is a consequence


@dataclass(frozen=True, slots=True)
class Stack:
    """A harness as stored.

    Attributes:
        names: each layer's name on the trace, in order; `entries`: all that identifies each.
        informed: names of those that use what the suite's author wrote.
        plain: entries of the same harness without that.
        rest: all else that identifies the cell; only cells with one `rest` differ in their harness alone.
    """

    names: tuple[str, ...]
    entries: tuple[str, ...]
    informed: tuple[str, ...]
    plain: tuple[str, ...]
    rest: str

    @property
    def baseline(self) -> str:
        """The baseline it is, or ""."""
        return BASELINES.get(self.names, "")

    @property
    def layers(self) -> tuple[str, ...]:
        """Its names, each once."""
        return tuple(dict.fromkeys(self.names))

    def without(self, *layers: str) -> tuple[str, ...]:
        """The entries that are left when layers are taken out."""
        return tuple(entry for name, entry in zip(self.names, self.entries, strict=True) if name not in layers)


def stack_of(cell: CellRow) -> Stack | None:
    """None where no layers are stored: an imported cell."""
    layers: Sequence[Mapping[str, Any]] | None = cell.facts.get("layers")
    if layers is None:
        return None
    names = tuple(cell.facts.get("called", [layer["name"] for layer in layers]))
    informed: Sequence[bool] = cell.facts.get("informed", [False] * len(layers))
    advice = cell.facts.get("advice", "")
    # what the suite says is stored once for the cell, and belongs to the layers that use it
    told = [{**layer, "advice": advice} if uses else dict(layer) for layer, uses in zip(layers, informed, strict=True)]
    return Stack(
        names,
        tuple(map(canonical, told)),
        tuple(name for name, uses in zip(names, informed, strict=True) if uses),
        tuple(canonical(layer) for layer in map(_plain, layers, informed) if layer is not None),
        canonical({k: v for k, v in cell.facts.items() if k not in _OF_LAYERS}),
    )


def _plain(layer: Mapping[str, Any], informed: bool) -> Mapping[str, Any] | None:
    """A layer without the suite's advice; None for one that is nothing else."""
    if not informed:
        return dict(layer)
    return {**layer, "params": {**layer["params"], "advice": False}} if "advice" in layer["params"] else None
