"""Loads the format suite: 38 templates x variants, tiers taking turns.

A task is a function of (version, split, seed, template, variant) alone, however many are drawn.
"""

from __future__ import annotations

from itertools import zip_longest
from random import Random

from harnesslab.errors import UserError
from harnesslab.suites.format.draft import Draft, Template
from harnesslab.suites.format.easy import EASY
from harnesslab.suites.format.hard import HARD
from harnesslab.suites.format.middle import MIDDLE
from harnesslab.suites.format.task import CallTask, FormTask
from harnesslab.suites.format.tools import KIT, ROWS
from harnesslab.suites.task import TaskSuite, make_task
from harnesslab.types import Budget, Task, TaskView, stable_hash

VERSION = "2"
TIERS: dict[str, tuple[Template, ...]] = {"easy": EASY, "middle": MIDDLE, "hard": HARD}
DEFAULT_N = sum(map(len, TIERS.values()))
MOST_VARIANTS = 10
BUDGET = Budget(turns=6)
SYSTEM = (
    "You are one step of a data pipeline: a program reads your answers, and cannot use a word more than it asks for. "
    "Give the data alone, as plain text without a code fence, in the form that is asked for."
)
CALLS = "You are an assistant with tools. Do what is asked by calling them, and nothing more; then answer: Done."


def load(*, seed: int, n: int | None = None, split: str = "eval") -> TaskSuite:
    """Args:
    n: number of tasks; 38, one of each template, by default.
    split: "eval", or "dev" for the draw that difficulty was calibrated on.
    """
    most = DEFAULT_N * MOST_VARIANTS
    if n is not None and not 1 <= n <= most:
        raise UserError(f"suite 'format' has 1 to {most} tasks, not {n}", todo="choose another n")
    plan = [
        (tier, template, variant)
        for variant in range(MOST_VARIANTS)
        for templates in zip_longest(*TIERS.values())
        for tier, template in zip(TIERS, templates, strict=True)
        if template is not None
    ]
    prompts: set[str] = set()
    tasks: list[Task] = []
    for tier, template, variant in plan[: n or DEFAULT_N]:
        base = template.__name__.replace("_", "-")
        random = Random(stable_hash("format", VERSION, split, seed, base, variant))
        while (draft := template(random)).prompt in prompts:
            pass
        prompts.add(draft.prompt)
        tasks.append(_task(draft, base, f"{split}-{seed}.{variant}", f"{base}.{variant}", tier))
    return TaskSuite("format", f"{VERSION}+{split}.{seed}", tuple(tasks), "Answers in forms that a program reads.")


def _task(draft: Draft, base: str, variant: str, id: str, tier: str) -> Task:
    if draft.form is not None:
        view = TaskView(id, SYSTEM, draft.prompt, BUDGET)
        return FormTask(view, base, variant, tier, draft.form, draft.value)
    made = make_task(
        TaskView(id, CALLS, draft.prompt, BUDGET),
        base=base,
        variant=variant,
        tier=tier,
        oracle=draft.calls,
        oracle_answer="Done.",
        kit=KIT,
        rows=ROWS,
    )
    return CallTask(*(getattr(made, name) for name in WORLD_FIELDS))


WORLD_FIELDS = ("view", "base", "variant", "tier", "oracle", "oracle_answer", "goal", "kit", "rows", "start")
