"""The `openai` engine against servers that misbehave: every fault ends in a typed event or a typed failure."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace
from typing import Any

import pytest
from model_server import (
    LLAMA_ROUTES,
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

from harnesslab.engine.openai import OpenAIEngine
from harnesslab.engine.openai_http import Patience
from harnesslab.errors import EngineFailure
from harnesslab.types import Completion, FinishReason, Message, ParseErrorKind, Request, Sampling

START = (Message("system", "Be brief."), Message("user", "What is an A?"))
FILLED = (*START, Message("assistant", "Wait."), Message("user", "word " * 2000))


def ask(
    server: ModelServer, *conversations: tuple[Message, ...], patience: Patience = QUICK, **entry: Any
) -> list[Completion]:
    """Completions of the conversations, one after the other."""

    async def run() -> list[Completion]:
        engine = await OpenAIEngine.start(server.entry(**entry), patience=patience)
        try:
            prompts = [await engine.render(c, ()) for c in conversations or (START,)]
            return [await engine.complete(Request(p, Sampling(max_tokens=64), 7)) for p in prompts]
        finally:
            await engine.close()

    return asyncio.run(run())


def failure(*chat: Answer, routes: Any = LLAMA_ROUTES, **more: Any) -> EngineFailure:
    with serving(*chat, routes=routes) as server, pytest.raises(EngineFailure) as raised:
        ask(server, **more)
    return raised.value


# --- asking again


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_fault_is_asked_again(status: int) -> None:
    busy = Reply({"error": {"message": "busy"}}, status)
    with serving(busy, busy, said("done")) as server:
        assert ask(server)[0].content == "done"
        assert len({str(a.body) for a in server.chats}) == 1
        assert len(server.chats) == 3


def test_a_dropped_connection_is_asked_again() -> None:
    with serving(Reply(cut=True), said("done")) as server:
        assert ask(server)[0].content == "done"


def test_retry_after_is_honoured_up_to_a_bound() -> None:
    for asked, least, most in (("0.3", 0.3, 2.0), ("3600", 0.5, 2.0), ("soon", 0.0, 0.3)):
        with serving(Reply({}, 429, {"retry-after": asked}), said("done")) as server:
            assert ask(server)[0].content == "done"
            first, second = (a.at for a in server.chats)
        assert least <= second - first < most


@pytest.mark.parametrize(("status", "cause"), [(429, "rate-limited"), (500, "server-error"), (503, "server-error")])
def test_a_fault_that_stays_is_an_engine_failure(status: int, cause: str) -> None:
    with serving(Reply({"error": {"message": "out of paper"}}, status)) as server:
        with pytest.raises(EngineFailure, match="out of paper") as raised:
            ask(server)
        assert raised.value.cause == cause
        assert len(server.chats) == QUICK.attempts


def test_a_server_that_loads_its_model_is_waited_for() -> None:
    loading = Reply({"error": {"message": "Loading model", "type": "unavailable_error"}}, 503)
    with serving(*[loading] * 10, said("done")) as server:
        assert ask(server)[0].content == "done"
    assert failure(loading, patience=replace(QUICK, loading=0.1)).cause == "server-error"


@pytest.mark.parametrize(
    ("status", "cause"), [(400, "bad-request"), (401, "unauthorised"), (403, "unauthorised"), (404, "no-model")]
)
def test_a_refusal_is_not_asked_again(status: int, cause: str) -> None:
    with serving(Reply({"error": {"message": "no"}}, status)) as server:
        with pytest.raises(EngineFailure) as raised:
            ask(server)
        assert raised.value.cause == cause
        assert len(server.chats) == 1


# --- gone, slow, or talking nonsense


def test_a_server_that_is_not_there() -> None:
    with serving() as server:
        pass
    with pytest.raises(EngineFailure) as raised:
        ask(server)
    assert raised.value.cause == "server-gone"
    assert raised.value.detail == f"{server.url}/models: nothing listens there; is the server running?"


def test_a_server_that_goes_away() -> None:
    assert failure(Reply(cut=True)).cause == "server-gone"


def test_a_server_that_does_not_answer_in_time() -> None:
    started = time.monotonic()
    assert failure(Reply(wait=3.0), patience=replace(QUICK, read=0.3)).cause == "server-timeout"
    assert time.monotonic() - started < 2.5


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(b"<!doctype html><p>Welcome"), "answered with a web page; check base_url"),
        (Reply(b"Welcome"), "answered with something that is not JSON: Welcome; check base_url"),
        (Reply(b"Welcome", headers={"content-encoding": "gzip"}), "answered with a body that cannot be unpacked: "),
    ],
)
def test_nonsense_is_said_in_one_line_and_not_asked_for_again(reply: Reply, says: str) -> None:
    with serving(reply) as server:
        with pytest.raises(EngineFailure, match=re.escape(says)) as raised:
            ask(server)
        assert len(server.chats) == 1
    assert raised.value.cause == "bad-response"
    assert "\n" not in str(raised.value)


def test_a_proxys_page_is_called_by_its_title() -> None:
    page = b"<html><head><title>502 Bad Gateway</title></head>\n<body><h1>nginx</h1></body></html>"
    assert str(failure(Reply(page, 502))) == "server-error: 502 a web page: 502 Bad Gateway"


def test_tls_to_a_server_without_it_is_not_tried_again() -> None:
    with serving() as server:
        entry = replace(server.entry(), base_url=server.url.replace("http:", "https:"))
        with pytest.raises(EngineFailure, match=r"no TLS connection .* wants http:// in base_url") as raised:
            asyncio.run(OpenAIEngine.start(entry, patience=replace(QUICK, attempts=99)))
    assert raised.value.cause == "no-tls"


@pytest.mark.parametrize(
    "body", [b"<html>", b"[1]", {}, {"choices": []}, {"choices": [{}]}, {"choices": ["x"]}, {"choices": None}]
)
def test_an_answer_that_is_none(body: Any) -> None:
    assert failure(Reply(body)).cause == "bad-response"


@pytest.mark.parametrize(
    "usage", [None, {}, {"prompt_tokens": None}, {"prompt_tokens": "many", "prompt_tokens_details": None}]
)
def test_a_server_that_counts_nothing(usage: Any) -> None:
    with serving(Reply(said("x").body | {"usage": usage}), routes=PLAIN_ROUTES) as server:
        assert ask(server, FILLED)[0].usage.prompt == 0


def test_cancelling_ends_the_request() -> None:
    async def run(server: ModelServer) -> None:
        engine = await OpenAIEngine.start(server.entry(), 1, patience=QUICK)
        prompt = await engine.render(START, ())
        slow = asyncio.ensure_future(engine.complete(Request(prompt, Sampling(), 1)))
        await asyncio.sleep(0.1)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        assert (await engine.complete(Request(prompt, Sampling(), 2))).content == "next"
        await engine.close()

    with serving(Reply(said("late").body, wait=1.0), said("next")) as server:
        asyncio.run(run(server))


# --- the context


@pytest.mark.parametrize(
    ("routes", "error"),
    [
        (
            LLAMA_ROUTES,
            {
                "code": 400,
                "message": "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 5000,
                "n_ctx": 4096,
            },
        ),
        (VLLM_ROUTES, {"message": "This model's maximum context length is 4096 tokens.", "type": "BadRequestError"}),
        (PLAIN_ROUTES, {"message": "too long", "code": "context_length_exceeded"}),
    ],
)
def test_a_prompt_that_does_not_fit_is_an_overflow(routes: Any, error: dict[str, Any]) -> None:
    with serving(Reply({"error": error}, 400), routes=routes) as server:
        completion = ask(server)[0]
    assert completion.finish_reason is FinishReason.OVERFLOW
    assert completion.parse_error is not None
    assert completion.usage.prompt == error.get("n_prompt_tokens", 0)


def test_vllm_counts_max_tokens_against_the_context_and_is_asked_without() -> None:
    refused = Reply({"message": "maximum context length is 100 tokens. However, you requested 120"}, 400)
    with serving(refused, said("short", generated=9, finish="length"), routes=VLLM_ROUTES) as server:
        assert ask(server)[0].finish_reason is FinishReason.OVERFLOW
        assert ["max_tokens" in a.body for a in server.chats] == [True, False]


# --- calls that the server itself cannot read


@pytest.mark.parametrize(
    ("message", "raw"),
    [
        ("The model produced output that does not match the expected Hermes 2 Pro format", ""),
        ("error parsing tool call: raw='{\"at\": A}', err=invalid character 'A'", '{"at": A}'),
    ],
)
def test_a_call_the_server_cannot_read_is_the_models_failure(message: str, raw: str) -> None:
    with serving(Reply({"error": {"message": message}}, 500)) as server:
        completion = ask(server)[0]
        assert len(server.chats) == 1
    assert completion.parse_error is not None
    assert (completion.parse_error.kind, completion.parse_error.raw) == (ParseErrorKind.NOT_JSON, raw)
    assert completion.content == raw


# --- prompts that were cut


def test_fewer_tokens_than_any_tokenizer_makes() -> None:
    """10,000 characters of prose in 1,000 tokens: no."""
    with serving(said("x", prompt=1000), routes=OLLAMA_ROUTES) as server, pytest.raises(EngineFailure) as raised:
        ask(server, FILLED, remote_model="m")
    assert raised.value.cause == "truncated-prompt"
    assert "counted 1000" in raised.value.detail
    with serving(said("x", prompt=2010), routes=OLLAMA_ROUTES) as server:
        assert ask(server, FILLED, remote_model="m")[0].content == "x"


def test_blanks_and_rules_cost_few_tokens() -> None:
    padded = (*START, Message("assistant", "-" * 20_000 + "\n" * 500 + " " * 5_000), Message("user", "Go on."))
    with serving(said("x", prompt=60), routes=PLAIN_ROUTES) as server:
        assert ask(server, padded)[0].content == "x"


def counting(*counts: int) -> list[Answer]:
    return [said("x", prompt=n) for n in counts]


@pytest.mark.parametrize(
    ("counts", "fine"),
    [((100, 3000), True), ((100, 99), False), ((2000, 2100), False), ((2000, 3300), True), ((0, 3000), True)],
)
def test_a_conversation_that_grew_has_not_shrunk(counts: tuple[int, int], fine: bool) -> None:
    longer = (*START, Message("assistant", "Well."), Message("user", "word " * 1800))
    with serving(*counting(*counts), routes=PLAIN_ROUTES) as server:
        if fine:
            assert len(ask(server, START, longer)) == 2
            return
        with pytest.raises(EngineFailure) as raised:
            ask(server, START, longer)
    assert raised.value.cause == "truncated-prompt"


def test_another_conversation_may_be_shorter() -> None:
    other = (
        Message("system", "Be brief."),
        Message("user", "And a B?"),
        Message("assistant", "?"),
        Message("user", "!"),
    )
    with serving(*counting(100, 40), routes=PLAIN_ROUTES) as server:
        assert len(ask(server, START, other)) == 2


@pytest.mark.parametrize(
    ("counter", "fine"),
    [
        ({"/v1/chat/completions/input_tokens": {"input_tokens": 2600}}, False),
        ({"/v1/chat/completions/input_tokens": {"input_tokens": 2100}}, True),
        ({"/apply-template": {"prompt": "..."}, "/tokenize": {"tokens": list(range(2600))}}, False),
        ({"/apply-template": {"prompt": "..."}, "/tokenize": {"tokens": list(range(2101))}}, True),
        ({}, True),
    ],
)
def test_llama_server_is_asked_what_it_was_sent(counter: Any, fine: bool) -> None:
    """In a context of 4096 tokens, 2100 counted may be what a cut left."""
    with serving(said("x", prompt=2100), routes={**LLAMA_ROUTES, **counter}) as server:
        if fine:
            assert ask(server, FILLED)[0].content == "x"
            return
        with pytest.raises(EngineFailure, match="counted 2100 prompt tokens where 2600 were sent") as raised:
            ask(server, FILLED)
    assert raised.value.cause == "truncated-prompt"
