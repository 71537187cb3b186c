"""A harness: an ordered list of layers, and how they close around the five ports of one trial.

The first layer in the list is the outermost: it sees a request first and its answer last. A layer is part of a port's
chain only where it overrides that port, so a harness without layers costs nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from harnesslab.harness.registry import LayerSpec, layer_source_hash, make, parse_spec
from harnesslab.harness.run import Run
from harnesslab.types import ActNext, GenerateNext, Layer, SolveNext, Toolbox, ToolsNext, TurnNext

In = TypeVar("In")
Out = TypeVar("Out")

PORTS = ("tools", "generate", "act", "turn", "solve")


@dataclass(frozen=True, slots=True)
class Ports:
    """The five calls of one trial, outermost first."""

    tools: ToolsNext
    generate: GenerateNext
    act: ActNext
    turn: TurnNext
    solve: SolveNext


@dataclass(frozen=True, slots=True)
class Harness:
    """A named stack of layers. Holds no state of any trial: every `bind` makes its own layers."""

    name: str
    specs: tuple[LayerSpec, ...] = ()

    @classmethod
    def parse(cls, name: str, layers: Sequence[str | Mapping[str, Any]]) -> Harness:
        """Builds a harness from a config's list of layers.

        Raises:
            UserError: an unknown layer or parameter.
        """
        return cls(name, tuple(parse_spec(layer) for layer in layers))

    @property
    def facts(self) -> list[dict[str, Any]]:
        """What identifies this harness: each layer's name, all its parameters, and the hash of its source."""
        return [
            {"name": s.name, "params": dict(s.params), "source": f"{layer_source_hash(s.name):016x}"}
            for s in self.specs
        ]

    def bind(self, run: Run, base: Ports) -> Ports:
        """Fresh layers for one trial, closed around its innermost calls."""
        if not self.specs:
            return base
        layers = [make(spec) for spec in self.specs]
        return Ports(
            _tools_chain(run, layers, base.tools),
            _chain(run, layers, "generate", base.generate),
            _chain(run, layers, "act", base.act),
            _chain(run, layers, "turn", base.turn),
            _chain(run, layers, "solve", base.solve),
        )


def overrides(layer: type[Layer], port: str) -> bool:
    return getattr(layer, port) is not getattr(Layer, port)


def _tools_chain(run: Run, layers: Sequence[Layer], base: ToolsNext) -> ToolsNext:
    call = base
    for layer in reversed(layers):
        if overrides(type(layer), "tools"):
            call = _tools_link(run, layer, call)
    return call


def _tools_link(run: Run, layer: Layer, nxt: ToolsNext) -> ToolsNext:
    def call(toolbox: Toolbox) -> Toolbox:
        payer = run.account
        try:
            return layer.tools(run, toolbox, nxt)
        finally:
            run.account = payer

    return call


def _chain(
    run: Run, layers: Sequence[Layer], port: str, base: Callable[[In], Awaitable[Out]]
) -> Callable[[In], Awaitable[Out]]:
    call = base
    for layer in reversed(layers):
        if overrides(type(layer), port):
            call = _link(run, getattr(layer, port), call)
            if port == "solve":
                call = _bounded(run, call)
    return call


def _bounded(run: Run, solve: Callable[[Any], Awaitable[Out]]) -> Callable[[Any], Awaitable[Out]]:
    """A layer's `solve`, which may spend no more than the budget of the task it is given, on all its branches."""

    async def call(task: Any) -> Out:
        with run.within(task.budget):
            return await solve(task)

    return call


def _link(
    run: Run,
    method: Callable[[Run, In, Callable[[In], Awaitable[Out]]], Awaitable[Out]],
    nxt: Callable[[In], Awaitable[Out]],
) -> Callable[[In], Awaitable[Out]]:
    """One layer's port as a call, after which whoever paid before pays again."""

    async def call(value: In) -> Out:
        payer = run.account
        try:
            return await method(run, value, nxt)
        finally:
            run.account = payer

    return call
