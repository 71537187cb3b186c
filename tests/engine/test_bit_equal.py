"""Where the batches have the same shape, logits are equal bit for bit, however the cells came about.

The setting: flash attention, one thread, one request in a batch, fewer than 512 cells in use, and a checkpoint at a
multiple of the
batch size, so that what comes after it is computed in the same chunks as in a fresh context. There sharing, rewinding,
and parking and restoring change nothing, neither in the prompt's last row nor in the tokens decoded after it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.teacher import log_softmax
from native_models import LOAD, job, native, run, tokens

from harnesslab.engine.native import NativeContext, NativeModel
from harnesslab.engine.prefix import Tokens
from harnesslab.engine.scheduler import Scheduler
from harnesslab.engine.threads import ThreadTuner

pytestmark = pytest.mark.model

FLASH = replace(LOAD, flash_attn=True)
BATCH = 64
CHECKPOINT = 2 * BATCH
REPLY = 6
TEXT = "The desk sells apples, pears, tea and salt to everyone in town. Order 17 is late and its owner waits. " * 12


class Rows:
    """A scheduler that does one request at a time, and a copy of each row of logits it draws from."""

    def __init__(self, model: NativeModel, *, idle_cells: int = 2048, parking: int = 0) -> None:
        self.context = NativeContext(model, FLASH, cells=2048, sequences=8, n_batch=BATCH, outputs=8, threads=1)
        self.scheduler = Scheduler(
            self.context,
            sequences=8,
            concurrency=1,
            idle_cells=idle_cells,
            threads=ThreadTuner((1,)),
            parking=parking,
        )
        self.read = self.context.logits
        self.seen: list[np.ndarray] = []
        self.context.logits = self._keep  # type: ignore[method-assign]

    def _keep(self, rows: int) -> np.ndarray:
        logits = self.read(rows)
        self.seen.append(logits.copy())
        return logits

    def reply(self, prompt: Tokens, tokens: int = REPLY) -> tuple[np.ndarray, int]:
        """float32[tokens, n_vocab]: the rows that a greedy reply is drawn from; and how much was cached."""
        self.seen.clear()
        self.scheduler.submit(job(0, prompt, max_tokens=tokens))
        done = run(self.scheduler)[0]
        return np.concatenate(self.seen), done.cached


@pytest.fixture(scope="module")
def model(smollm2: Path) -> NativeModel:
    return native(smollm2)


@pytest.fixture(scope="module")
def text(model: NativeModel) -> Tokens:
    return tokens(model, TEXT)


@pytest.fixture(scope="module")
def prompt(text: Tokens) -> Tokens:
    """Two whole batches, and part of a third."""
    return text[: CHECKPOINT + 22]


@pytest.fixture(scope="module")
def fresh(model: NativeModel, prompt: Tokens) -> np.ndarray:
    rows = Rows(model)
    wanted, cached = rows.reply(prompt)
    assert cached == 0
    rows.context.close()
    return wanted


def elsewhere(text: Tokens, length: int) -> Tokens:
    """A prompt that leaves the other one at the checkpoint."""
    return np.concatenate([text[:CHECKPOINT], text[CHECKPOINT + 1 :][:length]])


def test_shared_cells(model: NativeModel, text: Tokens, prompt: Tokens, fresh: np.ndarray) -> None:
    rows = Rows(model)
    rows.reply(elsewhere(text, 30))
    got, cached = rows.reply(prompt)
    assert cached == CHECKPOINT
    assert np.array_equal(got, fresh)
    rows.context.close()


def test_rewound_cells(model: NativeModel, text: Tokens, prompt: Tokens, fresh: np.ndarray) -> None:
    """The earlier request went on, and decoded, before it is taken back."""
    rows = Rows(model)
    rows.reply(elsewhere(text, 60), tokens=12)
    got, cached = rows.reply(prompt)
    assert cached == CHECKPOINT
    assert np.array_equal(got, fresh)
    rows.context.close()


def test_parked_and_restored_cells(model: NativeModel, text: Tokens, prompt: Tokens, fresh: np.ndarray) -> None:
    rows = Rows(model, idle_cells=0, parking=2**28)
    rows.reply(elsewhere(text, 30))
    rows.reply(text[5:200])
    assert rows.scheduler.tree.cells == 0
    got, cached = rows.reply(prompt)
    assert cached == CHECKPOINT
    assert rows.scheduler.stats.restored >= CHECKPOINT
    assert np.array_equal(got, fresh)
    rows.context.close()


def test_cells_computed_again(model: NativeModel, text: Tokens, prompt: Tokens, fresh: np.ndarray) -> None:
    rows = Rows(model, idle_cells=0)
    rows.reply(prompt)
    rows.reply(text[5:200])
    got, cached = rows.reply(prompt)
    assert cached == 0
    assert np.array_equal(got, fresh)
    rows.context.close()


def test_beyond_the_setting_they_are_equal_within_noise(
    model: NativeModel, text: Tokens, prompt: Tokens, fresh: np.ndarray
) -> None:
    """With cells in use beyond 512, attention sums in other pieces."""
    rows = Rows(model)
    rows.reply(text[5:200])
    rows.reply(elsewhere(text, 180), tokens=12)
    rows.reply(text[9:150])
    got, cached = rows.reply(prompt)
    assert cached == CHECKPOINT
    top = np.argsort(-fresh[0])[:20]
    assert np.median(np.abs(log_softmax(got[:1]) - log_softmax(fresh[:1]))[0, top]) < 0.2
    rows.context.close()
