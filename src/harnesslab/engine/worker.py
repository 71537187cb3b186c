"""The worker process: owns llama.cpp for one model and talks to its engine over one socket.

Two threads. The reader renders and tokenises as requests come in (llama.cpp's decode runs without the GIL meanwhile);
the main thread runs the scheduler. When the socket closes, whoever started this process is gone, and so is the process.

Started as `python -m harnesslab.engine.worker FD`. Messages are pickled tuples, the first item names them:

    in:   load(spec)   render(id, messages, tools)   complete(id, request...)   cancel(id)   stats(id)
    out:  ready(facts) rendered(id, text, tokens)    finished([Finished])   stats(id, dict)   failed(id, cause, detail)
          steps(seconds of the slowest so far): a sign of life, once a second while there are any
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harnesslab.engine.thinking import ThinkingBudget
from harnesslab.errors import EngineFailure, UserError
from harnesslab.models.entry import LoadParams, edited
from harnesslab.types import TILE, Constraint, Message, Sampling, ToolSpec, Weights

if TYPE_CHECKING:
    from harnesslab.engine.job import Job
    from harnesslab.engine.native import NativeContext

NOBODY = -1
SIGN_OF_LIFE = 1.0  # seconds between two of them


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """All a worker needs to start. 0 means: choose from hardware and model."""

    path: str
    load: LoadParams
    dialect: str
    chat_template: str
    template_edits: tuple[tuple[str, str], ...]
    template_args: Mapping[str, Any]
    keep_reasoning: bool
    concurrency: int
    idle_cells: int
    threads: int
    calibrate: bool
    sampling: Sampling  # of the draws that calibration times


class Worker:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.inbox: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._sending = threading.Lock()
        self._idle = 0.0  # seconds spent waiting for a request
        self._ready = 0.0
        self._slowest = 0.0  # seconds of a step
        self._told = 0.0  # when the last sign of life was given

    def send(self, *message: Any) -> None:
        with self._sending:
            self.connection.send(message)

    def run(self) -> None:
        kind, spec = self.connection.recv()
        assert kind == "load"
        try:
            self._load(spec)
        except EngineFailure as failure:
            self.send("failed", NOBODY, failure.cause, failure.detail)
            return
        except UserError as error:  # its dialect or its chat template
            self.send("failed", NOBODY, "bad-model", str(error))
            return
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self._schedule()
        except EngineFailure as failure:
            self.send("failed", NOBODY, failure.cause, failure.detail)

    def _load(self, spec: WorkerSpec) -> None:
        from harnesslab.engine import dialects
        from harnesslab.engine.constrain import Grammars
        from harnesslab.engine.constrain.vocabulary import vocabulary_of
        from harnesslab.engine.native import NativeContext, NativeModel, build_facts
        from harnesslab.engine.plan_context import plan_context
        from harnesslab.engine.scheduler import Scheduler
        from harnesslab.engine.templates import ChatTemplate
        from harnesslab.engine.threads import ThreadTuner

        started = time.perf_counter()
        self.model = model = NativeModel(spec.path, spec.load)
        source = edited(spec.chat_template or model.chat_template, spec.template_edits)
        dialect = spec.dialect or dialects.detect(source, model.meta("general.architecture"))
        self.think = dialects.get(dialect).think
        self.keep_reasoning = spec.keep_reasoning
        self.grammars = Grammars(lambda: vocabulary_of(model), dialect, self.think, thinks=self._thinks(source))
        self.template = ChatTemplate(
            source, bos=model.piece(model.bos) if model.bos >= 0 else "", eos=model.piece(model.eos),
            args=dict(spec.template_args), dialect=dialect,
        )  # fmt: skip
        self.plan = plan = plan_context(model, spec.load, spec.concurrency, spec.idle_cells, spec.threads)
        context = NativeContext(
            model,
            replace(spec.load, flash_attn=plan.flash_attn),
            cells=plan.cells,
            sequences=plan.sequences,
            n_batch=plan.n_batch,
            outputs=plan.concurrency,
            threads=plan.thread_counts[0],
            streams=plan.streams,
        )
        self.scheduler = Scheduler(
            context,
            sequences=plan.sequences,
            concurrency=plan.concurrency,
            idle_cells=plan.idle_cells,
            threads=ThreadTuner(plan.thread_counts),
            parking=plan.parking,
        )
        _ = model.pieces, model.end_tokens
        self.scheduler.drawing.warm_up()
        if spec.calibrate and plan.n_batch >= TILE:
            with contextlib.suppress(EngineFailure):  # a ledger without weights shows a dash
                self.scheduler.weights = self._calibrate(context, spec)
        self._ready = time.perf_counter()
        self.send(
            "ready",
            {
                "weights": self.scheduler.weights,
                **build_facts(),
                **plan.facts(),
                "dialect": dialect,
                "stops": (*self.template.stops, *dialects.get(dialect).stops),
                "template": source,
                "load_seconds": round(self._ready - started, 2),
                "n_vocab": model.n_vocab,
                "n_swa": model.n_swa,
            },
        )

    def _calibrate(self, context: NativeContext, spec: WorkerSpec) -> Weights:
        """On a context of its own where `context` has streams: one request alone costs the same in both."""
        from harnesslab.engine.calibrate import LONG, calibrate
        from harnesslab.engine.native import NativeContext

        plan = self.plan
        if not plan.streams:
            return calibrate(context, plan.thread_counts, spec.sampling)
        load = replace(spec.load, flash_attn=plan.flash_attn)
        threads = plan.thread_counts[0]
        own = NativeContext(
            self.model, load, cells=2 * LONG, sequences=2, n_batch=plan.n_batch, outputs=1, threads=threads
        )
        try:
            return calibrate(own, plan.thread_counts, spec.sampling)
        finally:
            own.close()

    def _thinks(self, template: str) -> bool:
        """Whether this is a reasoning model: its template or its vocabulary knows the dialect's tag."""
        if self.think is None:
            return False
        return self.think[0] in template or len(self.model.tokenize(self.think[0], add_bos=False)) == 1

    # --- reader thread ---------------------------------------------------------------------------------------------

    def _read(self) -> None:
        """Ends the process when nobody hears requests any more; the main thread may sit in a long decode."""
        try:
            self._receive()
        except (EOFError, OSError):
            os._exit(0)  # the engine is gone
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)

    def _receive(self) -> None:
        while True:
            message = self.connection.recv()
            if message[0] == "render":
                _, id, messages, tools = message
                try:
                    self.send("rendered", id, *self._render(messages, tools))
                except EngineFailure as failure:
                    self.send("failed", id, failure.cause, failure.detail)
                except OSError:
                    raise
                except Exception as error:  # a template is foreign code: whatever it raises belongs to this prompt
                    self.send("failed", id, "template", f"{type(error).__name__}: {error}")
            elif message[0] == "complete":
                id = message[1]
                try:
                    self.inbox.put(("complete", id, self._job(*message[1:])))
                except EngineFailure as failure:
                    self.send("failed", id, failure.cause, failure.detail)
                except UserError as error:
                    self.send("failed", id, "constraint", str(error))
                except (ValueError, RecursionError) as error:  # a schema that the grammar's compiler chokes on
                    self.send("failed", id, "constraint", f"{type(error).__name__}: {error}")
            else:
                self.inbox.put(message)

    def _render(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> tuple[str, bytes]:
        text = self.template.render(messages, tools)
        bos = self.model.piece(self.model.bos) if self.model.bos >= 0 else ""
        tokens = self.model.tokenize(text, add_bos=self.model.add_bos and not (bos and text.startswith(bos)))
        return text, tokens.tobytes()

    def _job(
        self,
        id: int,
        tokens: bytes,
        sampling: Sampling,
        rng_key: int,
        constraint: Constraint | None,
        tools: Sequence[ToolSpec],
    ) -> Job:
        """Raises EngineFailure or UserError where the constraint cannot be made into a grammar."""
        from harnesslab.engine.job import Job

        prompt = np.frombuffer(tokens, np.int32)
        open_ = self._ends_thinking(prompt)
        return Job(
            id=id,
            tokens=prompt,
            sampling=sampling,
            rng_key=rng_key,
            n_ctx=self.plan.n_ctx,
            matcher=self.grammars.matcher(constraint, tools, inside_thinking=open_) if constraint else None,
            thinking=self._thinking(sampling.max_thinking, open_),
        )

    def _ends_thinking(self, prompt: NDArray[np.int32]) -> bool:
        """Whether the template opened a think block for the reply."""
        if self.think is None:
            return False
        end = b"".join(self.model.pieces[t] for t in prompt[-16:].tolist())
        return end.rstrip().endswith(self.think[0].encode())

    def _thinking(self, limit: int, inside: bool) -> ThinkingBudget | None:
        if self.think is None:
            return None
        opening, closing = self.think
        tokens = self.model.tokenize(closing, add_bos=False).tolist()
        return ThinkingBudget(opening.encode(), closing.encode(), tokens, limit, inside)

    # --- main thread -----------------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        while True:
            while not self.inbox.empty() or not self.scheduler.pending:
                start = time.perf_counter()
                message = self.inbox.get()
                self._idle += time.perf_counter() - start
                self._handle(message)
            start = time.perf_counter()
            done = self.scheduler.step()
            self._tell(start, time.perf_counter())
            for finished in done:
                if finished.failure is not None:
                    self.send("failed", finished.id, *finished.failure)
            if replies := [f for f in done if f.failure is None]:
                self.send("finished", replies)

    def _tell(self, start: float, now: float) -> None:
        """A step was made: without a word now and then, this process would be taken for a wedged one."""
        self._slowest = max(self._slowest, now - start)
        if now - self._told >= SIGN_OF_LIFE:
            self._told = now
            self.send("steps", self._slowest)

    def _handle(self, message: tuple[Any, ...]) -> None:
        kind, id, *rest = message
        if kind == "complete":
            self.scheduler.submit(rest[0])
        elif kind == "cancel":
            self.scheduler.cancel(id)
        elif kind == "stats":
            meter = {"idle": self._idle, "up": time.perf_counter() - self._ready}
            self.send("stats", id, {**self.scheduler.snapshot(), **meter})


def main() -> None:
    Worker(Connection(int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
