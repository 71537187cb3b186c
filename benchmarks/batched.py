"""Decoding many requests at once, against llama.cpp's own batched-bench on the same model and machine.

    python -m benchmarks.batched --bench PATH/llama-batched-bench --model qwen2.5-coder-0.5b --rows 64

The program is the target llama-batched-bench of the llama.cpp sources that the bindings were built from. It feeds
random tokens and draws nothing; here --rows requests count upwards from numbers of their own, so that each is drawn
with the model's sampling, read as a reply, and goes on for --tokens tokens. Timed from the last prompt's end on.

Prints tokens per second, rate=, rate_batched_bench=, batched_ratio=, and the shares of the engine's time that went to
llama_decode and to drawing, decode_share= and draw_share=.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
from pathlib import Path

from harnesslab.engine.llama import LlamaEngine
from harnesslab.engine.plan_context import cores
from harnesslab.models.entry import ModelEntry
from harnesslab.types import Completion, Message, Request, Sampling

PROMPT = 512  # tokens, about


async def ours(entry: ModelEntry, path: Path, options: argparse.Namespace) -> None:
    engine = await LlamaEngine.start(entry, path, concurrency=options.rows)
    sampling = Sampling(
        temperature=entry.sampling.temperature, top_k=entry.sampling.top_k, top_p=entry.sampling.top_p,
        max_tokens=options.tokens,
    )  # fmt: skip

    async def one(row: int) -> Completion:
        start = 1000 + 100 * row
        count = " ".join(str(start + i) for i in range(PROMPT // 5))
        text = f"{start}: go on counting to {start + 1000}, all numbers, nothing else: {count}"
        return await engine.complete(Request(await engine.render([Message("user", text)], ()), sampling, row))

    try:
        await asyncio.gather(*(one(row) for row in range(options.rows)))  # kernels compiled, threads chosen
        before = await engine.stats()
        replies = await asyncio.gather(*(one(1000 + row) for row in range(options.rows)))
        after = await engine.stats()
    finally:
        await engine.close()
    generated = sum(reply.usage.generated for reply in replies)
    seconds = max(reply.times.prefill + reply.times.decode for reply in replies if reply.times)
    seconds -= max(reply.times.prefill for reply in replies if reply.times)
    spent = {name: after[name] - before[name] for name in ("up", "idle", "busy", "sampling")}
    working = spent["up"] - spent["idle"]
    print(f"prompt={replies[0].usage.prompt}")
    print(f"generated={generated / options.rows:.0f}")
    print(f"decode_share={spent['busy'] / working:.3f}")
    print(f"draw_share={spent['sampling'] / working:.3f}")
    print(f"rate={generated / seconds:.0f}")
    options.rate = generated / seconds


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
    asyncio.run(ours(entry, path, options))
    rate = theirs(path, options)
    print(f"rate_batched_bench={rate:.0f}")
    print(f"batched_ratio={options.rate / rate:.2f}")


if __name__ == "__main__":
    main()
