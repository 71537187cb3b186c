"""What a desk is made of, and how its tasks are drawn: templates x variants over one shared base.

A task is a function of (version, desk, split, seed, template, variant) alone: all variants are drawn into the tables,
and how many tasks are asked for changes none of them, nor the state they start from.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from harnesslab.suites.servicedesk.draft import Draft, Template
from harnesslab.suites.servicedesk.task import DeskTask, make_task
from harnesslab.suites.tools import Toolkit
from harnesslab.suites.world import Base
from harnesslab.types import Advice, Budget, TaskView, stable_hash

VERSION = "4"
MOST_VARIANTS = 10
BUDGET = Budget(turns=20)


class Tables(Protocol):
    """Collects a desk's rows; `random` is the stream of the task that is being drawn."""

    random: Random

    def fill(self, customers: int) -> None: ...

    def base(self) -> Base: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where an agent sits: what it is told, the tools at hand, and what its author tells layers."""

    system: str
    kit: Toolkit
    advice: Advice


@dataclass(frozen=True, slots=True)
class Desk:
    """Attributes:
    counter: where anybody may ask, without policy; the first tier's place.
    office: the place of all other tiers.
    tables: opens empty tables on a random stream.
    tiers: templates by tier, the easiest first.
    customers: how many fill the tables beside those of the tasks.
    """

    name: str
    counter: Place
    office: Place
    tables: Callable[[Random], Any]
    tiers: Mapping[str, tuple[Template[Any], ...]]
    customers: int = 700


@dataclass(frozen=True, slots=True)
class Drawn:
    """One task of a draw before its oracle was run; `build` makes a task of it."""

    desk: Desk
    tier: str
    template: str
    variant: int
    split: str
    seed: int
    draft: Draft
    rows: Base

    def build(self) -> DeskTask:
        base = f"{self.desk.name}.{self.template}"
        place = self.desk.counter if self.tier == next(iter(self.desk.tiers)) else self.desk.office
        return make_task(
            TaskView(f"{base}.{self.variant}", place.system, self.draft.persona.opening, BUDGET, place.advice),
            self.draft,
            base=base,
            variant=f"{self.split}-{self.seed}.{self.variant}",
            tier=self.tier,
            kit=place.kit,
            rows=self.rows,
        )


def draw(desk: Desk, *, seed: int, split: str) -> tuple[Drawn, ...]:
    """All tasks of one draw, tiers taking turns, each template once before any of its tier comes again."""
    tables: Tables = desk.tables(_random(desk.name, split, seed))
    tables.fill(desk.customers)
    drafts: list[tuple[str, str, int, Draft]] = []
    openings: set[str] = set()
    for tier, template, variant in _order(desk):
        tables.random = _random(desk.name, split, seed, template.__name__, variant)
        while (draft := template(tables)).persona.opening in openings:
            pass  # another customer, or other words
        openings.add(draft.persona.opening)
        drafts.append((tier, template.__name__.replace("_", "-"), variant, draft))
    rows = tables.base()
    return tuple(Drawn(desk, tier, name, variant, split, seed, d, rows) for tier, name, variant, d in drafts)


def _order(desk: Desk) -> Iterator[tuple[str, Template[Any], int]]:
    lanes = [
        [(tier, template, variant) for variant in range(MOST_VARIANTS) for template in templates]
        for tier, templates in desk.tiers.items()
    ]
    for row in itertools.zip_longest(*lanes):
        yield from filter(None, row)


def _random(*parts: str | int) -> Random:
    return Random(stable_hash("servicedesk", VERSION, *parts))
