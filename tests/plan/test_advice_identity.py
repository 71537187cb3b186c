"""What a suite's author wrote for layers is part of a cell's identity where a layer uses it, and nowhere else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harnesslab import config
from harnesslab.plan import make_plan

HINTS = """
from harnesslab.types import Advice, Compound, Prerequisite, ToolSpec

async def run(arguments, call):
    return await call({body})

SPEC = ToolSpec("all", "{words}", {{"type": "object", "properties": {{}}}})
ADVICE = Advice((Prerequisite("a", "b", why="{why}"),), compounds=(Compound(SPEC, ("x",), run),))
"""
SUITE = """
from dataclasses import replace
from harnesslab.suites.orders.suite import load as orders
from hints_of_advised import ADVICE

def load(*, seed, n=None, split="eval"):
    suite = orders(seed=seed, n=3, split=split)
    return replace(suite, tasks=tuple(replace(t, view=replace(t.view, advice=ADVICE)) for t in suite.tasks))
"""
CONFIG = """
name = "grid"
models = ["qwen2.5-coder-0.5b"]
suites = ["advised:load"]
[harness.loop]
layers = []
[harness.checked]
layers = ["improve"]
[harness.builtin]
layers = [{ name = "improve", advice = false }]
[harness.compound]
layers = ["compound"]
"""


def keys(folder: Path, monkeypatch: pytest.MonkeyPatch, **words: str) -> dict[str, str]:
    text = HINTS.format(**{"body": "arguments", "words": "All at once.", "why": "R1"} | words)
    for name, source in {"advised": SUITE, "hints_of_advised": text}.items():
        (folder / f"{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr("linecache.cache", {})
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    plan = make_plan(config.parse(CONFIG, Path("grid.toml")), scripted=True)
    return {cell.harness: cell.key for cell in plan.cells}


@pytest.mark.parametrize("change", [{"body": "dict(arguments)"}, {"words": "In one go."}, {"why": "R2"}])
def test_changed_advice_makes_other_cells_where_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    before, again = keys(tmp_path, monkeypatch), keys(tmp_path, monkeypatch)
    assert before == again
    after = keys(tmp_path, monkeypatch, **change)
    assert {name for name in before if before[name] != after[name]} == {"checked", "compound"}
