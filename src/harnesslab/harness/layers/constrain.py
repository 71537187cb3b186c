"""Holds decoding to well-formed calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from harnesslab.harness.params import Params
from harnesslab.types import Completion, Constraint, Generate, GenerateNext, Layer, Trial


class Constrain(Layer):
    """Lets the model write only well-formed calls of known tools, or text answers.

    The engine masks every token that would lead away from a call of an offered tool, in the model's own notation, with
    arguments that fit its schema; a text answer may not hold anything that looks like a call. With text = "first" a
    conversation begins with a call: text is allowed once one has been made. A request that is already constrained is
    left alone. A call that is always required is not offered: a trial ends by a text answer.

    Source: grammar-constrained decoding as in llama.cpp, and guidance, whose llguidance makes the masks.
    Cost: no model call; a grammar per toolbox, and a mask per token. Tokens that the grammar fixes cost no decoding.
    Cannot: make a value right; end a call before `max_tokens` cuts it; serve a notation that has no grammar here.
    """

    name = "constrain"
    port = "generate"
    needs = frozenset({"constrain"})

    class Params(Params):
        text: Literal["auto", "first"] = Field(
            "auto", description='whether text may answer at any time ("auto"), or only after a first call ("first")'
        )

    def __init__(self, params: Params) -> None:
        self._first = params.text == "first"

    async def generate(self, trial: Trial, request: Generate, nxt: GenerateNext) -> Completion:
        if request.constraint is not None:
            return await nxt(request)
        called = any(message.tool_calls for message in request.messages)
        text = "required" if self._first and request.tools and not called else "auto"
        trial.intervene(self.name, "held to well-formed calls", pays=False, text=text)
        return await nxt(replace(request, constraint=Constraint("tools", text)))
