"""From logits to replies: draws a batch of tokens in one compiled kernel, and adds each to its reply."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harnesslab.engine.constrain import Masks
from harnesslab.engine.job import NOTHING, Job
from harnesslab.engine.native import NativeContext
from harnesslab.engine.prefix import Tokens
from harnesslab.engine.thinking import ThinkingBudget
from harnesslab.types import FinishReason
from harnesslab_kernels.sampling import NO_MASK, SETTINGS, sample


class Drawing:
    """Reads the context's logits in place. `parallel`: rows may be shared out over cores."""

    def __init__(self, context: NativeContext, *, parallel: bool) -> None:
        self._context = context
        self._model = context.model
        self._parallel = parallel
        self._words = (self._model.n_vocab + 31) // 32
        self._masks = Masks()

    def warm_up(self) -> None:
        """Compiles the kernel, so that the first request does not wait for it."""
        settings = np.ones(2, SETTINGS)
        for parallel in (False, True):
            row = np.zeros((2, self._model.n_vocab), np.float32)
            sample(row, settings, NOTHING, np.zeros(3, np.int64), parallel=parallel)

    def sample(self, jobs: Sequence[Job]) -> NDArray[np.int32]:
        """int32[jobs]: one token each, from the last batch's rows of logits; -1 where nothing can be drawn."""
        rows = len(jobs)
        logits = self._context.logits(rows)
        settings = np.zeros(rows, SETTINGS)
        offsets = np.zeros(rows + 1, np.int64)
        recent: list[Tokens] = []
        masks = NO_MASK
        if constrained := [(job.matcher, i) for i, job in enumerate(jobs) if job.matcher is not None]:
            masks = np.empty((rows, self._words), np.uint32)
            self._masks.write(constrained, masks)
        for i, job in enumerate(jobs):
            s = job.sampling
            settings[i] = (
                s.temperature,
                s.top_p,
                s.min_p,
                s.repeat_penalty,
                s.top_k,
                job.matcher is not None,
                job.rng_key,
                len(job.out),
            )
            last = job.n_ctx if s.repeat_last_n < 0 else s.repeat_last_n
            if s.repeat_penalty != 1.0 and last:
                history = np.array(job.out[-last:], np.int32)
                missing = last - len(history)
                recent.append(
                    np.concatenate([job.tokens[max(0, len(job.tokens) - missing) :], history]) if missing else history
                )
                offsets[i + 1 :] += len(recent[-1])
        flat = np.concatenate(recent) if recent else NOTHING
        return sample(logits, settings, flat, offsets, masks, parallel=self._parallel and rows > 1)

    def accept(self, job: Job, token: int) -> FinishReason | None:
        """Adds a drawn token, and all that it forces, to a reply and its feed; says whether the reply is over."""
        if token < 0:
            job.failure = _nothing_allowed(job)
            return FinishReason.STOP
        if token in self._model.end_tokens:
            return FinishReason.STOP
        forced = job.matcher.consume(token) if job.matcher is not None else ()
        feed: list[int] = []
        reason = self._append(job, (token, *forced), feed)
        if reason is None and job.thinking is not None and job.thinking.over:
            reason = self._append(job, _closing(job, job.thinking), feed)
        if reason is None:
            job.feed = np.array(feed, np.int32)
        return reason

    def _append(self, job: Job, tokens: Sequence[int], feed: list[int]) -> FinishReason | None:
        for t in tokens:
            if t in self._model.end_tokens:
                return FinishReason.STOP
            forced = bool(feed)  # only the first is drawn
            feed.append(t)
            job.out.append(t)
            job.text += self._model.pieces[t]
            job.forced += forced
            if job.thinking is not None:
                job.thinking.add(self._model.pieces[t])
            if _stopped(job):
                return FinishReason.STOP
            if len(job.out) >= job.sampling.max_tokens:
                return FinishReason.LENGTH
            if job.position >= job.n_ctx:
                return FinishReason.OVERFLOW
        return None


def _stopped(job: Job) -> bool:
    for stop in job.sampling.stop:
        at = job.text.find(stop.encode(), max(0, len(job.text) - len(stop.encode()) - 64))
        if at >= 0:
            del job.text[at:]
            return True
    return False


def _nothing_allowed(job: Job) -> tuple[str, str]:
    if job.matcher is None:
        return "no-logits", "the logits are no numbers"
    return "constraint", job.matcher.error or "the grammar allows no token at all"


def _closing(job: Job, thinking: ThinkingBudget) -> Sequence[int]:
    """The closing tag's tokens, and what a grammar forces after them."""
    if job.matcher is None:
        return thinking.closing_tokens
    tokens: list[int] = []
    for t in thinking.closing_tokens:
        tokens.append(t)
        if forced := job.matcher.consume(t):
            return [*tokens, *forced]
    return tokens
