"""Loads the workflow suite: 32 templates x variants, tiers taking turns; with faults, or calm.

A task is a function of (version, split, seed, template, variant) alone: each has an office of its own. Both suites hold
the same offices, prompts and tools; where a tool is out of service, the oracle of "workflow" goes another way.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from harnesslab.errors import UserError
from harnesslab.suites.task import TaskSuite, make_task
from harnesslab.suites.workflow.draft import Draft, Plan, Template
from harnesslab.suites.workflow.faults import BROKEN, CALM, DOWN, EXPLICIT, STALE, WRONG, Faults
from harnesslab.suites.workflow.long import LONG
from harnesslab.suites.workflow.middle import MIDDLE
from harnesslab.suites.workflow.office import Office
from harnesslab.suites.workflow.short import SHORT
from harnesslab.suites.workflow.single import SINGLE
from harnesslab.suites.workflow.task import WorkflowTask, with_faults
from harnesslab.suites.workflow.tools import AS_OF, GROUP_OF, GROUPS, OTHER_SOURCE, kit
from harnesslab.types import Budget, TaskView, stable_hash

VERSION = "3"
DEFAULT_N = 64
MOST_VARIANTS = 10
LOST = "lost"  # the one source is down, and all that the other knows is old


@dataclass(frozen=True, slots=True)
class Tier:
    """Attributes:
    rate, kinds: of the transient faults; see `Faults`.
    outages: what happens, equally often, to a tool that has another source.
    """

    templates: tuple[Template, ...]
    turns: int
    rate: float
    kinds: tuple[str, ...]
    outages: tuple[str, ...]


TIERS = {
    "single": Tier(SINGLE, 8, 0.15, EXPLICIT, ("", DOWN)),
    "short": Tier(SHORT, 12, 0.15, EXPLICIT, ("", DOWN)),
    "middle": Tier(MIDDLE, 18, 0.2, EXPLICIT + BROKEN, ("", DOWN, STALE)),
    "long": Tier(LONG, 30, 0.2, EXPLICIT + BROKEN + WRONG, ("", DOWN, STALE)),
}
_OTHERS = "; ".join(f"{other} for {tool}" for tool, other in OTHER_SOURCE.items())
SYSTEM = f"""\
You run errands in an office, and you can do so only by calling tools. Today is {AS_OF}. Do what is asked, \
once, and nothing more. Look up what you do not know; never guess. When all is done, answer in one short sentence with \
the facts asked for, numbers as digits.
Tools may fail:
- After a timeout, error 429, or a result that is cut off or no JSON, make the same call again.
- A list is complete only if it has as many entries as its count says; else read it again.
- Figures are good only if as_of is today. If they are older, ask again.
- If a tool stays out of service or stays old, use its other source: {_OTHERS}."""


def load(*, seed: int, n: int | None = None, split: str = "eval") -> TaskSuite:
    """Chains of calls over tools that fail, tiers taking turns.

    Args:
        n: number of tasks; 64 (over all tiers) by default.
        split: "eval", or "dev" for the draw that difficulty is calibrated on.
    """
    return _load("workflow", seed, n, split)


def load_calm(*, seed: int, n: int | None = None, split: str = "eval") -> TaskSuite:
    """The same chains, and no tool ever fails; see `load`."""
    return _load("workflow-calm", seed, n, split)


def _load(name: str, seed: int, n: int | None, split: str) -> TaskSuite:
    plan = [
        (tier, template, variant)
        for variant in range(MOST_VARIANTS)
        for templates in zip(*(t.templates for t in TIERS.values()), strict=True)
        for tier, template in zip(TIERS, templates, strict=True)
    ]
    count = DEFAULT_N if n is None else n
    if not 1 <= count <= len(plan):
        raise UserError(f"suite {name!r} has 1 to {len(plan)} tasks, not {count}", todo="choose another n")
    tasks = tuple(_task(name, tier, template, variant, split, seed) for tier, template, variant in plan[:count])
    return TaskSuite(name, f"{VERSION}+{split}.{seed}", tasks, SUMMARIES[name])


SUMMARIES = {
    "workflow": "Chains of calls over an office's tools, which fail by schedule.",
    "workflow-calm": "The chains of workflow; no tool ever fails.",
}


def _task(name: str, tier: str, template: Template, variant: int, split: str, seed: int) -> WorkflowTask:
    base = template.__name__.replace("_", "-")
    random = Random(stable_hash("workflow", VERSION, split, seed, base, variant))
    office = Office(random)
    draft = template(office)
    rows = office.base()
    groups = _groups(draft, random)
    outage = _outage(draft, TIERS[tier], variant + stable_hash("outages", split, seed, base) % 12, random)
    faults, plan = (CALM, draft.plan) if name == "workflow-calm" else _under(draft, outage, TIERS[tier])
    task = make_task(
        TaskView(f"{base}.{variant}", SYSTEM, draft.prompt, Budget(turns=TIERS[tier].turns)),
        base=base,
        variant=f"{split}-{seed}.{variant}",
        tier=tier,
        oracle=plan.calls,
        oracle_answer=plan.answer,
        kit=kit(groups),
        rows=rows,
        says=plan.says,
        reads=plan.reads,
    )
    return with_faults(task, faults)


def _groups(draft: Draft, random: Random) -> set[str]:
    """The groups of tools that the prompt needs, and one that it does not, where there is one."""
    needed = {*draft.also, *(GROUP_OF[call.name] for call in draft.plan.calls)}
    spare = [group for group in GROUPS if group not in needed]
    return needed | set(random.sample(spare, min(1, len(spare))))


def _outage(draft: Draft, tier: Tier, turn: int, random: Random) -> tuple[str, str]:
    """A tool with another source, and what is the matter with it. Kinds take turns; where all can be lost, it is so in
    every second variant.
    """
    sources = sorted({call.name for call in draft.plan.calls} & OTHER_SOURCE.keys())
    tool = draft.source or (random.choice(sources) if sources else "")
    if draft.lost:
        return tool, LOST if turn % 2 else tier.outages[turn // 2 % len(tier.outages)]
    return tool, tier.outages[turn % len(tier.outages)] if tool else ""


def _under(draft: Draft, outage: tuple[str, str], tier: Tier) -> tuple[Faults, Plan]:
    """The faults of a task, and the way through it under them."""
    tool, kind = outage
    if kind == LOST and draft.lost is not None:
        return Faults(tier.rate, tier.kinds, {tool: DOWN, OTHER_SOURCE[tool]: STALE}), draft.lost
    if kind:
        return Faults(tier.rate, tier.kinds, {tool: kind}), draft.plan.instead(tool)
    return Faults(tier.rate, tier.kinds), draft.plan
