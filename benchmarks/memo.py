"""Whether a reply that is computed again is the reply that the memo holds, with many requests in one batch.

    python -m benchmarks.memo --model smollm2-135m

`orders` tasks x repeats x the harnesses of `benchmarks.engine`, all trials at once, first with the memo and then on a
fresh engine without it. Batch shapes move logits a little, so a request's reply may differ where two tokens are about
equally likely. Every reply of the second run whose request (prompt, random stream, sampling) the first run also made is
compared with the first run's.

Prints agree= (share of compared replies that are equal), agree_text= (mean share of a reply before
the first difference), compared=, only_without= (requests the first run never made, since a trial had gone another way),
computed_with= and computed_without= (replies computed).
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from typing import Any

from benchmarks.engine import Arm
from harnesslab.engine.memo import MemoEngine
from harnesslab.suites.registry import load_suite
from harnesslab.types import Completion, Engine, EngineInfo, Message, Prompt, Request, Sampling, ToolSpec

Asked = tuple[bytes, int, Sampling]


class Noting:
    """Notes every request and its reply; memo hits are counted, not noted again."""

    def __init__(self, inner: Engine) -> None:
        self._inner = inner
        self.replies: list[tuple[Asked, str]] = []

    @property
    def info(self) -> EngineInfo:
        return self._inner.info

    async def render(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Prompt:
        return await self._inner.render(messages, tools)

    async def complete(self, request: Request) -> Completion:
        reply = await self._inner.complete(request)
        if not reply.memo:
            self.replies.append(((request.prompt.tokens, request.rng_key, request.sampling), reply.text))
        return reply

    async def close(self) -> None:
        await self._inner.close()


async def play(options: argparse.Namespace, *, memo: bool) -> list[tuple[Asked, str]]:
    """All trials on an engine of their own; the replies it computed."""
    from harnesslab.engine.llama import LlamaEngine
    from harnesslab.models.fetch import ensure
    from harnesslab.models.registry import load_registry

    entry = load_registry().get(options.model)
    engine: Any = await LlamaEngine.start(entry, ensure(entry), concurrency=options.concurrency)
    noting = Noting(MemoEngine(engine, entry.sha256) if memo else engine)
    arm = Arm("memo" if memo else "no memo", noting, 4 * options.concurrency)
    sampling = Sampling(temperature=0.7, top_p=0.8, top_k=20, max_tokens=options.tokens)
    try:
        for task in load_suite("orders", seed=1, n=options.tasks).tasks:
            await arm.run([task], options.repeats, sampling)
    finally:
        await noting.close()
    return noting.replies


def report(kept: Sequence[tuple[Asked, str]], again: Sequence[tuple[Asked, str]]) -> None:
    known = dict(kept)
    pairs = [(known[asked], text) for asked, text in again if asked in known]
    common = [_alike(a, b) / max(len(a), len(b)) for a, b in pairs if a != b]
    equal = len(pairs) - len(common)
    print(f"agree={equal / len(pairs):.3f}")
    print(f"agree_text={(equal + sum(common)) / len(pairs):.3f}")
    print(f"compared={len(pairs)}")
    print(f"only_without={len(again) - len(pairs)}")
    print(f"computed_with={len(kept)}")
    print(f"computed_without={len(again)}")


def _alike(a: str, b: str) -> int:
    """Characters before two texts first differ."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


async def measure(options: argparse.Namespace) -> None:
    report(await play(options, memo=True), await play(options, memo=False))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memo", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--tasks", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=32, help="most tokens of a reply")
    parser.add_argument("--concurrency", type=int, default=8)
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
