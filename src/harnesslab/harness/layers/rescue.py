"""Takes calls out of replies that could not be read."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from harnesslab.harness.near_miss import near_misses
from harnesslab.harness.params import Params
from harnesslab.types import Completion, FinishReason, Generate, GenerateNext, Layer, Trial


class Rescue(Layer):
    """Repairs near-miss calls: what is meant as a call and not written as one.

    Mended are fences, doubled braces, trailing commas, single quotes and Python literals, brackets missing at the end,
    arguments in a string, other keys for name and arguments, and calls in other models' notations. Only the form is
    mended: a name must be exactly a known tool's and every value is text that the model wrote. Where one attempt of a
    reply has no reading or two, the reply is left as it is; so is a reply that was read. The calls carry this layer's
    name on the trace, so first-attempt accuracy stays the model's own.

    Source: rescue parsing as in forge (its own ablation: -0.5 points when off) and most agent frameworks.
    Cost: no model call. The history shows the call as the model's template writes it, so it is computed once more.
    Cannot: complete a call that was cut off, correct a name or a value, or know that a call was only talked about.
    """

    name = "rescue"
    port = "generate"

    class Params(Params):
        answers: bool = Field(True, description="whether replies that were read as a text answer are looked into too")
        cut_off: bool = Field(False, description="whether the calls before one that was cut off are taken without it")

    def __init__(self, params: Params) -> None:
        self._answers, self._cut_off = params.answers, params.cut_off

    async def generate(self, trial: Trial, request: Generate, nxt: GenerateNext) -> Completion:
        completion = await nxt(request)
        if completion.tool_calls or completion.finish_reason is FinishReason.OVERFLOW:
            return completion
        if completion.parse_error is None and not self._answers:
            return completion
        ended = completion.finish_reason is FinishReason.STOP
        found = near_misses(completion.content, request.tools, ended=ended, cut_off=self._cut_off)
        if found is None:
            return completion
        cause = "a text answer" if completion.parse_error is None else str(completion.parse_error.kind)
        trial.intervene(self.name, cause, repairs=list(found.repairs), calls=[c.name for c in found.calls])
        return replace(completion, content=found.content, tool_calls=found.calls, parse_error=None)
