"""First departure of foreign trials: where their calls leave the oracle's, by alignment. No world is needed."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from harnesslab.score.sample import Sample
from harnesslab.score.summary import Departures

KINDS = ("none", "arguments", "unexpected", "not made")


def departures(sample: Sample, found: NDArray[np.int32]) -> Departures:
    """Of one cell's failed trials.

    Args:
        found: int32[n, 3] of the cell's trials that count: kind, call, cost (see the kernel `departure`).
    """
    failed = found[~sample.passed]
    kinds = np.bincount(failed[:, 0], minlength=len(KINDS)) if len(failed) else np.zeros(len(KINDS), dtype=np.int64)
    left = failed[failed[:, 0] > 0, 1]
    return Departures(
        failed=len(failed),
        kinds=MappingProxyType({name: int(n) for name, n in zip(KINDS, kinds, strict=True)}),
        median_call=float(np.median(left)) + 1.0 if len(left) else None,
    )
