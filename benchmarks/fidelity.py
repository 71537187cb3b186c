"""Do shared, parked, evicted and rewound cells give what a fresh context gives? Log-probabilities against the noise.

    python -m benchmarks.fidelity --model smollm2-135m

A case is a text from the `orders` suite (prompts, oracle calls, tool results) with a checkpoint in it. After the
checkpoint the real scheduler is made to say the rest of the text, token by token and four requests at a time, so every
arm sees the same tokens at the same positions. What differs is how the cells before the checkpoint came about:

    share     another live request computed them, and lends them
    park      an earlier request computed them, they were parked in host memory and restored
    evict     an earlier request computed them, they were dropped, and are computed again in one batch with others
    rewind    an earlier request computed them, the last 24 by decoding, went on with other text, and is cut back
    rewind_pruned   the same where a sliding window has forgotten them, so that they must be computed again

At each position the difference is |log p - log p of a fresh context|, where fresh means: nothing shared, the whole text
in one prefill. Differences are taken for the text's next token (ratio_ROUTE, ratio_p99_ROUTE) and for the five tokens
that are likeliest there (ratio_top_ROUTE, ratio_top_p99_ROUTE). The noise floor is the same difference between that
fresh prefill and an equally fresh context that decodes the text from its first token on one by one. A ratio is the
route's median (or 99th percentile) over the floor's, both over exactly the same cases and positions.

Prints name=value lines; `reused_ROUTE` is the share of the cells before the checkpoint that were not computed again.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.teacher import Rolls, Rows, Teacher, Tokens, log_softmax
from harnesslab.suites.registry import load_suite
from harnesslab.types import Sampling, canonical

if TYPE_CHECKING:
    from harnesslab.engine.job import Finished, Job
    from harnesslab.engine.native import NativeContext, NativeModel
    from harnesslab.engine.scheduler import Scheduler
    from harnesslab.models.entry import LoadParams

TOP = 5
GROUP = 4  # cases at a time
DECODED = 24  # tokens before the checkpoint that a rewound request had decoded
N_BATCH = 512


@dataclass(frozen=True, slots=True)
class Case:
    """A text, the position up to which its cells are lent, and the tokens looked at from there on.

    Attributes:
        tokens: int32[checkpoint + positions + 1].
        ids: int32[positions, 1 + TOP]: the next token, then the likeliest in a fresh context.
        fresh: float64[positions, 1 + TOP]: their log-probabilities there.
    """

    tokens: Tokens
    checkpoint: int
    ids: Tokens
    fresh: Rows

    def other(self, length: int) -> Tokens:
        """int32[length]: a text that departs from this one at the checkpoint."""
        text = np.resize(self.tokens[::-1], length + len(self.tokens))
        return text[np.flatnonzero(text != self.tokens[self.checkpoint])[0] :][:length]


@dataclass(frozen=True, slots=True)
class Route:
    """How the cells before a checkpoint come about.

    Attributes:
        live: the earlier request is still decoding.
        keep: idle cells stay where they are.
        park: what does not stay is parked.
        decoded: tokens before the checkpoint that the earlier request decoded.
        later: tokens of one more prompt that goes on from the earlier request.
        group: cases at a time.
        sequences: sequence ids; they size a sliding window's cells.
    """

    name: str
    live: bool = False
    keep: bool = True
    park: bool = False
    decoded: int = 0
    later: int = 0
    group: int = GROUP
    sequences: int = 4 * GROUP


ROUTES = (
    Route("share", live=True),
    Route("park", keep=False, park=True),
    Route("evict", keep=False),
    Route("rewind", decoded=DECODED),
)
PRUNED = Route("rewind_pruned", decoded=DECODED, later=1200, group=1, sequences=2)


class Bench:
    """A model, and contexts made for it."""

    def __init__(self, model: NativeModel, load: LoadParams, threads: int) -> None:
        self.model, self.load, self.threads = model, load, threads
        self.streams = model.cuttable and not load.flash_attn  # as the engine chooses

    def context(self, cells: int, sequences: int, outputs: int) -> NativeContext:
        from harnesslab.engine.native import NativeContext

        return NativeContext(
            self.model,
            self.load,
            cells=cells * sequences if self.streams else cells,
            sequences=sequences,
            n_batch=N_BATCH,
            outputs=outputs,
            threads=self.threads,
            streams=self.streams,
        )

    def cases(self, number: int, positions: int, shortest: int) -> list[Case]:
        """Texts with checkpoints at `shortest` tokens from the beginning and on, each at a place of its own."""
        whole = self.model.tokenize("\n".join(texts()), add_bos=self.model.add_bos)
        context = self.context(shortest + 7 * number + positions + 256, 1, positions + 1)
        cases = []
        for i in range(number):
            checkpoint = shortest + 7 * i
            length = checkpoint + positions + 1
            begin = i * (len(whole) - length) // number
            tokens = np.concatenate([whole[:1], whole[begin + 1 : begin + length]])
            rows = prefill(context, tokens[:-1], checkpoint)
            top = np.argpartition(-rows, TOP, axis=1)[:, :TOP]
            ids = np.concatenate([tokens[checkpoint + 1 :, None], top], axis=1).astype(np.int32)
            cases.append(Case(tokens, checkpoint, ids, np.take_along_axis(rows, ids, axis=1)))
        context.close()
        return cases

    def one_by_one(self, cases: Sequence[Case]) -> list[Rows]:
        """Per case float64[positions, 1 + TOP]: fresh contexts that decode every token alone."""
        context = self.context(max(len(c.tokens) for c in cases) + 256, 1, 1)
        out = []
        for case in cases:
            context.clear()
            rows = []
            for at in range(len(case.tokens) - 1):
                wanted = at >= case.checkpoint
                assert context.decode([(0, at, case.tokens[at : at + 1], wanted)]) == 0
                if wanted:
                    rows.append(log_softmax(context.logits(1))[0][case.ids[at - case.checkpoint]])
            out.append(np.array(rows))
        context.close()
        return out

    def travel(self, route: Route, cases: Sequence[Case]) -> tuple[list[Rows], float]:
        """Per case float64[positions, 1 + TOP] after that route, and the share of cells that it spared."""
        rows: list[Rows] = []
        reused = 0
        for i in range(0, len(cases), route.group):
            group = cases[i : i + route.group]
            scheduler = self._scheduler(route, group)
            rolls = Rolls(scheduler.context)
            _earlier(route, group, scheduler, rolls)
            teachers = [Teacher(rolls, case.tokens[case.checkpoint + 1 :], case.ids) for case in group]
            for j, (case, teacher) in enumerate(zip(group, teachers, strict=True)):
                scheduler.submit(_job(j, case.tokens[: case.checkpoint + 1], teacher))
            done: dict[int, Finished] = {}
            while len(done.keys() & range(len(group))) < len(group):
                done |= {finished.id: finished for finished in scheduler.step()}
            reused += sum(done[j].cached for j in range(len(group)))
            rows += (np.array(teacher.noted) for teacher in teachers)
            scheduler.context.close()
        return rows, reused / sum(case.checkpoint for case in cases)

    def _scheduler(self, route: Route, group: Sequence[Case]) -> Scheduler:
        from harnesslab.engine.scheduler import Scheduler
        from harnesslab.engine.threads import ThreadTuner

        longest = max(len(case.tokens) for case in group)
        cells = longest + 256 if self.streams else len(group) * (3 * longest + 2 * route.later + 512)
        cells = (cells + 255) // 256 * 256
        return Scheduler(
            self.context(cells, route.sequences, 2 * GROUP),
            sequences=route.sequences,
            concurrency=2 * len(group),
            idle_cells=cells * route.sequences if route.keep else 0,
            threads=ThreadTuner((self.threads,)),
            parking=2**32 if route.park else 0,
        )


def _earlier(route: Route, group: Sequence[Case], scheduler: Scheduler, rolls: Rolls) -> None:
    """Requests that compute the cells before each checkpoint and then go another way."""
    jobs = []
    for j, case in enumerate(group):
        begin = case.checkpoint - route.decoded
        aside = case.other(DECODED + (len(case.ids) if route.live else 0))
        text = np.concatenate([case.tokens[begin : case.checkpoint], aside])
        jobs.append(_job(GROUP + j, case.tokens[:begin], Teacher(rolls, text)))
        scheduler.submit(jobs[-1])
    while scheduler.pending and not (route.live and all(job.out for job in jobs)):
        scheduler.step()
    for j, case in enumerate(group if route.later else ()):
        longer = np.concatenate([case.tokens[: case.checkpoint], case.other(DECODED + route.later)])
        scheduler.submit(_job(2 * GROUP + j, longer, Teacher(rolls, case.other(2))))
        while scheduler.pending:
            scheduler.step()


def _job(id: int, prompt: Tokens, teacher: Teacher) -> Job:
    from harnesslab.engine.job import Job

    return Job(id, prompt, Sampling(max_tokens=len(teacher.text)), id + 1, n_ctx=1 << 20, matcher=teacher)


def texts() -> Iterator[str]:
    """One text per task of the `orders` suite: what a trial says, one call or result a line."""
    for task in load_suite("orders", seed=1, n=60).tasks:
        world = task.environment(1, 0)
        lines = [task.view.prompt]
        for call in task.oracle:
            lines.append(canonical({"name": call.name, "arguments": dict(call.arguments)}))
            lines.append(world.call(call).content)
        yield "\n".join([*lines, task.oracle_answer])


def prefill(context: NativeContext, tokens: Tokens, first: int) -> Rows:
    """float64[len(tokens) - first, n_vocab] from position `first` on: a fresh context, `N_BATCH` tokens per call."""
    context.clear()
    rows = []
    for start in range(0, len(tokens), N_BATCH):
        end = min(start + N_BATCH, len(tokens))
        cuts = [start, *range(max(start, first) + 1, end), end]  # the last token of each part gives logits
        parts = [(0, a, tokens[a:b], b > first) for a, b in itertools.pairwise(cuts)]
        assert context.decode(parts) == 0
        if wanted := sum(part[3] for part in parts):
            rows.append(log_softmax(context.logits(wanted)))
    return np.concatenate(rows)


# --- the figures ---------------------------------------------------------------------------------------------------


def apart(rows: Sequence[Rows], cases: Sequence[Case]) -> Rows:
    """float64[all positions, 1 + TOP]: absolute differences from the fresh contexts."""
    return np.concatenate([np.abs(got - case.fresh) for got, case in zip(rows, cases, strict=True)])


def figures(name: str, away: Rows, floor: Rows) -> Iterator[str]:
    yield f"median_{name}={np.median(away[:, 0]):.4f}"
    yield f"p99_{name}={np.percentile(away[:, 0], 99):.4f}"
    for label, columns in (("", slice(0, 1)), ("top_", slice(1, None))):
        ours, noise = away[:, columns], floor[:, columns]
        yield f"ratio_{label}{name}={np.median(ours) / np.median(noise):.3f}"
        yield f"ratio_{label}p99_{name}={np.percentile(ours, 99) / np.percentile(noise, 99):.3f}"


def measure(bench: Bench, number: int, positions: int, routes: Sequence[Route]) -> Iterator[str]:
    """The name=value lines of a model; a text is longer than its sliding window, so that forgetting would be seen."""
    cases = bench.cases(number, positions, 160 + bench.model.n_swa)
    floor = apart(bench.one_by_one(cases), cases)
    yield f"positions_per_route={len(floor)}"
    yield f"positions={len(floor) * len(routes)}"
    yield f"floor_median={np.median(floor[:, 0]):.4f}"
    yield f"floor_p99={np.percentile(floor[:, 0], 99):.4f}"
    yield f"floor_top_median={np.median(floor[:, 1:]):.4f}"
    yield f"floor_top_p99={np.percentile(floor[:, 1:], 99):.4f}"
    for route in routes:
        rows, reused = bench.travel(route, cases)
        yield from figures(route.name, apart(rows, cases), floor)
        yield f"reused_{route.name}={reused:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fidelity", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--cases", type=int, default=16)
    parser.add_argument("--positions", type=int, default=64, help="positions looked at in each case")
    parser.add_argument("--threads", type=int, default=0, help="0: physical cores")
    options = parser.parse_args()
    from harnesslab.engine.native import NativeModel
    from harnesslab.engine.plan_context import cores
    from harnesslab.models.fetch import ensure
    from harnesslab.models.registry import load_registry

    entry = load_registry().get(options.model)
    model = NativeModel(str(ensure(entry)), entry.load)
    routes = (*ROUTES, PRUNED) if model.n_swa else ROUTES
    bench = Bench(model, entry.load, options.threads or cores())
    for line in measure(bench, options.cases, options.positions, routes):
        print(line, flush=True)


if __name__ == "__main__":
    main()
