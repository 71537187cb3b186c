"""Harnesses that a config may name without spelling them out: the three baselines, and stacks after known systems.

`guardrails` is forge, each of the five mechanisms of its own ablation by our nearest layer: rescue parsing (`rescue`),
nudges (`validate` says what is wrong with a call, `retry` answers on the tool channel, which forge found to beat user
messages), error recovery (`retry`; that errors go back at all is the loop's own), step enforcement (`prerequisites`),
compaction (`compact`). `smallcode` has what SmallCode is known for: one tool in place of a chain, checks after each
write, decomposition when the same thing fails twice, and a two-stage tool router. `full` is every layer, in the order
that docs/layers.md gives reasons for.
"""

from __future__ import annotations

from collections.abc import Mapping

from harnesslab.errors import unknown_name
from harnesslab.harness.registry import LayerSpec, parse_spec

BASELINES: Mapping[str, tuple[str, ...]] = {
    "abort": ("abort",),  # ends at the first bad reply or failed call
    "loop": (),  # the standard agent loop
    "best-of-n": ("best-of-n",),  # whole attempts of the loop: what the same tokens buy without any mechanism
}

PRESETS: Mapping[str, tuple[str, ...]] = {
    **BASELINES,
    "guardrails": ("retry", "validate", "prerequisites", "rescue", "compact"),
    "smallcode": ("decompose", "improve", "router", "compound"),
    "full": (
        *("decompose", "improve", "retry", "rewind"),
        *("rescue", "router", "breaker", "validate", "compound", "prerequisites"),
        *("constrain", "compact"),
    ),
}


def preset(name: str) -> tuple[LayerSpec, ...]:
    """The layers of a preset, with all their parameters.

    Raises:
        UserError: no preset has this name.
    """
    if name not in PRESETS:
        raise unknown_name("harness", name, PRESETS, "define it in the config as [harness.NAME] with layers = [...]")
    return tuple(parse_spec(layer) for layer in PRESETS[name])
