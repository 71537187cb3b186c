"""Layers that make a small model do what a test needs, by constrained decoding."""

from __future__ import annotations

from dataclasses import replace

from harnesslab.harness.params import Params
from harnesslab.types import Completion, Constraint, Generate, GenerateNext, Layer, Trial


class Fumble(Layer):
    """The first reply of a trial is a call that nobody can read."""

    name = "fumble"
    port = "generate"

    def __init__(self, params: Params) -> None:
        self._fumbled = False

    async def generate(self, trial: Trial, request: Generate, nxt: GenerateNext) -> Completion:
        if not self._fumbled:
            self._fumbled = True
            request = replace(request, constraint=Constraint("regex", '<tool_call>\\{"name": 1\\}</tool_call>'))
        return await nxt(request)


class Caller(Layer):
    """Every reply calls a tool."""

    name = "caller"
    port = "generate"

    def __init__(self, params: Params) -> None:
        del params

    async def generate(self, trial: Trial, request: Generate, nxt: GenerateNext) -> Completion:
        return await nxt(replace(request, constraint=Constraint("tools", "required")))
