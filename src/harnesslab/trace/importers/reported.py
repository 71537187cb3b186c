"""Figures that a file reports of itself, to be held against its own trials."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harnesslab.trace.importers.values import items, mapping, number

_NAMES = (
    *("accuracy", "mean", "mean_reward", "avg_reward", "average_reward"),
    *("success_rate", "pass_rate", "pass^1", "pass_1", "pass_hat_1"),
)
_HOLDERS = ("metrics", "results", "summary")


@dataclass(frozen=True, slots=True)
class Reported:
    """One mean of successes that a file states, as it is written (a share, or per cent)."""

    name: str
    value: float
    written: str

    @property
    def share(self) -> float:
        return self.value / 100.0 if self.value > 1.0 else self.value

    @property
    def half_digit(self) -> float:
        """Half a unit of the last digit written: what rounding may have hidden."""
        _, _, decimals = self.written.partition(".")
        scale = 100.0 if self.value > 1.0 else 1.0
        return 0.5 * 10.0 ** -min(len(decimals), 15) / scale + 1e-12

    def is_count_of(self, n: int) -> bool:
        """Whether some whole number of n trials gives this mean."""
        return n > 0 and abs(round(self.share * n) / n - self.share) <= self.half_digit


def reported(key: str, value: Any) -> Iterator[Reported]:
    """What the value of one key of a file's outer object states."""
    if key in _NAMES:
        yield from _one(key, value)
    elif key in _HOLDERS:
        held = mapping(value)
        for name in _NAMES:
            yield from _one(name, held.get(name))
        for score in items(held.get("scores")):  # Inspect
            for name, metric in mapping(mapping(score).get("metrics")).items():
                if name in _NAMES:
                    yield from _one(str(name), mapping(metric).get("value"))


def _one(name: str, value: Any) -> Iterator[Reported]:
    found = number(value)
    if found is not None and 0.0 <= found <= 100.0:
        written = repr(value) if isinstance(value, (int, float)) else str(value)
        yield Reported(name, found, written if "e" not in written else f"{found:.15f}")


def doubts(claims: list[Reported], passed: int, trials: int, planned: int) -> Iterator[str]:
    """One sentence for each claim that these counts cannot have given.

    Args:
        trials: that count; planned: those that are missing included.
    """
    for claim in claims:
        sizes = [n for n in dict.fromkeys((trials, planned)) if n]
        said = f"The file reports {claim.name} {claim.written}"
        if not any(claim.is_count_of(n) for n in sizes):
            yield f"{said}, which is k of {' or of '.join(map(str, sizes))} trials for no whole number k."
        elif not any(math.isclose(passed / n, claim.share, abs_tol=claim.half_digit) for n in sizes):
            yield f"{said}, but {passed} of its {trials} trials passed."
