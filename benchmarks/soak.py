"""Thousands of short scripted trials on a real engine process, and what is left of them afterwards.

    python -m benchmarks.soak --trials 5000

A trial is a seeded script: one of a few system prompts (so prompts share beginnings), one to three turns of a few drawn
tokens; some turns are constrained, some are cancelled on the way, some go back to an earlier message and on from there,
some overflow the context. The worker gets less room than it wants, and its scheduler believes in more cells than there
are (`benchmarks/faulty`), so that sequences are evicted and parked, live requests are preempted, and every 20th parked
state does not restore.

Prints name=value lines: trials_per_hour; failures; what is `astray` (cells that the books and llama.cpp disagree about)
and how many cells are in use beyond those of idle sequences; sequences, file descriptors and processes left; resident
memory of worker and parent at 20 %, 60 % and the end, in MB, with its growth from 20 % on.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import psutil

from benchmarks.faulty import faults
from harnesslab.engine.llama import LlamaEngine
from harnesslab.errors import EngineFailure
from harnesslab.models.entry import LoadParams, ModelEntry
from harnesslab.types import Constraint, Message, Request, Sampling, ToolSpec, stable_hash

N_CTX, CELLS, BELIEVED, IDLE, PARKING = 256, 512, 1280, 160, 48 * 2**20
AT_ONCE, CONCURRENCY = 20, 16  # trials under way; of them with cells
MARKS = (0.2, 0.6, 1.0)  # shares of the trials after which memory is read

TOOLS = (ToolSpec("find_order", "Looks up one order.", {"type": "object", "properties": {"id": {"type": "string"}}}),)
DESKS = tuple(
    f"You answer for the {town} desk. It sells {goods}. Orders ship in {days} days."
    for town, goods, days in (("Hull", "tea and salt", 2), ("York", "wool", 5), ("Leith", "ink and paper", 3))
)
WORDS = ("order", "ship", "late", "paid", "box", "red", "tea", "salt", "price", "when", "where", "two", "note", "send")
CONSTRAINTS = (
    Constraint("regex", "(yes|no|later)[.]"),
    Constraint("json_schema", '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'),
    Constraint("tools", "auto"),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """What was in use after a share of the trials; memory in MB."""

    worker: float
    parent: float
    parked: float
    descriptors: int  # of both processes


@dataclass(frozen=True, slots=True)
class Soaked:
    """What a soak did and left; `stats` are the scheduler's counters after the last trial."""

    seconds: float
    counts: Counter[str]
    marks: Sequence[Mark]
    stats: dict[str, Any]
    processes: int


async def soak(path: Path, trials: int, seed: int = 1) -> Soaked:
    """Runs the trials, closes the engine and looks for what is left."""
    engine = await LlamaEngine.start(
        ModelEntry(name="soak", load=LoadParams(n_ctx=N_CTX, batch=128)),
        path,
        concurrency=CONCURRENCY,
        idle_cells=IDLE,
        environment=faults(cells=CELLS, believed=BELIEVED, parking=PARKING, broken_restores=20),
    )
    counts: Counter[str] = Counter()
    marks: list[Mark] = []
    due = [round(share * trials) for share in MARKS]
    numbers = iter(range(trials))

    async def work() -> None:
        for number in numbers:
            try:
                await _trial(engine, Random(stable_hash(seed, number)), counts)
            except EngineFailure as failure:
                counts["failures"] += 1
                print(f"# trial {number}: {failure}", flush=True)
            counts["trials"] += 1
            if counts["trials"] in due:
                marks.append(await _mark(engine))
                print(f"# {counts['trials']} trials: {marks[-1]}", flush=True)

    start = time.perf_counter()
    try:
        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        seconds = time.perf_counter() - start
        stats = await engine.stats()
    finally:
        await engine.close()
    return Soaked(seconds, counts, marks, stats, len(psutil.Process().children(recursive=True)))


async def _mark(engine: LlamaEngine) -> Mark:
    worker, parent = psutil.Process(engine.pid), psutil.Process()
    parked = (await engine.stats())["parked_bytes"]
    return Mark(
        worker.memory_info().rss / 2**20,
        parent.memory_info().rss / 2**20,
        parked / 2**20,
        worker.num_fds() + parent.num_fds(),
    )


async def _trial(engine: LlamaEngine, random: Random, counts: Counter[str]) -> None:
    """One scripted trial: the length of all it says and is allowed to say is drawn from `random`."""
    messages = [Message("system", random.choice(DESKS))]
    for _ in range(random.choice((1, 1, 2, 3))):
        words = 300 if random.random() < 0.004 else 70 if random.random() < 0.08 else random.randint(1, 6)
        messages.append(Message("user", " ".join(random.choices(WORDS, k=words))))
        reply = await _ask(engine, messages, random, counts)
        if reply is None:
            return
        messages.append(Message("assistant", reply))
        if len(messages) > 3 and random.random() < 0.3:
            counts["rewinds"] += 1
            del messages[1 + 2 * random.randrange(len(messages) // 2) :]


async def _ask(engine: LlamaEngine, messages: list[Message], random: Random, counts: Counter[str]) -> str | None:
    """One reply; None where it was cancelled or the context is full."""
    constraint = random.choice(CONSTRAINTS) if random.random() < 0.15 else None
    sampling = Sampling(temperature=0.8, min_p=0.05, max_tokens=random.choice((1, 2, 3, 5)))
    prompt = await engine.render(messages, TOOLS if constraint and constraint.kind == "tools" else ())
    counts["requests"] += 1
    counts["constrained"] += constraint is not None
    asked = asyncio.ensure_future(engine.complete(Request(prompt, sampling, random.getrandbits(63) + 1, constraint)))
    if random.random() < 0.06:
        counts["cancelled"] += 1
        await asyncio.sleep(random.uniform(0.0, 0.4))
        asked.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asked
        return None
    reply = await asked
    counts[str(reply.finish_reason)] += 1
    return None if reply.finish_reason == "overflow" else reply.text


def report(soaked: Soaked) -> None:
    counts, stats, marks = soaked.counts, soaked.stats, soaked.marks
    for name in ("trials", "requests", "constrained", "cancelled", "rewinds", "stop", "length", "overflow", "failures"):
        print(f"{name}={counts[name]}")
    print(f"trials_per_hour={3600 * counts['trials'] / soaked.seconds:.0f}")
    for name in ("prefilled", "shared", "decoded", "forced", "evicted", "parked", "restored", "restore_failed"):
        print(f"{name}={stats[name]}")
    print(f"preempted={stats['preempted']}")
    print(f"cells={stats['cells']}")
    print(f"idle_sequences={stats['idle_sequences']}")
    print(f"live_sequences={stats['sequences'] - stats['idle_sequences']}")
    print(f"cells_astray={stats['astray']}")
    for share, mark in zip(MARKS, marks, strict=True):
        at = f"{share:.0%}".rstrip("%")
        print(f"worker_mb_{at}={mark.worker:.0f}")
        print(f"parent_mb_{at}={mark.parent:.0f}")
        print(f"parked_mb_{at}={mark.parked:.0f}")
    print(f"growth_mb={marks[-1].worker - marks[0].worker:.1f}")
    print(f"growth_mb_parent={marks[-1].parent - marks[0].parent:.1f}")
    print(f"descriptors_grown={marks[-1].descriptors - marks[0].descriptors}")
    print(f"processes_left={soaked.processes}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    from harnesslab.models.fetch import ensure
    from harnesslab.models.registry import load_registry

    path = ensure(load_registry().get(options.model))
    report(asyncio.run(soak(path, options.trials, options.seed)))


if __name__ == "__main__":
    main()
