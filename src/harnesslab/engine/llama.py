"""The `llama` engine: GGUF models through llama.cpp, in a worker process of their own.

This side never loads llama.cpp. A native abort kills the worker, not the sweep: every request in flight then raises
`EngineFailure("worker-died")`, and killing the worker frees its memory for certain. A worker that is alive and does
nothing (a hung driver, a stopped process) is killed, and so takes the same path.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from harnesslab.engine import dialects
from harnesslab.engine.dialects.reasoning import reopened
from harnesslab.engine.worker import NOBODY, WorkerSpec
from harnesslab.errors import EngineFailure
from harnesslab.models.entry import ModelEntry
from harnesslab.types import (
    Completion,
    EngineInfo,
    Message,
    Prompt,
    Request,
    Times,
    ToolSpec,
    Usage,
    stable_hash,
)

if TYPE_CHECKING:
    from harnesslab.engine.job import Finished

CAPABILITIES = frozenset({"constrain", "context", "seeds", "tokens", "usage", "prefix-cache"})

SILENCE = 600.0  # seconds without a step, while a request is in flight, after which a worker is taken for wedged
_STEPS = 20  # of the slowest steps so far must have had time, too
_LOADING = 6  # times as long a load may be silent: a large file on a slow disk tells of no steps
_LISTENS = 1.0  # seconds between two looks at the silence
_DIES = 10.0  # seconds that a killed process is waited for; one that hangs in a driver stays


class LlamaEngine:
    """One loaded model. Make one with `start`; safe for any number of concurrent requests of one event loop."""

    def __init__(
        self, process: subprocess.Popen[bytes], connection: Connection, stderr: IO[bytes], silence: float
    ) -> None:
        self._process = process
        self._connection = connection
        self._stderr = stderr
        self._silence = silence
        self._slowest = 0.0  # seconds of the slowest step so far
        self._wedged = ""  # why the worker was killed from here
        self._loop = asyncio.get_running_loop()
        self._ids = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._ready: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        self._sending = threading.Lock()
        self._failure: EngineFailure | None = None
        self._keep_reasoning = False
        self._info = EngineInfo("llama", "")
        threading.Thread(target=self._read, daemon=True).start()

    @classmethod
    async def start(
        cls,
        entry: ModelEntry,
        path: Path,
        *,
        concurrency: int = 0,
        idle_cells: int = -1,
        threads: int = 0,
        calibrate: bool = False,
        environment: Mapping[str, str] | None = None,
        silence: float = SILENCE,
    ) -> LlamaEngine:
        """Starts the worker and loads the model.

        Args:
            concurrency: requests at once; 0: chosen from the hardware.
            idle_cells: KV cells kept for later prompts; -1: as many as cost nothing; 0: none, all starts fresh.
            threads: 0: chosen while working, up to the physical cores.
            calibrate: whether to find out what a request costs alone (`EngineInfo.weights`), in a few seconds.
            environment: variables for the worker on top of this process's own.
            silence: seconds without a step after which the worker is killed, or 20 of its slowest steps.

        Raises:
            EngineFailure: "bad-gguf", "bad-model", "no-memory" or "worker-died", with llama.cpp's own words.
        """
        template = entry.chat_template
        if template and "{" not in template:
            try:
                template = Path(template).read_text(encoding="utf-8")
            except OSError as error:
                raise EngineFailure("bad-model", f"chat_template {template}: {error.strerror}") from error
        ours, theirs = socket.socketpair()
        stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        process = subprocess.Popen(
            [sys.executable, "-m", "harnesslab.engine.worker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            env={**os.environ, **(environment or {})},
            start_new_session=True,  # Ctrl-C is for the sweep; it closes the worker in good order
        )
        theirs.close()
        engine = cls(process, Connection(ours.detach()), stderr, silence)
        spec = WorkerSpec(
            path=str(path),
            load=entry.load,
            dialect=entry.dialect,
            chat_template=template,
            template_edits=entry.template_edits,
            template_args=dict(entry.template_args),
            keep_reasoning=entry.reasoning == "keep",
            concurrency=concurrency,
            idle_cells=idle_cells,
            threads=threads,
            calibrate=calibrate,
            sampling=entry.sampling,
        )
        try:
            engine._send("load", spec)
            facts = await engine._ready
            weights = facts.pop("weights")
        except BaseException:
            await engine.close()
            raise
        engine._keep_reasoning = spec.keep_reasoning
        engine._dialect = dialects.get(facts["dialect"])
        engine._stops = tuple(facts["stops"])
        engine._info = EngineInfo(
            name="llama",
            model=entry.name,
            n_ctx=facts["n_ctx"],
            concurrency=facts["concurrency"],
            capabilities=CAPABILITIES,
            pinned=bool(entry.sha256),
            details=facts,
            weights=weights,
        )
        return engine

    _dialect: dialects.Dialect
    _stops: tuple[str, ...]

    @property
    def info(self) -> EngineInfo:
        return self._info

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    async def render(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Prompt:
        sent = tuple(messages)
        if not self._keep_reasoning:
            sent = tuple(replace(m, reasoning="") if m.reasoning else m for m in sent)
        text, tokens = await self._ask("render", sent, tuple(tools))
        return Prompt(tuple(messages), tuple(tools), text, tokens, stable_hash(tokens))

    async def complete(self, request: Request) -> Completion:
        finished = await self._ask(
            "complete",
            request.prompt.tokens,
            replace(request.sampling, stop=(*request.sampling.stop, *self._stops)),
            request.rng_key,
            request.constraint,
            request.prompt.tools if request.constraint else (),
        )
        return completion_of(finished, request, self._dialect)

    async def stats(self) -> dict[str, Any]:
        """The scheduler's counters since the start; `up` and `idle` are seconds since then, and of waiting."""
        stats: dict[str, Any] = await self._ask("stats")
        return stats

    async def close(self) -> None:
        """Ends the worker; its memory is free when this returns, unless a driver holds on to the process."""
        with contextlib.suppress(OSError):
            self._connection.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, _DIES)
        self._fail(EngineFailure("closed", "the engine was closed"))

    # --- the socket ------------------------------------------------------------------------------------------------

    async def _ask(self, kind: str, *body: Any) -> Any:
        if self._failure is not None:
            raise self._failure
        id = next(self._ids)
        future: asyncio.Future[Any] = self._loop.create_future()
        self._waiting[id] = future
        try:
            self._send(kind, id, *body)
            return await future
        except asyncio.CancelledError:
            if kind == "complete":
                with contextlib.suppress(EngineFailure):
                    self._send("cancel", id)
            raise
        finally:
            self._waiting.pop(id, None)

    def _send(self, *message: Any) -> None:
        try:
            with self._sending:
                self._connection.send(message)
        except (OSError, ValueError) as error:
            raise self._failure or EngineFailure("worker-died", self._last_words()) from error

    def _read(self) -> None:
        """A thread of its own, so that the silence is noticed while the loop waits to send to a worker that hangs."""
        silent = 0.0
        while True:
            try:
                if not self._connection.poll(_LISTENS):
                    # looks are counted, not a clock: a machine that slept has not been waiting
                    silent = self._judge(silent + _LISTENS)
                    continue
                silent = 0.0
                message = self._connection.recv()
            except (EOFError, OSError, TypeError, ValueError):
                break
            with contextlib.suppress(RuntimeError):  # the loop may be closing
                self._loop.call_soon_threadsafe(self._handle, message)
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._died)

    def _judge(self, silent: float) -> float:
        """The seconds of silence so far, 0 where nothing is asked; hangs up where they are too many."""
        loading = not self._ready.done()
        if not (loading or self._waiting):
            return 0.0
        limit = max(self._silence, _STEPS * self._slowest) * (_LOADING if loading else 1)
        if silent >= limit and not self._wedged:
            self._wedged = f"not loaded after {silent:.0f} s" if loading else f"no step for {silent:.0f} s"
            self._hang_up()
        return silent

    def _hang_up(self) -> None:
        """Kills the worker and ends the line to it, even where the process cannot die."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        with socket.socket(fileno=os.dup(self._connection.fileno())) as line, contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    def _handle(self, message: tuple[Any, ...]) -> None:
        kind, *rest = message
        if kind == "steps":
            self._slowest = max(self._slowest, rest[0])
        elif kind == "finished":
            for finished in rest[0]:
                self._answer(finished.id, finished)
        elif kind == "rendered":
            id, text, tokens = rest
            self._answer(id, (text, tokens))
        elif kind == "stats":
            self._answer(rest[0], rest[1])
        elif kind == "ready":
            self._ready.set_result(rest[0])
        elif kind == "failed":
            id, cause, detail = rest
            failure = EngineFailure(cause, detail)
            if id == NOBODY:
                self._fail(failure)
            elif (future := self._waiting.get(id)) is not None and not future.done():
                future.set_exception(failure)

    def _answer(self, id: int, value: Any) -> None:
        future = self._waiting.get(id)
        if future is not None and not future.done():
            future.set_result(value)

    def _died(self) -> None:
        self._fail(EngineFailure("worker-died", self._last_words()))

    def _fail(self, failure: EngineFailure) -> None:
        if self._failure is not None:
            return
        self._failure = failure
        for future in (self._ready, *self._waiting.values()):
            if not future.done():
                future.set_exception(failure)
        if self._ready.done():
            self._ready.exception()  # nobody may be waiting for it any more

    def _last_words(self) -> str:
        if self._wedged:
            return self._wedged
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)
        code = self._process.returncode
        how = f"signal {signal.Signals(-code).name}" if code and code < 0 else f"exit code {code}"
        self._stderr.seek(0)
        lines = [line for line in self._stderr.read().decode(errors="replace").splitlines() if line.strip()]
        return f"{how}; {' | '.join(lines[-3:])}" if lines else how


def completion_of(finished: Finished, request: Request, dialect: dialects.Dialect) -> Completion:
    """What became of a request in the scheduler, as the reply that it is."""
    text = finished.text.decode(errors="replace")
    whole = reopened(request.prompt.text, text, dialect.think)
    parsed = dialect.parse(whole, request.prompt.tools)
    return Completion(
        text=text,
        content=parsed.content,
        tool_calls=parsed.tool_calls,
        parse_error=parsed.error,
        reasoning=parsed.reasoning,
        finish_reason=finished.reason,
        usage=Usage(
            prompt=finished.prompt,
            cached=finished.cached,
            generated=len(finished.tokens) // 4,
            reasoning=finished.reasoning,
            forced=finished.forced,
        ),
        times=Times(finished.queued, finished.prefill, finished.decode, finished.computed),
        reuse=finished.reuse,
        tokens=finished.tokens[: 4 * finished.fed],
    )
