"""The `openai` engine against a real llama-server on loopback. Skipped where there is no binary."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from benchmarks.llama_server import RunningServer, find, running_server

from harnesslab.engine.openai import OpenAIEngine
from harnesslab.engine.openai_http import Patience
from harnesslab.engine.templates import ChatTemplate
from harnesslab.errors import EngineFailure
from harnesslab.harness.compose import Harness
from harnesslab.harness.loop import run_trial
from harnesslab.models.entry import ModelEntry
from harnesslab.models.gguf import read_facts
from harnesslab.suites.registry import load_suite
from harnesslab.trace.recorder import LayerTable, TrialRecorder
from harnesslab.types import (
    Answer,
    Completion,
    Constraint,
    FinishReason,
    Message,
    Request,
    Sampling,
    ToolCall,
    ToolSpec,
)

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(find() is None, reason="no llama-server; python -m benchmarks.llama_server --build makes one"),
]

LOOK = ToolSpec(
    "look_up",
    "Looks up an order.",
    {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
)
START = (Message("system", "You are a clerk. Use the tools."), Message("user", "What is in order A17?"))
CALLED = (
    *START,
    Message("assistant", "", (ToolCall("look_up", {"order_id": "A17"}, "call00200"),)),
    Message("tool", "two lamps", tool_call_id="call00200", name="look_up"),
)
PATIENCE = Patience(attempts=3, pause=0.05)


@pytest.fixture(scope="module")
def server(qwen05: Path) -> Iterator[RunningServer]:
    with running_server(qwen05, slots=2, ctx=2048) as running:
        yield running


def use(server: RunningServer, do: Callable[[OpenAIEngine], Coroutine[Any, Any, Any]], **entry: Any) -> Any:
    async def run() -> Any:
        served = ModelEntry("qwen", engine="openai", base_url=server.url, **entry)
        engine = await OpenAIEngine.start(served, patience=PATIENCE)
        try:
            return await do(engine)
        finally:
            await engine.close()

    return asyncio.run(run())


async def ask(
    engine: OpenAIEngine,
    messages: tuple[Message, ...] = START,
    tools: tuple[ToolSpec, ...] = (LOOK,),
    *,
    sampling: Sampling | None = None,
    constraint: Constraint | None = None,
    rng_key: int = 1,
) -> Completion:
    prompt = await engine.render(messages, tools)
    return await engine.complete(Request(prompt, sampling or Sampling(max_tokens=48), rng_key, constraint))


def test_it_is_recognised(server: RunningServer) -> None:
    async def info(engine: OpenAIEngine) -> Any:
        return engine.info

    found = use(server, info)
    assert found.details["server"] == "llama-server"
    assert (found.n_ctx, found.concurrency) == (2048, 2)
    assert {"constrain", "seeds", "prefix-cache"} <= found.capabilities


def test_usage_and_times_are_the_servers(server: RunningServer) -> None:
    async def twice(engine: OpenAIEngine) -> tuple[Completion, Completion]:
        return await ask(engine), await ask(engine)

    first, second = use(server, twice)
    assert first.usage.prompt > 100
    assert 0 < first.usage.generated <= 48
    assert second.usage.cached > 0.9 * second.usage.prompt
    assert first.times.prefill > second.times.prefill > 0
    assert first.text == second.text  # greedy


def test_seeds_decide_what_is_drawn(server: RunningServer) -> None:
    warm = Sampling(temperature=1.5, max_tokens=24)

    async def draw(engine: OpenAIEngine) -> list[str]:
        return [(await ask(engine, tools=(), sampling=warm, rng_key=key)).text for key in (3, 3, 4)]

    first, again, other = use(server, draw)
    assert first == again
    assert first != other


def test_prompts_are_those_of_our_own_template(server: RunningServer, qwen05: Path) -> None:
    """The comparison of engines rests on it: the same conversation is the same text."""
    ours = ChatTemplate(read_facts(qwen05).chat_template, bos="", eos="")

    async def rendered(engine: OpenAIEngine) -> str:
        from harnesslab.engine.openai_wire import body_of

        prompt = await engine.render(CALLED, (LOOK,))
        body = body_of(Request(prompt, Sampling(), 1), engine._server, keep_reasoning=False, template_args={})
        told = await engine._http.post(f"{engine._http.url}/apply-template", body)
        return str(told["prompt"])

    assert use(server, rendered) == ours.render(CALLED, (LOOK,))


def test_a_forced_call_is_a_call_or_refused(server: RunningServer) -> None:
    """Builds differ: some cannot tell this template's notation, and drop the constraint without a word."""
    try:
        completion = use(server, lambda e: ask(e, constraint=Constraint("tools", "required")))
    except EngineFailure as failure:
        if failure.cause != "unsupported":
            raise
        return
    assert [c.name for c in completion.tool_calls] == ["look_up"]
    assert set(completion.tool_calls[0].arguments) == {"order_id"}


def test_a_json_schema_holds(server: RunningServer) -> None:
    import json

    schema = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
    completion = use(server, lambda e: ask(e, tools=(), constraint=Constraint("json_schema", schema)))
    assert isinstance(json.loads(completion.content)["n"], int)


def test_a_prompt_beyond_the_context_is_an_overflow(server: RunningServer) -> None:
    long = (*START[:1], Message("user", "a b c d e f g h " * 400))
    completion = use(server, lambda e: ask(e, long))
    assert completion.finish_reason is FinishReason.OVERFLOW
    assert completion.usage.prompt > 2048


def test_a_reply_that_runs_into_the_context_is_an_overflow(server: RunningServer) -> None:
    long = (Message("user", "Count to ten thousand, in words, and leave nothing out. " + "Go on. " * 600),)
    sampling = Sampling(temperature=0.8, max_tokens=4000)
    completion = use(server, lambda e: ask(e, long, (), sampling=sampling))
    assert completion.usage.prompt > 1024  # so the server's own count was compared
    if completion.usage.prompt + completion.usage.generated >= 2048:
        assert completion.finish_reason is FinishReason.OVERFLOW


def test_a_whole_trial(server: RunningServer) -> None:
    task = load_suite("orders", seed=1).tasks[0]

    async def trial(engine: OpenAIEngine) -> tuple[Answer, int]:
        recorder = TrialRecorder(LayerTable())
        view = replace(task.view, budget=replace(task.view.budget, turns=2))
        answer = await run_trial(
            view,
            task.environment(1, 0),
            None,
            engine,
            Harness.parse("loop", []),
            Sampling(max_tokens=64),
            recorder,
            5,
        )
        return answer, len(recorder)

    answer, events = use(server, trial)
    assert answer.reason is not None
    assert events >= 2


def test_a_server_that_is_killed(qwen05: Path) -> None:
    async def kill(engine: OpenAIEngine) -> None:
        running = asyncio.ensure_future(ask(engine, sampling=Sampling(temperature=1.0, max_tokens=1000)))
        await asyncio.sleep(0.3)
        os.kill(doomed.pid, signal.SIGKILL)
        with pytest.raises(EngineFailure) as raised:
            await running
        assert raised.value.cause == "server-gone"

    with running_server(qwen05, slots=1, ctx=2048) as doomed:
        use(doomed, kill)
