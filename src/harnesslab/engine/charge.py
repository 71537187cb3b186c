"""Who pays for a step: its seconds are divided over the requests that were fed in it.

Each pays in proportion to what its feed would have cost alone, so that all requests of a step save by the same factor.
A convention, not a measurement: llama.cpp computes a step as one.
"""

from __future__ import annotations

from collections.abc import Sequence

from harnesslab.types import Weights


def parts_of(seconds: float, feeds: Sequence[tuple[int, int, bool]], weights: Weights | None) -> list[float]:
    """Each request's part of a step, in seconds; they add up to `seconds`.

    Args:
        feeds: (tokens before, tokens fed, whether the first of them was drawn), one per request.
        weights: what tokens cost alone; None: every token counts alike.
    """
    if weights is None:
        costs = [float(tokens) for _, tokens, _ in feeds]
    else:
        costs = [weights.of_feed(before, tokens, drawn=drawn) for before, tokens, drawn in feeds]
    total = sum(costs)
    return [seconds * cost / total for cost in costs]
