"""The same trials three ways: llama-cpp-python one after another, llama-server with slots, and harnesslab's engine.

    python -m benchmarks.engine --model qwen2.5-coder-0.5b

6 `orders` tasks x 4 repeats x 4 harnesses. All arms run the same harness code on the same rendered prompts with the
same sampling; only what computes the replies differs. Arms take turns, --turn tasks at a time, so that a noisy machine
disturbs all of them alike; each arm keeps its own caches from turn to turn. An arm has as many trials at work as its
engine takes at once; ours as many as a sweep has, where those that wait for a shared reply do not count.

Prints name=value lines: trials_per_hour_*, ratio_plain, ratio_llama_server (against the server's best slot count),
ratio_*_nomemo, busy (seconds inside llama_decode / wall), tokens computed, tokens saved by the prefix tree and by the
memo, share of memo hits, success_* and whether the arms' success rates lie within `success_margin` of each other.

--out FILE keeps what was counted after every arm's turn, and the same command goes on from there: this takes hours.

Arms draw different replies, so their trials differ in length: by a lot where tasks are few. `speedup_ARM` allows for
that: what its replies would cost one by one, each trial alone with what it had computed itself still cached (by the
weights that the engine calibrates, memo hits included), over the seconds it took. Plain should be near 1. The ratios of
these are `work_ratio_*`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import product
from pathlib import Path
from typing import Any

from harnesslab.engine import dialects
from harnesslab.engine.llama import LlamaEngine
from harnesslab.engine.memo import MemoEngine
from harnesslab.engine.templates import ChatTemplate
from harnesslab.harness.compose import Harness
from harnesslab.harness.loop import run_trial
from harnesslab.lab.places import Places, worth_running
from harnesslab.models.entry import LoadParams, ModelEntry
from harnesslab.suites.registry import load_suite
from harnesslab.trace.recorder import LayerTable, TrialRecorder
from harnesslab.types import (
    Completion,
    EndReason,
    Engine,
    EngineInfo,
    FinishReason,
    Message,
    Prompt,
    Request,
    Sampling,
    Task,
    ToolSpec,
    Usage,
    Weights,
    stable_hash,
)

HARNESSES: dict[str, list[Any]] = {
    "loop": [],
    "validate": ["validate"],
    "validate+rewind": ["validate", "rewind"],
    "guardrails": ["validate", "retry"],
}
WORK = ("busy", "prefilled", "decoded", "shared")
MARGIN = 0.10  # of success rates: the arms draw different replies, and 96 trials are 6 tasks


class PlainEngine:
    """The plain way: one `Llama`, one completion after another, as `create_chat_completion` does once it has
    rendered."""

    def __init__(self, path: Path, load: LoadParams, threads: int) -> None:
        from llama_cpp import Llama

        self.llama = Llama(
            str(path), n_ctx=load.n_ctx, n_gpu_layers=load.n_gpu_layers, n_threads=threads, n_threads_batch=threads,
            verbose=False,
        )  # fmt: skip
        source = self.llama.metadata.get("tokenizer.chat_template", "")
        self.dialect = dialects.get(dialects.detect(source, self.llama.metadata.get("general.architecture", "")))
        self.template = ChatTemplate(source, bos="", eos="")
        self.info = EngineInfo("plain", str(path), load.n_ctx)

    async def render(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Prompt:
        import numpy as np

        text = self.template.render(messages, tools)
        tokens = np.array(self.llama.tokenize(text.encode(), add_bos=False, special=True), np.int32).tobytes()
        return Prompt(tuple(messages), tuple(tools), text, tokens, stable_hash(tokens))

    async def complete(self, request: Request) -> Completion:
        import numpy as np

        s = request.sampling
        reply: Any = self.llama.create_completion(
            np.frombuffer(request.prompt.tokens, np.int32).tolist(),
            max_tokens=s.max_tokens,
            temperature=s.temperature,
            top_p=s.top_p,
            top_k=s.top_k,
            min_p=s.min_p,
            repeat_penalty=s.repeat_penalty,
            seed=request.rng_key % 2**31,
            stop=[*s.stop, *self.template.stops, *self.dialect.stops],
        )
        choice, usage = reply["choices"][0], reply["usage"]
        parsed = self.dialect.parse(choice["text"], request.prompt.tools)
        return Completion(
            text=choice["text"],
            content=parsed.content,
            tool_calls=parsed.tool_calls,
            parse_error=parsed.error,
            finish_reason=FinishReason.LENGTH if choice["finish_reason"] == "length" else FinishReason.STOP,
            usage=Usage(prompt=usage["prompt_tokens"], generated=usage["completion_tokens"]),
        )

    async def close(self) -> None:
        self.llama.close()


@dataclass(slots=True)
class Arm:
    """One way of computing replies, with what it has used so far."""

    name: str
    engine: Engine
    places: Places
    native: LlamaEngine | None = None  # ours, beneath the engine
    seconds: float = 0.0
    trials: int = 0
    passed: int = 0
    replies: int = 0
    memo_hits: int = 0
    memo_tokens: int = 0
    generated: int = 0
    alone: float = 0.0
    work: dict[str, float] = field(default_factory=dict)  # the scheduler's counters
    turns: int = 0  # done
    weights: Weights | None = None

    def counts(self) -> dict[str, Any]:
        return {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name not in ("engine", "places", "native", "weights")
        }

    async def run(self, tasks: Sequence[Task], repeats: int, sampling: Sampling) -> None:
        """All repeats of these tasks in all harnesses."""

        async def one(task: Task, repeat: int, name: str, layers: list[Any]) -> None:
            async with self.places:
                environment = task.environment(1, repeat)
                recorder = TrialRecorder(LayerTable())
                engine = _Counting(self.engine, self)
                answer = await run_trial(
                    task.view,
                    environment,
                    None,
                    engine,
                    Harness.parse(name, layers),
                    sampling,
                    recorder,
                    stable_hash(1, task.view.id, repeat),
                )
                self.trials += 1
                self.passed += task.check(environment, answer.text).passed and answer.reason is EndReason.ANSWERED

        before = await self._stats()
        start = time.perf_counter()
        await asyncio.gather(
            *(one(*trial, *harness) for trial in product(tasks, range(repeats)) for harness in HARNESSES.items())
        )
        self.seconds += time.perf_counter() - start
        after = await self._stats()
        self.work = {name: self.work.get(name, 0.0) + after[name] - before[name] for name in after}
        self.turns += 1

    async def _stats(self) -> dict[str, float]:
        stats = await self.native.stats() if self.native else {}
        return {name: stats[name] for name in WORK if name in stats}

    @property
    def per_hour(self) -> float:
        return 3600 * self.trials / self.seconds

    @property
    def speedup(self) -> float:
        return self.alone / self.seconds

    @property
    def so_far(self) -> str:
        trial = f"{self.replies / self.trials:.1f} replies and {self.generated / self.trials:.0f} tokens per trial"
        return f"{self.name}: {self.per_hour:.0f} trials/h, speedup {self.speedup:.2f}, {trial}"


class _Counting:
    """Counts what passes through: the engine of one trial."""

    def __init__(self, inner: Engine, arm: Arm) -> None:
        self._inner, self._arm = inner, arm
        self._computed = 0  # tokens of the trial's last prompt and reply

    @property
    def info(self) -> EngineInfo:
        return self._inner.info

    async def render(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Prompt:
        return await self._inner.render(messages, tools)

    async def complete(self, request: Request) -> Completion:
        reply = await self._inner.complete(request)
        self._arm.replies += 1
        if reply.memo:
            self._arm.memo_hits += 1
            self._arm.memo_tokens += reply.usage.prompt + reply.usage.generated
        self._arm.generated += reply.usage.generated
        if self._arm.weights is not None:
            cached = min(self._computed, reply.usage.prompt - 1)
            self._arm.alone += seconds_alone(self._arm.weights, cached, reply.usage.prompt, reply.usage.generated)
        self._computed = reply.usage.prompt + reply.usage.generated
        return reply

    async def close(self) -> None:
        """The arm closes the engine."""


def seconds_alone(weights: Weights, cached: int, prompt: int, generated: int) -> float:
    """What one request costs that runs alone and finds `cached` of its prompt's tokens computed."""
    pairs = generated * prompt + generated * (generated - 1) / 2
    decoding = generated * (weights.decode + weights.draw) + pairs * weights.context
    return weights.of_feed(cached, prompt - cached, drawn=False) + decoding


