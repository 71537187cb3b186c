"""A short soak; `python -m benchmarks.soak` is the long one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from benchmarks.soak import PARKING, soak

pytestmark = pytest.mark.model


def test_many_short_trials_leave_nothing_behind(smollm2: Path) -> None:
    soaked = asyncio.run(soak(smollm2, trials=100))
    counts, stats = soaked.counts, soaked.stats
    assert counts["trials"] == 100
    assert counts["failures"] == 0
    assert min(counts["cancelled"], counts["rewinds"], counts["constrained"]) > 5
    assert min(stats["evicted"], stats["parked"], stats["shared"]) > 5
    # what is left in the cells belongs to idle sequences, and llama.cpp agrees
    assert stats["sequences"] == stats["idle_sequences"]
    assert stats["astray"] == 0
    first, *_, last = soaked.marks
    assert last.descriptors == first.descriptors
    assert last.worker - first.worker < 100 + PARKING / 2**20
    assert last.parent - first.parent < 20
    assert soaked.processes == 0
