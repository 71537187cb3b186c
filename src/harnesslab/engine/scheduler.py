"""Continuous batching with shared prefixes: many requests, one context, nothing computed twice.

The life of a request:
  1. `submit` queues it.
  2. `_admit` finds the longest beginning of its prompt that some sequence holds, shares or copies it, and queues the
     rest as its feed. While another request is just computing more of the same beginning, it waits for that. Those that
     find most go first.
  3. Every `step` sends one batch: all that decode, one token each (or what a grammar forces), then prompts in order
     of arrival, up to the batch size.
  4. Where a feed ran out, the sampler draws the next token from that row of logits.
  5. A finished request leaves its cells behind as an idle sequence, for the next turn, repeat or harness, until the
     least recently used ones are parked in host memory to make room, or dropped where computing them again is faster.

Runs in the worker's main thread; not thread-safe.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from harnesslab.engine.audit import astray
from harnesslab.engine.charge import parts_of
from harnesslab.engine.drawing import Drawing
from harnesslab.engine.job import NOTHING, Finished, Job
from harnesslab.engine.native import NativeContext, last_errors
from harnesslab.engine.parking import Parked, Parking
from harnesslab.engine.prefix import NO_MATCH, Match, PrefixTree, Tokens
from harnesslab.engine.threads import ThreadTuner
from harnesslab.errors import EngineFailure
from harnesslab.types import FinishReason, Weights

WORTH_WAITING = 16  # tokens another request must be about to compute before it pays to wait for them
CONSIDERED = 16  # requests from each end of the queue that a free place is offered to
MOST_PASSED = 64  # times that later requests may be admitted before one
WORTH_PARKING = 64  # tokens of its own that a sequence must hold before its state is worth keeping
RECENT = 0.3  # weight of the last save in what saving is taken to cost
FORGIVEN = 0.97  # of that cost, each time that it was too much: now and then it is tried again


@dataclass(slots=True)
class Stats:
    """Counters since the start; seconds and tokens."""

    busy: float = 0.0  # inside llama_decode
    sampling: float = 0.0
    copying: float = 0.0  # states of sequences, from the cells and into them
    steps: int = 0
    prefilled: int = 0
    decoded: int = 0
    forced: int = 0
    shared: int = 0  # prompt tokens that were not computed again
    evicted: int = 0  # sequences
    parked: int = 0  # of them: kept in host memory
    restored: int = 0  # tokens
    restore_failed: int = 0  # states that llama.cpp would not take back; computed again
    preempted: int = 0
    requests: int = 0
    cells: int = 0
    peak_cells: int = 0
    sequences: int = 0  # in use
    idle_sequences: int = 0  # of them: nobody's, kept for later prompts
    parked_bytes: int = 0
    astray: int = 0  # cells that these books and llama.cpp disagree about


def _prompt_of(job: Job) -> Tokens:
    """What must be computed before it can go on: all of its prompt, and what it drew before it was sent back."""
    return np.concatenate([job.tokens, np.array(job.out, np.int32)]) if job.out else job.tokens


class Scheduler:
    """Owns the context's cells.

    Args:
        sequences: sequence ids, at most 256.
        concurrency: requests decoding or prefilling at once.
        idle_cells: cells that idle sequences may occupy; beyond that they are parked, oldest first.
        threads: chooses the thread count of every step.
        parking: bytes of host memory for parked sequences; 0: they are dropped.
    """

    def __init__(
        self,
        context: NativeContext,
        *,
        sequences: int,
        concurrency: int,
        idle_cells: int,
        threads: ThreadTuner,
        parking: int = 0,
    ) -> None:
        self.context = context
        self.model = context.model
        self.concurrency = concurrency
        self.idle_cells = idle_cells
        self.threads = threads
        self.tree = PrefixTree()
        self.parking = Parking(parking)
        self.stats = Stats()
        self.drawing = Drawing(context, parallel=max(threads.counts) > 1)
        self.weights: Weights | None = None  # what divides a step's seconds; None: tokens do
        self._saving = 0.0  # seconds per token of a state that was saved lately
        self._free = list(range(sequences - 1, -1, -1))
        self._waiting: deque[Job] = deque()
        self._live: dict[int, Job] = {}  # by sequence, in order of admission
        self._idle: dict[int, None] = {}  # sequences, least recently used first
        self._computed: dict[int, int] = {}  # by sequence

    # --- what the worker calls -------------------------------------------------------------------------------------

    def submit(self, job: Job) -> None:
        self.stats.requests += 1
        self._waiting.append(job)

    def cancel(self, id: int) -> None:
        """Forgets a request; its cells are free at once."""
        self._waiting = deque(j for j in self._waiting if j.id != id)
        for job in list(self._live.values()):
            if job.id == id:
                del self._live[job.sequence]
                self._drop(job.sequence)

    @property
    def pending(self) -> bool:
        return bool(self._waiting or self._live)

    def snapshot(self) -> dict[str, Any]:
        """The counters, and the thread count in use by batch size."""
        self.stats.cells = self.tree.cells
        self.stats.sequences = len(self._live) + len(self._idle)
        self.stats.idle_sequences = len(self._idle)
        self.stats.parked_bytes = self.parking.bytes
        self.stats.astray = astray(self.context, self.tree, self._computed, self._free)
        return {**asdict(self.stats), "threads": self.threads.facts()}

    def step(self) -> list[Finished]:
        """Admits what fits, computes one batch, draws tokens; returns the requests that ended.

        Raises:
            EngineFailure: llama.cpp refused the batch for good ("decode").
        """
        done = self._admit()
        if not self._live:
            return done
        fed = self._compute()
        drawing = [job for job in fed if not len(job.feed)]
        if drawing:
            done += self._draw(drawing)
        self.stats.peak_cells = max(self.stats.peak_cells, self.tree.cells)
        return done

    # --- admission -------------------------------------------------------------------------------------------------

    def _admit(self) -> list[Finished]:
        if not self._waiting or len(self._live) >= self.concurrency:
            return []
        done: list[Finished] = []
        kept: list[Job] = []
        admitted: list[Job] = []
        waiting = list(self._waiting)
        # the oldest must not starve, and the newest are next turns whose cells are still here; the rest had its chance
        middle = waiting[CONSIDERED:-CONSIDERED]
        queue = deque(sorted(waiting[:CONSIDERED] + waiting[CONSIDERED:][-CONSIDERED:], key=self._turn))
        while queue and len(self._live) < self.concurrency:
            job = queue.popleft()
            if len(job.tokens) + len(job.out) >= job.n_ctx:
                done.append(self._finish(job, FinishReason.OVERFLOW))
                continue
            prompt = _prompt_of(job)
            match = self.tree.match(prompt[:-1], self._lendable)
            if self._others_compute_more(prompt, match.length):
                kept.append(job)
                continue
            match = self._restore(job, prompt[:-1], match)
            placed = self._place(job, prompt, match)
            if not placed and not self._live:
                # what it would share lies in a sequence too long to keep beside it
                self._make_room(self.context.cells)
                placed = self._place(job, prompt, NO_MATCH)
                if not placed:
                    job.failure = "out-of-cells", f"a prompt of {len(prompt)} tokens, {self.context.cells} cells in all"
                    done.append(self._finish(job, FinishReason.STOP))
                    continue
            if not placed:
                kept.append(job)
                break
            admitted.append(job)
        self._waiting = deque(sorted((*kept, *queue, *middle), key=lambda j: j.submitted))
        for job in self._waiting:
            job.passed += sum(other.submitted > job.submitted for other in admitted)
        return done

    def _turn(self, job: Job) -> tuple[bool, int, float]:
        """Who continues what lies in the cells goes first: in order of arrival the trials in flight would take turns,
        and each would find its cells parked. Who was passed too often goes before all others.
        """
        held = self.tree.match(_prompt_of(job)[:-1], self._lendable).length
        return job.passed < MOST_PASSED, -held if held >= WORTH_PARKING else 0, job.submitted

    def _lendable(self, sequence: int, length: int) -> int:
        computed = self._computed[sequence]
        length = min(length, computed)
        return length if self.context.reaches(sequence, length, computed) else 0

    def _others_compute_more(self, prompt: Tokens, length: int) -> bool:
        prefilling = {s for s, job in self._live.items() if len(job.feed) > 1}
        if not prefilling:
            return False
        coming = self.tree.match(prompt[:-1], lambda s, n: n if s in prefilling else 0)
        return coming.length >= length + WORTH_WAITING

    def _restore(self, job: Job, prompt: Tokens, match: Match) -> Match:
        """Brings a parked state back where it holds much more of the prompt than any sequence does.

        Its beginning is then replaced by cells that another sequence already holds.
        """
        lot, length = self.parking.longest(prompt)
        if length < match.length + WORTH_PARKING:
            return match
        parked = self.parking.take(lot)
        if self.context.streams:
            sequence = self._take_stream()
            match = self.tree.match(prompt, self._lendable)
        else:
            self._touch(match.sequence)
            if not self._make_room(len(parked.tokens), keep=match.sequence):
                self.parking.put(parked)
                return match
            sequence = self._free.pop()
        start = time.perf_counter()
        loaded = self.context.load(sequence, parked.state)
        self.stats.copying += time.perf_counter() - start
        if not loaded:
            self.context.drop(sequence)
            self._free.append(sequence)
            self.stats.restore_failed += 1
            return match
        if match.length and not self.context.streams:
            self.context.forget(sequence, match.length)
            self.context.share(match.sequence, sequence, match.length)
        self.tree.attach(sequence, match.sequence, match.length)
        self.tree.append(sequence, parked.tokens[match.length :])
        self._computed[sequence] = len(parked.tokens)
        self._idle[sequence] = None
        self.stats.restored += len(parked.tokens) - match.length
        restored = Match(self._lendable(sequence, length), sequence)
        if restored.length <= match.length:
            return match
        if not job.admitted:
            job.reuse = "state"
        return restored

    def _touch(self, sequence: int) -> None:
        """Marks an idle sequence as just used, so that making room does not take it."""
        if sequence in self._idle:
            del self._idle[sequence]
            self._idle[sequence] = None

    def _place(self, job: Job, prompt: Tokens, match: Match) -> bool:
        """Gives a request its sequence and cells; False if they cannot be had now."""
        held = match.sequence
        self._touch(held)
        reserve = len(prompt) - match.length + max(1, job.sampling.max_tokens - len(job.out))
        reserve = min(reserve, job.n_ctx - match.length)
        if self.context.streams:
            sequence = self._take_stream(held)
        elif self._make_room(reserve, keep=held):
            sequence = self._free.pop()
        else:
            return False
        length = match.length
        if sequence == held:
            self._cut(held, length)
        else:
            start = time.perf_counter()
            shared = not length or self.context.share(held, sequence, length)
            self.stats.copying += time.perf_counter() - start
            if not shared:
                self.context.drop(sequence)
                self.stats.restore_failed += 1
                length = 0
            self.tree.attach(sequence, held, length)
        self.tree.append(sequence, prompt[length:])
        self._computed[sequence] = length
        if held in self._idle and self.tree.covers(held):
            self._drop(held)  # the new sequence holds all of it
        job.sequence, job.feed = sequence, prompt[length:]
        if not job.admitted:
            job.admitted, job.cached = time.perf_counter(), length
            job.reuse = (job.reuse or "cells") if length else ""
        self.stats.shared += length
        self._live[sequence] = job
        return True

    def _take_stream(self, held: int = -1) -> int:
        """A stream to compute in: `held` itself, if it is idle, or one that was freed.

        Streams whose numbers follow each other are computed together, so it is one that leaves the live ones in the
        fewest runs.
        """

        def cost(sequence: int) -> tuple[int, bool, bool]:
            neighbours = (sequence - 1 in self._live) + (sequence + 1 in self._live)
            return -neighbours, sequence != held, sequence in self._idle

        sequence = min((*self._free, *self._idle), key=cost)
        if sequence == held:
            del self._idle[sequence]
            return sequence
        if sequence in self._idle:
            self._evict(sequence)
        self._free.remove(sequence)
        return sequence

    def _cut(self, sequence: int, length: int) -> None:
        """Goes on from `length` in place; what the stream held beyond is parked where that is worth it."""
        if min(self.tree.own(sequence), self._computed[sequence] - length) >= WORTH_PARKING:
            self._park(sequence)
        self.context.cut(sequence, length)
        self.tree.cut(sequence, length)

    def _make_room(self, cells: int, keep: int = -1) -> bool:
        """Parks idle sequences, oldest first, until a sequence id and, in one buffer, so many cells are free."""
        promised = sum(
            max(1, min(j.sampling.max_tokens, j.n_ctx - len(j.tokens)) - len(j.out)) for j in self._live.values()
        )
        room = self.context.cells - promised - cells
        while not self._free or (self.tree.cells > room and not self.context.streams):
            oldest = next((s for s in self._idle if s != keep), None)
            if oldest is None:
                return False
            self._evict(oldest)
        return True

    # --- one batch -------------------------------------------------------------------------------------------------

    def _compute(self) -> list[Job]:
        """Feeds live requests to llama.cpp, those closest to a draw first; returns the ones that were fed."""
        spent = 0.0
        while True:
            room = self.context.n_batch
            parts: list[tuple[int, int, Tokens, bool]] = []
            fed: list[Job] = []
            for job in sorted(self._live.values(), key=lambda j: not j.out):
                chunk = job.feed[:room]
                if not len(chunk):
                    break
                parts.append((job.sequence, self._computed[job.sequence], chunk, len(chunk) == len(job.feed)))
                fed.append(job)
                room -= len(chunk)
            if self.context.streams:
                order = sorted(range(len(parts)), key=lambda i: parts[i][0])
                parts, fed = [parts[i] for i in order], [fed[i] for i in order]
            fed_tokens = self.context.n_batch - room
            threads = self.threads.choose(fed_tokens)
            self.context.set_threads(threads)
            start = time.perf_counter()
            code = self.context.decode(parts)
            took = time.perf_counter() - start
            self.stats.busy += took
            spent += took
            if code == 0:
                self.threads.record(fed_tokens, threads, took)
                break
            if code != 1:
                raise EngineFailure("decode", f"llama_decode returned {code}: {last_errors()}")
            self._relieve()
        self.stats.steps += 1
        charged = parts_of(
            spent,
            [(at, len(chunk), bool(j.out)) for j, (_, at, chunk, _) in zip(fed, parts, strict=True)],
            self.weights,
        )
        for job, seconds in zip(fed, charged, strict=True):
            job.seconds += seconds
        for job, (sequence, _, chunk, _) in zip(fed, parts, strict=True):
            self._computed[sequence] += len(chunk)
            job.feed = job.feed[len(chunk) :]
            if job.out:
                self.stats.decoded += len(chunk)
            else:
                self.stats.prefilled += len(chunk)
        return fed

    def _relieve(self) -> None:
        """llama.cpp found no free cells: drops an idle sequence, else sends the youngest request back to the queue."""
        if self._idle:
            self._evict(next(iter(self._idle)))
            return
        if len(self._live) <= 1:
            raise EngineFailure("decode", f"one request does not fit {self.context.cells} cells")
        sequence, job = list(self._live.items())[-1]
        del self._live[sequence]
        self._drop(sequence)
        job.sequence, job.feed = -1, NOTHING
        self.stats.preempted += 1
        self._waiting.appendleft(job)

    # --- drawing ---------------------------------------------------------------------------------------------------

    def _draw(self, jobs: list[Job]) -> list[Finished]:
        start = time.perf_counter()
        tokens = self.drawing.sample(jobs)
        now = time.perf_counter()
        self.stats.sampling += now - start
        done = []
        for job, token in zip(jobs, tokens.tolist(), strict=True):
            if not job.first:
                job.first = now
            job.seconds += (now - start) / len(jobs)
            forced = job.forced
            reason = self.drawing.accept(job, token)
            self.stats.forced += job.forced - forced
            if reason is not None:
                done.append(self._finish(job, reason))
            else:
                self.tree.append(job.sequence, job.feed)
        return done

    # --- endings ---------------------------------------------------------------------------------------------------

    def _finish(self, job: Job, reason: FinishReason) -> Finished:
        now = time.perf_counter()
        fed = max(0, self._computed[job.sequence] - len(job.tokens)) if job.sequence >= 0 else 0
        if job.sequence >= 0:
            del self._live[job.sequence]
            self._idle[job.sequence] = None
            if self.tree.covers(job.sequence):
                self._drop(job.sequence)
            self._trim()
        return Finished(
            id=job.id,
            tokens=np.array(job.out, np.int32).tobytes(),
            text=bytes(job.text),
            reason=reason,
            prompt=len(job.tokens),
            cached=job.cached,
            reuse=job.reuse,
            reasoning=job.thinking.spent if job.thinking else 0,
            forced=job.forced,
            queued=(job.admitted or now) - job.submitted,
            prefill=(job.first or now) - (job.admitted or now),
            decode=now - (job.first or now),
            computed=job.seconds,
            fed=fed,
            failure=job.failure,
        )

    def _trim(self) -> None:
        """Keeps idle sequences within their budget of cells; attention runs over them whether they are used or not."""
        busy = sum(self.tree.own(s) for s in self._live)
        while self._idle and self.tree.cells - busy > self.idle_cells:
            self._evict(next(iter(self._idle)))

    def _evict(self, sequence: int) -> None:
        """Takes an idle sequence out of the cells, and keeps its state where that is worth the memory."""
        if self.tree.own(sequence) >= WORTH_PARKING:
            self._park(sequence)
        self._drop(sequence)
        self.stats.evicted += 1

    def _park(self, sequence: int) -> None:
        """Keeps a sequence's state, unless saving and loading it takes longer than computing its own tokens again.

        A GPU does compute faster: its cells are copied one run of neighbours at a time, and decoding many sequences at
        once leaves them scattered.
        """
        if not self.parking.capacity:
            return
        computed = self._computed[sequence]
        own = min(self.tree.own(sequence), computed)
        if self.weights and 2 * self._saving * computed > self.weights.of_feed(computed - own, own, drawn=False):
            self._saving *= FORGIVEN
            return
        start = time.perf_counter()
        self.parking.put(Parked(self.tree.tokens(sequence)[:computed], self.context.save(sequence)))
        took = time.perf_counter() - start
        self.stats.copying += took
        self.stats.parked += 1
        took /= max(1, computed)
        self._saving = took if not self._saving else RECENT * took + (1 - RECENT) * self._saving

    def _drop(self, sequence: int) -> None:
        self.context.drop(sequence)
        self.tree.remove(sequence)
        self._idle.pop(sequence, None)
        del self._computed[sequence]
        self._free.append(sequence)
