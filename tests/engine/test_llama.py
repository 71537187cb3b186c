"""The engine and its worker process: replies, typed failures, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest

from harnesslab.engine.llama import LlamaEngine
from harnesslab.errors import EngineFailure
from harnesslab.models.entry import LoadParams, ModelEntry
from harnesslab.types import Completion, FinishReason, Message, Request, Sampling, ToolSpec

pytestmark = pytest.mark.model

TOOLS = (
    ToolSpec(
        "get_order",
        "Looks up one order.",
        {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
    ),
)


def entry(n_ctx: int = 1024) -> ModelEntry:
    return ModelEntry(name="m", load=LoadParams(n_ctx=n_ctx))


async def ask(
    engine: LlamaEngine, text: str, *, key: int = 1, max_tokens: int = 12, temperature: float = 0.7
) -> Completion:
    prompt = await engine.render([Message("system", "Be brief. " * 20), Message("user", text)], TOOLS)
    return await engine.complete(Request(prompt, Sampling(temperature=temperature, max_tokens=max_tokens), key))


def test_concurrent_replies_share_their_prefix_and_add_up(smollm2: Path) -> None:
    async def scenario() -> None:
        engine = await LlamaEngine.start(entry(), smollm2, concurrency=4)
        try:
            replies = await asyncio.gather(*(ask(engine, f"Where is order {i}?", key=i) for i in range(4)))
            stats = await engine.stats()
            assert sum(r.usage.prompt - r.usage.cached for r in replies) == stats["prefilled"]
            assert sum(r.usage.cached > 100 for r in replies) == 3
            assert engine.info.n_ctx == 1024
            assert engine.info.details["dialect"] == "hermes"
            assert all(r.times.decode > 0 for r in replies)
        finally:
            await engine.close()

    asyncio.run(scenario())


def test_the_model_that_calls_tools_is_understood(qwen05: Path) -> None:
    async def scenario() -> None:
        engine = await LlamaEngine.start(entry(), qwen05, concurrency=1)
        try:
            reply = await ask(engine, "Where is order O-17? Use the tool.", max_tokens=60, temperature=0.0)
            assert [c.name for c in reply.tool_calls] == ["get_order"], reply.text
            assert reply.tool_calls[0].arguments == {"order_id": "O-17"}
        finally:
            await engine.close()

    asyncio.run(scenario())


def test_a_killed_worker_is_a_typed_failure_and_leaves_no_process(smollm2: Path) -> None:
    async def scenario() -> None:
        engine = await LlamaEngine.start(entry(), smollm2, concurrency=2)
        waiting = asyncio.create_task(ask(engine, "Tell a long story.", max_tokens=400))
        await asyncio.sleep(0.3)
        os.kill(engine.pid, signal.SIGKILL)
        with pytest.raises(EngineFailure, match="worker-died: signal SIGKILL"):
            await waiting
        with pytest.raises(EngineFailure, match="worker-died"):
            await ask(engine, "Anyone?")
        await engine.close()
        assert not psutil.pid_exists(engine.pid)

    asyncio.run(scenario())


def test_a_worker_may_be_silent_while_nothing_is_asked_and_not_while_something_is(smollm2: Path) -> None:
    """The one that is stopped does not even read: the loop itself waits to send to it."""

    async def scenario() -> None:
        engine = await LlamaEngine.start(entry(), smollm2, concurrency=2)
        try:
            assert (await ask(engine, "Hello")).text
            engine._silence, engine._slowest = 2.0, 0.0
            await asyncio.sleep(4.0)
            assert psutil.pid_exists(engine.pid)
            os.kill(engine.pid, signal.SIGSTOP)
            with pytest.raises(EngineFailure, match=r"worker-died: no step for \d s"):
                await ask(engine, "word " * 1_000_000)
        finally:
            await engine.close()
        assert not psutil.pid_exists(engine.pid)

    asyncio.run(scenario())


def test_a_cancelled_request_gives_its_cells_back(smollm2: Path) -> None:
    async def scenario() -> None:
        engine = await LlamaEngine.start(entry(), smollm2, concurrency=2, idle_cells=0)
        try:
            waiting = asyncio.create_task(ask(engine, "Tell a long story.", max_tokens=400))
            await asyncio.sleep(0.5)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await ask(engine, "Hello")
            assert (await engine.stats())["cells"] == 0
        finally:
            await engine.close()

    asyncio.run(scenario())


def test_a_broken_file_is_refused_in_llama_cpps_words(tmp_path: Path, smollm2: Path) -> None:
    broken = tmp_path / "broken.gguf"
    with smollm2.open("rb") as whole:
        broken.write_bytes(whole.read(5_000_000))

    async def scenario() -> None:
        with pytest.raises(EngineFailure, match="bad-gguf"):
            await LlamaEngine.start(entry(), broken)

    asyncio.run(scenario())


def test_a_prompt_beyond_the_context_overflows_and_says_so(smollm2: Path) -> None:
    async def scenario() -> None:
        engine = await LlamaEngine.start(entry(n_ctx=256), smollm2, concurrency=1)
        try:
            reply = await ask(engine, "word " * 400)
            assert reply.finish_reason is FinishReason.OVERFLOW
            assert reply.text == ""
        finally:
            await engine.close()

    asyncio.run(scenario())


def test_a_worker_ends_with_whoever_started_it(smollm2: Path, tmp_path: Path) -> None:
    import subprocess
    import sys
    import time

    script = tmp_path / "owner.py"
    script.write_text(
        "import asyncio, sys\nfrom pathlib import Path\n"
        "from harnesslab.engine.llama import LlamaEngine\nfrom harnesslab.models.entry import ModelEntry, LoadParams\n"
        "async def main():\n"
        "    e = await LlamaEngine.start(ModelEntry(name='m', load=LoadParams(n_ctx=256)), Path(sys.argv[1]))\n"
        "    print(e.pid, flush=True)\n    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    owner = subprocess.Popen([sys.executable, str(script), str(smollm2)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    assert psutil.pid_exists(pid)
    owner.kill()
    owner.wait()
    deadline = time.time() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE and time.time() < deadline:
        time.sleep(0.1)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
