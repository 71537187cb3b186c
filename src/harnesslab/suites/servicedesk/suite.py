"""Loads the service desks: both as one suite, or each alone."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache

from harnesslab.errors import UserError, unknown_name
from harnesslab.suites.servicedesk.airline.desk import DESK as AIRLINE
from harnesslab.suites.servicedesk.desk import VERSION, Desk, Drawn, draw
from harnesslab.suites.servicedesk.retail.desk import DESK as RETAIL
from harnesslab.suites.task import TaskSuite

SPLITS = ("eval", "dev")
DEFAULT_N = 45  # tasks per desk
TIERS = tuple(RETAIL.tiers)


def load(*, seed: int, n: int | None = None, split: str = "eval", tiers: Sequence[str] | None = None) -> TaskSuite:
    """Both desks, taking turns; see `load_retail`."""
    return _load("servicedesk", (RETAIL, AIRLINE), seed, n, split, tiers)


def load_retail(
    *, seed: int, n: int | None = None, split: str = "eval", tiers: Sequence[str] | None = None
) -> TaskSuite:
    """The retail desk's tasks, tiers taking turns.

    Args:
        n: number of tasks; 45 (over all tiers) by default.
        split: "eval", or "dev" for the draw that difficulty is calibrated on.
        tiers: only tasks of these.
    """
    return _load("servicedesk-retail", (RETAIL,), seed, n, split, tiers)


def load_airline(
    *, seed: int, n: int | None = None, split: str = "eval", tiers: Sequence[str] | None = None
) -> TaskSuite:
    """The airline desk's tasks; see `load_retail`."""
    return _load("servicedesk-airline", (AIRLINE,), seed, n, split, tiers)


def _load(
    name: str, desks: tuple[Desk, ...], seed: int, n: int | None, split: str, tiers: Sequence[str] | None
) -> TaskSuite:
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    for tier in tiers or ():
        if tier not in TIERS:
            raise unknown_name("tier", tier, TIERS)
    chosen = set(tiers or ())
    drawn = [_drawn(desk.name, seed, split) for desk in desks]
    lanes = [[d for d in found if not chosen or d.tier in chosen] for found in drawn]
    all_of_them = [d for row in itertools.zip_longest(*lanes) for d in row if d is not None]
    count = DEFAULT_N * len(desks) * len(chosen or TIERS) // len(TIERS) if n is None else n
    if not 1 <= count <= len(all_of_them):
        raise UserError(f"suite {name!r} has 1 to {len(all_of_them)} tasks, not {count}", todo="choose another n")
    summary = "Service desks with a written policy and a customer who talks."
    return TaskSuite(name, f"{VERSION}+{split}.{seed}", tuple(d.build() for d in all_of_them[:count]), summary)


@lru_cache(maxsize=8)
def _drawn(desk: str, seed: int, split: str) -> tuple[Drawn, ...]:
    """A desk's draw, over one base that all suites of the process share."""
    return draw(next(d for d in (RETAIL, AIRLINE) if d.name == desk), seed=seed, split=split)
