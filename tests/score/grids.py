"""Made-up grids of harnesses: columns of which the stored layers are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from synthetic import event, sweep

from harnesslab.store.columns import Columns
from harnesslab_kernels import events as ev

INFORMED = {"told", "macro"}


def layer(name: str) -> dict[str, Any]:
    """A stored layer; one that ends in "!" has the suite's advice switched off."""
    own = name.removesuffix("!")
    params = {"advice": own == name} if own == "told" else {}
    return {"name": own, "params": params, "source": "1"}


def facts(names: Sequence[str]) -> dict[str, Any]:
    advice = {"advice": "f00d"} if INFORMED & set(names) else {}
    return advice | {
        "layers": [layer(name) for name in names],
        "called": [name.removesuffix("!") for name in names],
        "informed": [name in INFORMED for name in names],
        "greedy": False,
        "seed": 1,
    }


def grid(arms: Mapping[str, tuple[Sequence[str], float]], *, model: str = "small", **options: Any) -> Columns:
    """Columns of one model.

    Args:
        arms: harness -> (names of its layers, success rate). Every layer steps in once in each trial.
    """
    columns = sweep({(model, name): rate for name, (_, rate) in arms.items()}, **options)
    layers = tuple(dict.fromkeys(["", *(n.removesuffix("!") for names, _ in arms.values() for n in names)]))
    cells = tuple(replace(c, facts=facts(arms[c.harness][0])) for c in columns.cells)
    blobs = []
    for i, trial in enumerate(columns.trials):
        own = [columns.events[columns.offsets[i] : columns.offsets[i + 1]]]
        if len(own[0]):
            own += [event(ev.LAYER, layer=layers.index(n)) for n in cells[trial["cell"]].facts["called"]]
        blobs.append(np.concatenate(own))
    offsets = np.concatenate([[0], np.cumsum([len(b) for b in blobs])]).astype(np.int64)
    return replace(columns, cells=cells, events=np.concatenate(blobs), offsets=offsets, layers=layers)


def both(a: Columns, b: Columns) -> Columns:
    """Two models on the same tasks, as one sweep."""
    trials = b.trials.copy()
    trials["cell"] += len(a.cells)
    return replace(
        a,
        cells=(*a.cells, *b.cells),
        trials=np.concatenate([a.trials, trials]),
        events=np.concatenate([a.events, b.events]),
        offsets=np.concatenate([a.offsets, a.offsets[-1] + b.offsets[1:]]),
    )