async def measure(options: argparse.Namespace) -> None:
    from harnesslab.engine.plan_context import cores
    from harnesslab.models.fetch import ensure
    from harnesslab.models.registry import load_registry

    entry: ModelEntry = load_registry().get(options.model)
    path = ensure(entry)
    sampling = entry.sampling
    tasks = load_suite("orders", seed=1, n=options.tasks).tasks
    arms: list[Arm] = []
    closers: list[Callable[[], Awaitable[None]]] = []
    ours = await LlamaEngine.start(entry, path, calibrate=True)
    arms.append(Arm("ours_nomemo", ours, Places(worth_running(ours.info)), ours))
    memo = await LlamaEngine.start(entry, path)
    places = Places(worth_running(memo.info))
    arms.append(Arm("ours", MemoEngine(memo, entry.sha256, waiting=places.lent), places, memo))
    arms.append(Arm("plain", PlainEngine(path, entry.load, cores()), Places(1)))
    for slots in options.slots:
        from benchmarks.llama_server import serving

        engine, stop = await serving(entry, path, slots)
        closers.append(stop)
        arms.append(Arm(f"llama_server_{slots}", engine, Places(slots)))
    weights = resume(arms, options) or ours.info.weights
    for arm in arms:
        arm.weights = weights
    try:
        turns = [tasks[i : i + options.turn] for i in range(0, len(tasks), options.turn)]
        for i, turn in enumerate(turns):
            for arm in arms[i % len(arms) :] + arms[: i % len(arms)]:
                if arm.turns > i:
                    continue
                await arm.run(turn, options.repeats, sampling)
                print(f"# to {turn[-1].view.id} {arm.so_far}", flush=True)
                keep(arms, options)
        report(arms)
    finally:
        for arm in arms:
            await arm.engine.close()
        for stop in closers:
            await stop()


