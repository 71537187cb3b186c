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
_NOT_IDENTITY = ("layers", "called", "informed", "greedy")  # or, the first, what is to differ


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
    return Stack(
        names,
        tuple(canonical(dict(layer)) for layer in layers),
        tuple(name for name, told in zip(names, informed, strict=True) if told),
        tuple(canonical(_plain(layer) if told else dict(layer)) for layer, told in _kept(layers, informed)),
        canonical({k: v for k, v in cell.facts.items() if k not in _NOT_IDENTITY}),
    )


def _kept(layers: Sequence[Mapping[str, Any]], informed: Sequence[bool]) -> list[tuple[Mapping[str, Any], bool]]:
    """A layer that is nothing but the suite's advice goes with it; one with a parameter `advice` can do without."""
    return [
        (layer, told) for layer, told in zip(layers, informed, strict=True) if not told or "advice" in layer["params"]
    ]


def _plain(layer: Mapping[str, Any]) -> dict[str, Any]:
    return {**layer, "params": {**layer["params"], "advice": False}}
