"""The `openai` engine against a server that behaves: what is sent, and what comes back as a completion."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from model_server import (
    LLAMA_ROUTES,
    LM_STUDIO_ROUTES,
    OLLAMA_ROUTES,
    PLAIN_ROUTES,
    QUICK,
    VLLM_ROUTES,
    Answer,
    ModelServer,
    Reply,
    said,
    serving,
)

from harnesslab.engine.openai import OpenAIEngine, addresses
from harnesslab.errors import EngineFailure
from harnesslab.models.entry import LoadParams
from harnesslab.types import (
    Completion,
    Constraint,
    Engine,
    FinishReason,
    Message,
    ParseErrorKind,
    Request,
    Sampling,
    ToolCall,
    ToolSpec,
)

TOOL = ToolSpec("look", "Looks.", {"type": "object", "properties": {"at": {"type": "string"}}})
START = (Message("system", "Be brief."), Message("user", "Look at A."))
CALLED = (
    *START,
    Message("assistant", "", (ToolCall("look", {"at": "A"}, "call00200"),), reasoning="I should look."),
    Message("tool", "an A", tool_call_id="call00200", name="look"),
)


async def ask(
    engine: OpenAIEngine,
    messages: tuple[Message, ...] = START,
    *,
    sampling: Sampling | None = None,
    rng_key: int = 2**40 + 5,
    constraint: Constraint | None = None,
) -> Completion:
    prompt = await engine.render(messages, (TOOL,))
    return await engine.complete(Request(prompt, sampling or Sampling(), rng_key, constraint))


def with_engine(
    server: ModelServer, use: Callable[[OpenAIEngine], Coroutine[Any, Any, Any]], concurrency: int = 0, **entry: Any
) -> Any:
    async def run() -> Any:
        engine = await OpenAIEngine.start(server.entry(**entry), concurrency, patience=QUICK)
        try:
            return await use(engine)
        finally:
            await engine.close()

    return asyncio.run(run())


def one(*chat: Answer, routes: Any = LLAMA_ROUTES, entry: Any = None, **kwargs: Any) -> tuple[Completion, Any]:
    """One request; the completion, and the body that was sent last."""
    with serving(*chat, routes=routes) as server:
        completion = with_engine(server, lambda e: ask(e, **kwargs), **(entry or {}))
        return completion, server.chats[-1].body


def test_it_is_an_engine() -> None:
    with serving() as server:
        info = with_engine(server, _info)
        assert (info.name, info.model, info.pinned, info.n_ctx, info.concurrency) == (
            "openai",
            "served",
            False,
            4096,
            3,
        )


async def _info(engine: OpenAIEngine) -> Any:
    assert isinstance(engine, Engine)
    return engine.info


@pytest.mark.parametrize("url", ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/"])
def test_an_address_may_end_in_v1_or_not(url: str) -> None:
    assert addresses(url) == ("http://h:1", "http://h:1/v1")


def test_another_path_is_kept() -> None:
    assert addresses("https://h/openai") == ("https://h/openai", "https://h/openai")


# --- what is sent


def test_a_conversation_is_sent_in_the_words_of_the_api() -> None:
    _, body = one(messages=CALLED)
    assert body["model"] == "m"
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Look at A."},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "call00200", "type": "function", "function": {"name": "look", "arguments": '{"at": "A"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "call00200", "content": "an A"},
    ]
    assert body["tools"][0]["function"] == {
        "name": "look",
        "description": "Looks.",
        "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
    }


def test_a_result_that_answers_no_call_is_said_by_the_user() -> None:
    _, body = one(messages=(*START, Message("assistant", "{bad"), Message("tool", "Error: unreadable")))
    assert body["messages"][-1] == {"role": "user", "content": "<tool_response>\nError: unreadable\n</tool_response>"}


def test_reasoning_is_sent_back_only_where_the_entry_keeps_it() -> None:
    _, dropped = one(messages=CALLED)
    _, kept = one(messages=CALLED, entry={"reasoning": "keep"})
    assert "reasoning_content" not in dropped["messages"][2]
    assert kept["messages"][2]["reasoning_content"] == "I should look."


@pytest.mark.parametrize(
    ("routes", "sent"),
    [
        (LLAMA_ROUTES, {"top_k": 20, "min_p": 0.05, "repeat_penalty": 1.1, "repeat_last_n": 64}),
        (VLLM_ROUTES, {"top_k": 20, "min_p": 0.05, "repetition_penalty": 1.1}),
        (LM_STUDIO_ROUTES, {"top_k": 20, "min_p": 0.05, "repeat_penalty": 1.1}),
        (PLAIN_ROUTES, {}),
    ],
)
def test_sampling_is_sent_under_the_servers_own_names(routes: Any, sent: dict[str, Any]) -> None:
    sampling = Sampling(0.7, top_k=20, top_p=0.9, min_p=0.05, repeat_penalty=1.1, max_tokens=99, stop=("END",))
    _, body = one(routes=routes, sampling=sampling)
    assert {k: body[k] for k in ("temperature", "top_p", "max_tokens", "stop", "seed")} == {
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 99,
        "stop": ["END"],
        "seed": (2**40 + 5) % 2**31,
    }
    known = {"top_k", "min_p", "repeat_penalty", "repeat_last_n", "repetition_penalty"}
    assert {k: v for k, v in body.items() if k in known} == sent


def test_vllm_is_told_that_top_k_is_off_in_its_own_way() -> None:
    assert one(routes=VLLM_ROUTES)[1]["top_k"] == -1
    assert one(routes=LLAMA_ROUTES)[1]["top_k"] == 0


def test_template_switches_go_where_they_are_understood() -> None:
    entry = {"template_args": {"enable_thinking": False}}
    assert one(entry=entry)[1]["chat_template_kwargs"] == {"enable_thinking": False}
    assert "chat_template_kwargs" not in one(routes=PLAIN_ROUTES, entry=entry)[1]


def test_a_constraint_is_sent_or_refused() -> None:
    _, body = one(constraint=Constraint("tools", "auto"))
    assert body["tool_choice"] == "auto"
    with pytest.raises(EngineFailure, match="did not force a call"):  # this server answers in text whatever is asked
        one(constraint=Constraint("tools", "required"))
    _, body = one(constraint=Constraint("json_schema", '{"type": "object"}'))
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    with pytest.raises(EngineFailure) as failure:
        one(constraint=Constraint("lark", "start: /a/"))
    assert failure.value.cause == "unsupported"


def test_the_key_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVED_KEY", "secret")
    with serving() as server:
        with_engine(server, ask, api_key_env="SERVED_KEY")
        assert {a.authorization for a in server.asked} == {"Bearer secret"}


# --- prompts


def test_a_prompt_has_a_digest_and_no_tokens() -> None:
    async def render(engine: OpenAIEngine) -> None:
        first = await engine.render(CALLED, (TOOL,))
        again = await engine.render(list(CALLED), [TOOL])
        assert (first.text, first.tokens, first.n_tokens) == ("", b"", 0)
        assert first.digest == again.digest
        others = [
            await engine.render(CALLED[:-1], (TOOL,)),
            await engine.render(CALLED, ()),
            await engine.render((*CALLED[:-1], Message("tool", "a B", tool_call_id="call00200")), (TOOL,)),
        ]
        assert len({first.digest, *(p.digest for p in others)}) == 4
        forgotten = (*CALLED[:2], Message("assistant", "", CALLED[2].tool_calls, reasoning="else"), CALLED[3])
        assert (await engine.render(forgotten, (TOOL,))).digest == first.digest

    with serving() as server:
        with_engine(server, render)


# --- what comes back


def test_a_text_reply() -> None:
    completion, _ = one(said("It is an A.", prompt=50, cached=40, generated=6, reasoning_content="Hm."))
    assert (completion.text, completion.content, completion.reasoning) == ("It is an A.", "It is an A.", "Hm.")
    assert completion.parse_error is None
    assert completion.finish_reason is FinishReason.STOP
    usage = completion.usage
    assert (usage.prompt, usage.cached, usage.generated) == (50, 40, 6)
    assert completion.times.decode > 0


def test_llama_servers_own_timings_are_used() -> None:
    body = said("x").body | {"timings": {"cache_n": 60, "prompt_ms": 2000.0, "predicted_ms": 500.0}}
    del body["usage"]["prompt_tokens_details"]
    completion, _ = one(Reply(body))
    assert (completion.times.prefill, completion.times.decode) == (2.0, 0.5)
    assert completion.usage.cached == 60


def test_calls_are_read_and_lose_their_random_ids() -> None:
    completion, _ = one(said(None, ("look", '{"at": "A"}'), ("look", {"at": "B"}), ("look", "")))
    assert completion.tool_calls == tuple(ToolCall("look", a) for a in ({"at": "A"}, {"at": "B"}, {}))
    assert completion.text == 'look {"at": "A"}\nlook {"at": "B"}\nlook '
    assert completion.content == ""


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ('{"at": A}', ParseErrorKind.NOT_JSON),
        ('{"at": "A"} and so on', ParseErrorKind.NOT_JSON),
        ('{"at": "A', ParseErrorKind.UNCLOSED),
        ('["A"]', ParseErrorKind.BAD_ARGUMENTS),
        (7, ParseErrorKind.BAD_ARGUMENTS),
    ],
)
def test_bad_arguments_are_a_parse_error(arguments: Any, kind: ParseErrorKind) -> None:
    completion, _ = one(said("Let me see.", ("look", '{"at": "A"}'), ("look", arguments)))
    assert completion.parse_error is not None
    assert completion.parse_error.kind is kind
    assert completion.tool_calls == ()
    assert completion.content.startswith("Let me see.\nlook")


def test_a_call_without_a_name_is_no_call() -> None:
    completion, _ = one(said("", ("", "{}")))
    assert completion.parse_error is not None
    assert completion.parse_error.kind is ParseErrorKind.NOT_A_CALL


def test_a_call_the_server_did_not_see_stays_text_unless_a_dialect_is_given() -> None:
    text = 'I look. <tool_call>\n{"name": "look", "arguments": {"at": "A"}}\n</tool_call>'
    left, _ = one(said(text))
    assert (left.content, left.tool_calls, left.parse_error) == (text, (), None)
    read, _ = one(said(text), entry={"dialect": "hermes"})
    assert (read.content, read.tool_calls) == ("I look.", (ToolCall("look", {"at": "A"}),))


def test_nothing_said_is_a_parse_error() -> None:
    completion, _ = one(said(None, reasoning_content="Hm."))
    assert completion.parse_error is not None
    assert completion.parse_error.kind is ParseErrorKind.EMPTY


def test_a_reply_cut_at_max_tokens_is_told_from_one_cut_by_the_context() -> None:
    at_bound, _ = one(said("a", generated=20, finish="length"), sampling=Sampling(max_tokens=20))
    before, _ = one(said("a", generated=9, finish="length"), sampling=Sampling(max_tokens=20))
    assert (at_bound.finish_reason, before.finish_reason) == (FinishReason.LENGTH, FinishReason.OVERFLOW)


# --- concurrency


@pytest.mark.parametrize(
    ("routes", "asked_for", "load", "expected"),
    [(LLAMA_ROUTES, 0, 0, 3), (LLAMA_ROUTES, 0, 2, 2), (LLAMA_ROUTES, 5, 2, 5), (VLLM_ROUTES, 0, 0, 32)],
)
def test_places(routes: Any, asked_for: int, load: int, expected: int) -> None:
    with serving(routes=routes) as server:
        info = with_engine(server, _info, asked_for, load=LoadParams(concurrency=load))
    assert info.concurrency == expected


def test_no_more_requests_run_at_once_than_there_are_places() -> None:
    slow = said("x").body

    async def many(engine: OpenAIEngine) -> list[Completion]:
        return list(await asyncio.gather(*(ask(engine, rng_key=i) for i in range(8))))

    with serving(Reply(slow, wait=0.05)) as server:
        done = with_engine(server, many, 2)
        assert server.most_at_once == 2
        assert max(c.times.queued for c in done) >= 0.1
        assert sorted(a.body["seed"] for a in server.chats) == list(range(8))


def test_requests_survive_the_closing_of_their_engine() -> None:
    """Another trial's failure closes the engine; it must not take this one with it."""

    async def race(engine: OpenAIEngine) -> list[Completion]:
        running = asyncio.ensure_future(ask(engine))
        await asyncio.sleep(0.1)
        await engine.close()
        return [await running, await ask(engine)]

    with serving(Reply(said("x").body, wait=0.3)) as server:
        assert [c.content for c in with_engine(server, race)] == ["x", "x"]
        assert len(server.chats) == 2  # neither was sent twice


def test_ollama_gets_the_full_name_of_its_model() -> None:
    _, body = one(routes=OLLAMA_ROUTES, entry={"remote_model": "m"})
    assert body["model"] == "m:latest"
    assert json.dumps(body)
