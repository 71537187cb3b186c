"""Loads the order desk: templates x variants over one shared base.

A task is a function of (version, split, seed, template, variant) alone: all variants are drawn into the world's tables,
and how many tasks are asked for changes none of them, nor the state they start from.
"""

from __future__ import annotations

from random import Random

from harnesslab.errors import UserError
from harnesslab.suites.orders.advice import advice_for
from harnesslab.suites.orders.desk import Desk
from harnesslab.suites.orders.draft import Draft, Template
from harnesslab.suites.orders.look_ups import LOOK_UPS
from harnesslab.suites.orders.one_call import ONE_CALL
from harnesslab.suites.orders.policy import SYSTEM
from harnesslab.suites.orders.policy_tasks import POLICY
from harnesslab.suites.orders.tools import KIT
from harnesslab.suites.task import TaskSuite, make_task
from harnesslab.types import Budget, TaskView, stable_hash

VERSION = "2"
TIERS: dict[str, tuple[Template, ...]] = {"one call": ONE_CALL, "look-ups": LOOK_UPS, "policy": POLICY}
DEFAULT_N = 36
MOST_VARIANTS = 10
BUDGET = Budget(turns=6)
_FILLER = 40


def load(*, seed: int, n: int | None = None, split: str = "eval", name: str = "orders") -> TaskSuite:
    """The order desk's tasks, tiers taking turns: the first n hold as many of each tier as n allows.

    Args:
        n: number of tasks; 36 (over all tiers) by default.
        split: "eval", or "dev" for the draw that difficulty was calibrated on.
    """
    plan = [
        (tier, template, variant)
        for variant in range(MOST_VARIANTS)
        for templates in zip(*TIERS.values(), strict=True)
        for tier, template in zip(TIERS, templates, strict=True)
    ]
    count = DEFAULT_N if n is None else n
    if not 1 <= count <= len(plan):
        raise UserError(f"suite {name!r} has 1 to {len(plan)} tasks, not {count}", todo="choose another n")

    desk = Desk(_random(split, seed, "desk"))
    desk.fill(_FILLER)
    drafts: list[tuple[str, str, int, Draft]] = []
    prompts: set[str] = set()
    for tier, template, variant in plan:
        desk.random = _random(split, seed, template.__name__, variant)
        while (draft := template(desk)).prompt in prompts:
            pass  # few items: another one, or other words
        prompts.add(draft.prompt)
        drafts.append((tier, template.__name__.replace("_", "-"), variant, draft))
    rows = desk.base()
    tasks = tuple(
        make_task(
            TaskView(f"{base}.{variant}", SYSTEM, draft.prompt, BUDGET, advice_for(draft.prompt)),
            base=base,
            variant=f"{split}-{seed}.{variant}",
            tier=tier,
            oracle=draft.oracle,
            oracle_answer=draft.answer,
            kit=KIT,
            rows=rows,
            says=draft.says,
            reads=draft.reads,
        )
        for tier, base, variant, draft in drafts[:count]
    )
    return TaskSuite(name, f"{VERSION}+{split}.{seed}", tasks, "An order desk with a written policy.")


def _random(*parts: str | int) -> Random:
    return Random(stable_hash("orders", VERSION, *parts))
