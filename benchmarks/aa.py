"""A/A on a real model: one cell twice, under two seeds and without the memo. Is a difference found where none is?

    python -m benchmarks.aa --model smollm2-135m --tasks 24 --repeats 4

Both sweeps run the same `orders` tasks (drawn with seed 1) in the same harness; only the sweep's seed differs, and with
it every random stream. Prints difference= in points of pass^1 with low= and high= (95 %), p=, discordant= and
base_tasks=, and pass_1_a=, pass_1_b=. One run rejects with a chance of at most 5 %; benchmarks.coverage has the many.
--out keeps the sweeps, and goes on where they were stopped.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from harnesslab import config as configs
from harnesslab.lab.sweep import Options, run_sweep
from harnesslab.plan import make_plan
from harnesslab.score.paired import compare_pairs
from harnesslab.score.reliability import pass_1
from harnesslab.score.sample import Sample, samples
from harnesslab.store.sqlite import Store

CONFIG = """
name = "aa-{seed}"
models = ["{model}"]
suites = [{{ name = "orders", n = {tasks}, seed = 1 }}]
repeats = {repeats}
seed = {seed}
[harness.{harness}]
layers = {layers}
"""
HARNESSES = {"loop": "[]", "guarded": '["validate", "retry"]'}


def run(options: argparse.Namespace, seed: int, folder: Path) -> Sample:
    """The one cell of a sweep of its own."""
    text = CONFIG.format(
        seed=seed,
        model=options.model,
        tasks=options.tasks,
        repeats=options.repeats,
        harness=options.harness,
        layers=HARNESSES[options.harness],
    )
    scripted = options.engine == "scripted"
    plan = make_plan(configs.parse(text, folder / "aa.toml"), scripted=scripted)
    result = run_sweep(plan, folder, config_text=text, scripted=scripted, options=Options(memo=False, show=False))
    if result.problems or result.stopped:
        raise SystemExit(
            "; ".join(result.problems) or f"stopped: {result.finished} of {result.planned} trials are done"
        )
    with Store.open(folder, readonly=True) as store:
        return samples(store.columns())[0]


def report(a: Sample, b: Sample) -> None:
    assert [t.id for t in a.tasks] == [t.id for t in b.tasks], "both sweeps run the same tasks in one order"
    (found,) = compare_pairs([(a, b)], seed=0, level=0.95)
    for name, sample in (("a", a), ("b", b)):
        figure = pass_1(sample, 0.95)
        print(f"pass_1_{name}={figure.value:.4f} [{figure.low:.4f}, {figure.high:.4f}] {figure.method} n={figure.n}")
    difference = found.difference
    assert difference.value is not None
    assert difference.low is not None
    assert difference.high is not None
    print(f"difference={100 * difference.value:+.2f}")
    print(f"low={100 * difference.low:+.2f}\nhigh={100 * difference.high:+.2f}\nmethod={difference.method}")
    print(f"p={found.p:.4f}\ntest={found.test}\ncan_reach_05={found.can_reach}")
    print(f"discordant={found.discordant}\nbase_tasks={found.base_tasks}\ntrials={len(a.task)}+{len(b.task)}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.aa", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--harness", choices=list(HARNESSES), default="loop")
    parser.add_argument("--tasks", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--engine", choices=["llama", "scripted"], default="llama")
    parser.add_argument("--out", type=Path, help="folder of the two sweeps, to go on with; default: a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = options.out or Path(temporary)
        report(*(run(options, seed, out / f"seed-{seed}") for seed in (1, 2)))


if __name__ == "__main__":
    main()
