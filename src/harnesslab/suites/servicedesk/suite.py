"""Loads the service desks: both as one suite, or each alone."""

from __future__ import annotations

import itertools
from functools import lru_cache

from harnesslab.errors import UserError
from harnesslab.suites.servicedesk.airline.desk import DESK as AIRLINE
from harnesslab.suites.servicedesk.desk import VERSION, Desk, Drawn, draw
from harnesslab.suites.servicedesk.retail.desk import DESK as RETAIL
from harnesslab.suites.task import TaskSuite

DEFAULT_N = 60  # tasks per desk


def load(*, seed: int, n: int | None = None, split: str = "eval") -> TaskSuite:
    """Both desks, taking turns; see `load_retail`."""
    return _load("servicedesk", (RETAIL, AIRLINE), seed, n, split)


def load_retail(*, seed: int, n: int | None = None, split: str = "eval") -> TaskSuite:
    """The retail desk's tasks, tiers taking turns.

    Args:
        n: number of tasks; 60 (over all tiers) by default.
        split: "eval", or "dev" for the draw that difficulty is calibrated on.
    """
    return _load("servicedesk-retail", (RETAIL,), seed, n, split)


def load_airline(*, seed: int, n: int | None = None, split: str = "eval") -> TaskSuite:
    """The airline desk's tasks; see `load_retail`."""
    return _load("servicedesk-airline", (AIRLINE,), seed, n, split)


def _load(name: str, desks: tuple[Desk, ...], seed: int, n: int | None, split: str) -> TaskSuite:
    drawn = (_drawn(desk.name, seed, split) for desk in desks)
    all_of_them = [d for row in itertools.zip_longest(*drawn) for d in row if d is not None]
    count = DEFAULT_N * len(desks) if n is None else n
    if not 1 <= count <= len(all_of_them):
        raise UserError(f"suite {name!r} has 1 to {len(all_of_them)} tasks, not {count}", todo="choose another n")
    summary = "Service desks with a written policy and a customer who talks."
    return TaskSuite(name, f"{VERSION}+{split}.{seed}", tuple(d.build() for d in all_of_them[:count]), summary)


@lru_cache(maxsize=8)
def _drawn(desk: str, seed: int, split: str) -> tuple[Drawn, ...]:
    """A desk's draw, over one base that all suites of the process share."""
    return draw(next(d for d in (RETAIL, AIRLINE) if d.name == desk), seed=seed, split=split)
