"""Decoding many requests at once, against llama.cpp's own batched-bench on the same model and machine.

    python -m benchmarks.batched --bench PATH/llama-batched-bench --model qwen2.5-coder-0.5b --rows 64

The program is the target llama-batched-bench of the llama.cpp sources that the bindings were built from. It feeds
random tokens and draws nothing. Here --rows requests go on counting from numbers of their own for --tokens tokens, each
drawn with the model's sampling and read as a reply. Their prompts were computed before, and time begins with the first
token drawn, as it does there: what it took to find, copy or restore a prompt's cells is printed as admitting=, in
seconds.

Prints tokens per second, rate=, rate_batched_bench=, batched_ratio=, and the shares of the engine's time, but for what
it spent on copying cells, that went to llama_decode and to drawing, decode_share= and draw_share=.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import time
from dataclasses import replace
from pathlib import Path

from harnesslab.engine.llama import LlamaEngine
from harnesslab.engine.plan_context import cores
from harnesslab.models.entry import ModelEntry
from harnesslab.types import Message, Prompt, Request

PROMPT = 256  # tokens


async def ours(entry: ModelEntry, path: Path, options: argparse.Namespace) -> float:
    """Tokens per second."""
    engine = await LlamaEngine.start(entry, path, concurrency=options.rows)
    sampling = replace(entry.sampling, max_tokens=options.tokens)

    async def counting(first: int) -> Prompt:
        count = " ".join(str(n) for n in range(first, first + PROMPT))
        whole = await engine.render([Message("user", f"{first} and on: {count}")], ())
        assert whole.tokens is not None
        return replace(whole, tokens=whole.tokens[: 4 * PROMPT])  # in the midst of it

    async def run(first: int) -> tuple[int, float, dict[str, float]]:
        prompts = [await counting(first + 100 * row) for row in range(options.rows)]
        for tokens in (1, options.tokens):
            requests = [Request(p, replace(sampling, max_tokens=tokens), row) for row, p in enumerate(prompts)]
            before, start = await engine.stats(), time.perf_counter()
            replies = await asyncio.gather(*map(engine.complete, requests))
            seconds, after = time.perf_counter() - start, await engine.stats()
        spent = {name: after[name] - before[name] for name in ("up", "idle", "copying", "busy", "sampling")}
        decoding = max(reply.times.decode for reply in replies)
        spent["admitting"] = seconds - decoding
        return sum(reply.usage.generated - 1 for reply in replies), decoding, spent

    try:
        await run(20_000)  # kernels are compiled, and thread counts tried
        generated, seconds, spent = await run(50_000)
    finally:
        await engine.close()
    working = spent["up"] - spent["idle"] - spent["copying"]
    print(f"generated={1 + generated / options.rows:.0f}")
    print(f"admitting={spent['admitting']:.2f}")
    print(f"decode_share={spent['busy'] / working:.3f}")
    print(f"draw_share={spent['sampling'] / working:.3f}")
    print(f"rate={generated / seconds:.0f}", flush=True)
    return generated / seconds


def theirs(path: Path, options: argparse.Namespace) -> float:
    flash = "off" if options.cpu else "on"
    command = [
        str(options.bench), "-m", str(path), "-c", str(options.rows * (PROMPT + options.tokens + 64)),
        "-b", "2048", "-ub", "512", "-ngl", "0" if options.cpu else "999", "-fa", flash, "-t", str(cores()),
        "-npp", str(PROMPT), "-ntg", str(options.tokens), "-npl", str(options.rows), "--output-format", "jsonl",
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True)
    lines = [line for line in run.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise SystemExit(f"{options.bench} printed no result: {run.stderr[-500:]}")
    return float(json.loads(lines[-1])["speed_tg"])


def main() -> None:
    import llama_cpp

    from harnesslab.models.fetch import ensure
    from harnesslab.models.registry import load_registry

    parser = argparse.ArgumentParser(prog="python -m benchmarks.batched", description=__doc__.splitlines()[0])
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=128)
    options = parser.parse_args()
    options.cpu = not llama_cpp.llama_supports_gpu_offload()
    entry = load_registry().get(options.model)
    path = ensure(entry)
    rate = asyncio.run(ours(entry, path, options))
    peer = theirs(path, options)
    print(f"rate_batched_bench={peer:.0f}")
    print(f"batched_ratio={rate / peer:.2f}")


if __name__ == "__main__":
    main()