def _identity(options: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name, value in vars(options).items() if name != "out"}


def keep(arms: Sequence[Arm], options: argparse.Namespace) -> None:
    """Writes what the arms have counted to --out."""
    if options.out is None:
        return
    weights = asdict(arms[0].weights) if arms[0].weights else None
    kept = {"options": _identity(options), "weights": weights, "arms": [arm.counts() for arm in arms]}
    part = options.out.with_suffix(".part")
    part.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    part.replace(options.out)


def resume(arms: Sequence[Arm], options: argparse.Namespace) -> Weights | None:
    """Puts what --out holds into the arms; returns the weights that it was counted by."""
    if options.out is None or not options.out.exists():
        return None
    kept = json.loads(options.out.read_text(encoding="utf-8"))
    if kept["options"] != _identity(options):
        raise SystemExit(f"{options.out} holds counts of other options: {kept['options']}; name another file")
    for arm, counts in zip(arms, kept["arms"], strict=True):
        for name, value in counts.items():
            setattr(arm, name, value)
    return Weights(**kept["weights"])


def report(arms: Sequence[Arm]) -> None:
    by_name = {arm.name: arm for arm in arms}
    ours, bare, plain = by_name["ours"], by_name["ours_nomemo"], by_name["plain"]
    for arm in arms:
        print(f"trials_per_hour_{arm.name}={arm.per_hour:.1f}")
        print(f"success_{arm.name}={arm.passed / arm.trials:.3f}")
        print(f"generated_per_trial_{arm.name}={arm.generated / arm.trials:.0f}")
        print(f"replies_per_trial_{arm.name}={arm.replies / arm.trials:.2f}")
        print(f"speedup_{arm.name}={arm.speedup:.2f}")
    print(f"trials_per_hour={ours.per_hour:.1f}")
    print(f"ratio_plain={ours.per_hour / plain.per_hour:.2f}")
    print(f"ratio_plain_nomemo={bare.per_hour / plain.per_hour:.2f}")
    print(f"work_ratio_plain={ours.speedup / plain.speedup:.2f}")
    print(f"work_ratio_plain_nomemo={bare.speedup / plain.speedup:.2f}")
    servers = [arm for arm in arms if arm.name.startswith("llama_server")]
    if servers:
        best = max(servers, key=lambda arm: arm.per_hour)
        print(f"llama_server_best={best.name.rpartition('_')[2]}")
        print(f"ratio_llama_server={ours.per_hour / best.per_hour:.2f}")
        print(f"ratio_llama_server_nomemo={bare.per_hour / best.per_hour:.2f}")
        for arm in servers:
            print(f"ratio_{arm.name}_nomemo={bare.per_hour / arm.per_hour:.2f}")
            print(f"work_ratio_{arm.name}={ours.speedup / arm.speedup:.2f}")
            print(f"work_ratio_{arm.name}_nomemo={bare.speedup / arm.speedup:.2f}")
    print(f"busy={bare.work['busy'] / bare.seconds:.3f}")
    for name, key in (("prefilled", "prefilled"), ("decoded", "decoded"), ("tree_tokens_saved", "shared")):
        print(f"{name}_nomemo={bare.work[key]:.0f}")
        print(f"{name}={ours.work[key]:.0f}")
    print(f"memo_tokens_saved={ours.memo_tokens}")
    print(f"memo_hits={ours.memo_hits / ours.replies:.3f}")
    rates = [arm.passed / arm.trials for arm in arms]
    print(f"success_margin={MARGIN}")
    print(f"success_spread={max(rates) - min(rates):.3f}")
    print(f"success_equal={'yes' if max(rates) - min(rates) < MARGIN else 'no'}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--tasks", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--turn", type=int, default=2, help="tasks per turn; a GPU needs 4 or more to have 64 trials")
    parser.add_argument(
        "--slots", type=int, nargs="*", default=[8, 16], help="slot counts of llama-server; none skips it"
    )
    parser.add_argument("--out", type=Path, help="keep the counts in this file, and go on from it")
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
