"""Layers by name: ours, and anyone's by import path (`package.module:ClassName`).

A layer is a class derived from `types.Layer` with a `name`, a `port` (the main one it overrides), a nested `Params`
model, an `__init__(params)`, and a docstring: its first line is the summary, the rest says where the idea comes from
and what the layer cannot do. One that not every engine can serve has a set `needs` of engine capabilities; one that
uses what the suite's author wrote for it has `suite_informed = True`, and a parameter `advice` that switches that off;
one that sets a temperature has a class method `draws(params)`.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from harnesslab.errors import UserError, unknown_name
from harnesslab.harness.layers.abort import Abort
from harnesslab.harness.layers.best_of_n import BestOfN
from harnesslab.harness.layers.breaker import Breaker
from harnesslab.harness.layers.compact import Compact
from harnesslab.harness.layers.compound import CompoundTools
from harnesslab.harness.layers.constrain import Constrain
from harnesslab.harness.layers.decompose import Decompose
from harnesslab.harness.layers.improve import Improve
from harnesslab.harness.layers.prerequisites import Prerequisites
from harnesslab.harness.layers.rescue import Rescue
from harnesslab.harness.layers.retry import Retry
from harnesslab.harness.layers.rewind import Rewind
from harnesslab.harness.layers.router import Router
from harnesslab.harness.layers.validate import Validate
from harnesslab.harness.params import Params
from harnesslab.types import NOTHING, Layer, stable_hash


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """One layer of a harness as data: its name and all its parameters, defaults included."""

    name: str
    params: Mapping[str, Any] = NOTHING


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """What is known of a layer: its class, its parameters, the main port it works on, a one-line summary, and which
    capabilities an engine must have for it (see `types.EngineInfo`).
    """

    layer: type[Layer]
    params: type[Params]
    port: str
    summary: str
    needs: frozenset[str] = frozenset()


def _entry(layer: type[Layer]) -> LayerEntry:
    doc = inspect.getdoc(layer) or layer.name
    needs = frozenset(getattr(layer, "needs", ()))
    return LayerEntry(layer, getattr(layer, "Params", Params), getattr(layer, "port", ""), doc.splitlines()[0], needs)


_OURS: tuple[type[Layer], ...] = (
    Abort,
    Constrain,
    Rescue,
    Validate,
    Prerequisites,
    Breaker,
    Rewind,
    Retry,
    Compact,
    CompoundTools,
    Router,
    Improve,
    Decompose,
    BestOfN,
)
LAYERS: Mapping[str, LayerEntry] = {c.name: _entry(c) for c in _OURS}


def layer_names() -> tuple[str, ...]:
    return tuple(LAYERS)


@lru_cache(maxsize=256)
def find(name: str) -> LayerEntry:
    """A layer by name or by import path.

    Raises:
        UserError: nothing answers to the name, or the import path leads to no layer.
    """
    if name in LAYERS:
        return LAYERS[name]
    module, colon, attribute = name.partition(":")
    if not colon:
        raise unknown_name("layer", name, LAYERS, "a class of your own is named as package.module:ClassName")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as e:
        raise UserError(f"cannot load layer {name!r}", str(e), "check that the module is on PYTHONPATH") from e
    if not (isinstance(found, type) and issubclass(found, Layer) and found.name):
        raise UserError(
            f"{name!r} is not a layer",
            "it must derive from harnesslab.types.Layer and have a name",
            "see docs/layers.md",
        )
    return _entry(found)


def parse_spec(raw: str | Mapping[str, Any]) -> LayerSpec:
    """A config's layer, "retry" or {name = "retry", budget = 3}, with every default filled in.

    Raises:
        UserError: an unknown layer, an unknown parameter, or a value out of range.
    """
    given: dict[str, Any] = {"name": raw} if isinstance(raw, str) else dict(raw)
    name = given.pop("name", None)
    if not isinstance(name, str) or not name:
        raise UserError(
            f"a layer without a name: {raw!r}", "", 'write it as "retry" or as {name = "retry", budget = 3}'
        )
    model = find(name).params
    help_line = f"see: harnesslab layers info {name}"
    for key in given:
        if key not in model.model_fields:
            raise unknown_name(f"parameter of layer {name!r}:", key, model.model_fields, help_line)
    try:
        params = model.model_validate(given)
    except ValidationError as e:
        first = e.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        what = f"layer {name!r}: bad value for {where!r}: {first['input']!r}"
        raise UserError(what, first["msg"], help_line) from e
    return LayerSpec(name, params.model_dump(mode="json"))


def suite_informed(spec: LayerSpec) -> bool:
    """Whether a layer, with these parameters, uses what a suite's author wrote for layers (`types.Advice`)."""
    return find(spec.name).layer.suite_informed and bool(spec.params.get("advice", True))


def make(spec: LayerSpec) -> Layer:
    """A fresh layer for one trial."""
    entry = find(spec.name)
    build: Any = entry.layer  # every layer is built from its parameters; the base class has none
    layer: Layer = build(entry.params.model_validate(spec.params))
    return layer


def draws(spec: LayerSpec) -> bool:
    """Whether the layer may ask for replies at a temperature of its own, see `types.Layer.draws`."""
    entry = find(spec.name)
    return entry.layer.draws(entry.params.model_validate(spec.params))


@lru_cache(maxsize=256)
def layer_source_hash(name: str) -> int:
    """64-bit hash of the layer's source: its own file and all files of this room that it builds on."""
    todo = [find(name).layer.__module__]
    files: dict[str, str] = {}
    while todo:
        home = todo.pop()
        if home not in files:
            files[home] = inspect.getsource(sys.modules[home])
            homes = {getattr(value, "__module__", None) or "" for value in vars(sys.modules[home]).values()}
            todo += [h for h in homes if h.startswith("harnesslab.harness.")]
    return stable_hash(*(files[key] for key in sorted(files)))
