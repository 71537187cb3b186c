"""A layer that not every engine can serve."""

from __future__ import annotations

from harnesslab.harness.params import Params
from harnesslab.types import Layer


class Needy(Layer):
    """Wants constrained decoding, and does nothing with it."""

    name = "needy"
    port = "generate"
    needs = frozenset({"constrain"})

    def __init__(self, params: Params) -> None:
        del params
