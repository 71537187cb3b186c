"""First departure of foreign trials: where their calls leave the oracle's, by alignment. No world is needed."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from harnesslab.score.sample import Ints, Sample, oracle_arrays
from harnesslab.score.summary import Departures
from harnesslab.store.columns import Columns

KINDS = ("none", "arguments", "unexpected", "not made")


def departures_of(columns: Columns) -> Ints:
    """int64[n, 3] of every trial: kind, call, cost (see the kernel `departure`)."""
    from harnesslab_kernels.departure import first_departures

    found = first_departures(columns.events, columns.offsets, *oracle_arrays(columns), columns.trials["task"])
    return found.astype(np.int64)


def departures(sample: Sample, found: Ints) -> Departures:
    """Of one cell's failed trials; `found` is `departures_of` at the cell's trials that count."""
    failed = found[~sample.passed]
    kinds = np.bincount(failed[:, 0], minlength=len(KINDS)) if len(failed) else np.zeros(len(KINDS), dtype=np.int64)
    left = failed[failed[:, 0] > 0, 1]
    return Departures(
        failed=len(failed),
        kinds=MappingProxyType({name: int(n) for name, n in zip(KINDS, kinds, strict=True)}),
        median_call=float(np.median(left)) + 1.0 if len(left) else None,
    )
