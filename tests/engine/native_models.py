"""Real llama.cpp contexts for tests of the scheduler, without a worker process between."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from harnesslab.engine.job import Finished, Job
from harnesslab.engine.native import NativeContext, NativeModel
from harnesslab.engine.prefix import Tokens
from harnesslab.engine.scheduler import Scheduler
from harnesslab.engine.threads import ThreadTuner
from harnesslab.models.entry import LoadParams
from harnesslab.types import Sampling

LOAD = LoadParams(n_ctx=2048)
THREADS = 2


@cache
def native(path: Path) -> NativeModel:
    return NativeModel(str(path), LOAD)


def scheduler(
    model: NativeModel,
    *,
    cells: int = 2048,
    sequences: int = 16,
    concurrency: int = 8,
    idle_cells: int = 1024,
    parking: int = 0,
    n_batch: int = 512,
    streams: bool = False,
) -> Scheduler:
    """With streams each sequence has `cells` of its own."""
    context = NativeContext(
        model,
        LOAD,
        cells=cells * sequences if streams else cells,
        sequences=sequences,
        n_batch=n_batch,
        outputs=concurrency,
        threads=THREADS,
        streams=streams,
    )
    return Scheduler(
        context,
        sequences=sequences,
        concurrency=concurrency,
        idle_cells=idle_cells,
        threads=ThreadTuner((THREADS,)),
        parking=parking,
    )


def tokens(model: NativeModel, text: str) -> Tokens:
    return model.tokenize(text, add_bos=model.add_bos)


def job(id: int, prompt: Tokens, *, max_tokens: int = 8, temperature: float = 0.0, n_ctx: int = 2048) -> Job:
    return Job(id, prompt, Sampling(temperature=temperature, max_tokens=max_tokens), rng_key=id + 1, n_ctx=n_ctx)


def run(scheduler: Scheduler) -> dict[int, Finished]:
    """Steps until nothing is pending."""
    done: dict[int, Finished] = {}
    while scheduler.pending:
        done |= {f.id: f for f in scheduler.step()}
    return done


def drawn(finished: Finished) -> list[int]:
    return np.frombuffer(finished.tokens, np.int32).tolist()
