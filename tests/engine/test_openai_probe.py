"""Which server it is, what it can do, and what is refused because of that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from model_server import (
    LLAMA_ROUTES,
    LM_STUDIO_ROUTES,
    MODELS,
    OLLAMA_ROUTES,
    PLAIN_ROUTES,
    QUICK,
    VLLM_ROUTES,
    ModelServer,
    Reply,
    serving,
)

from harnesslab.engine.openai import OpenAIEngine
from harnesslab.errors import EngineFailure
from harnesslab.models.entry import LoadParams
from harnesslab.plan import missing_capabilities
from harnesslab.types import EngineInfo, Sampling


def info_of(server: ModelServer, **entry: Any) -> EngineInfo:
    async def start() -> EngineInfo:
        engine = await OpenAIEngine.start(server.entry(**entry), patience=QUICK)
        await engine.close()
        return engine.info

    return asyncio.run(start())


@pytest.mark.parametrize(
    ("routes", "kind", "n_ctx", "capabilities"),
    [
        (LLAMA_ROUTES, "llama-server", 4096, {"usage", "seeds", "constrain", "prefix-cache", "context"}),
        (VLLM_ROUTES, "vllm", 32768, {"usage", "seeds", "constrain", "prefix-cache", "context"}),
        (OLLAMA_ROUTES, "ollama", 6144, {"usage", "seeds", "context"}),
        (LM_STUDIO_ROUTES, "lm-studio", 16384, {"usage", "seeds", "context"}),
        (PLAIN_ROUTES, "unknown", 0, {"usage"}),
    ],
)
def test_servers_are_told_apart(routes: Any, kind: str, n_ctx: int, capabilities: set[str]) -> None:
    with serving(routes=routes) as server:
        info = info_of(server, remote_model="m")
    assert (info.details["server"], info.n_ctx, info.capabilities) == (kind, n_ctx, capabilities)
    assert set(info.details["offers"]) == {"constrain", "rewind", "seeds", "context", "usage"}
    assert missing_capabilities(frozenset({"constrain", "usage"}), info) == (
        () if "constrain" in capabilities else ("constrain",)
    )


def test_what_ollama_has_loaded_says_more_than_its_model_file() -> None:
    loaded = {"/api/ps": {"models": [{"name": "m:latest", "context_length": 16384}]}}
    with serving(routes={**OLLAMA_ROUTES, **loaded}) as server:
        assert info_of(server, remote_model="m").n_ctx == 16384


def test_ollamas_small_context_is_warned_of() -> None:
    silent = {**OLLAMA_ROUTES, "/api/show": {"parameters": "", "capabilities": ["completion"]}}
    with serving(routes=silent) as server:
        warnings = info_of(server, remote_model="m").details["warnings"]
    assert any("OLLAMA_CONTEXT_LENGTH=8192" in w and "cut without a word" in w for w in warnings)
    assert any("takes no tools" in w for w in warnings)
    large = {**OLLAMA_ROUTES, "/api/show": {"parameters": "num_ctx 16384", "capabilities": ["tools"]}}
    with serving(routes=large) as server:
        assert info_of(server, remote_model="m").details["warnings"] == []


def test_settings_that_cannot_be_sent_are_named() -> None:
    with serving(routes=OLLAMA_ROUTES) as server:
        entry = {"sampling": Sampling(0.7, top_k=20), "load": LoadParams(n_ctx=4096), "remote_model": "m"}
        warnings = info_of(server, **entry).details["warnings"]
    assert len(warnings) == 1
    assert "top_k" in warnings[0]


@pytest.mark.parametrize(
    ("routes", "entry", "cause", "words"),
    [
        (VLLM_ROUTES, {"remote_model": "other"}, "no-model", "known: m"),
        (OLLAMA_ROUTES, {}, "no-model", "set remote_model"),
        ({}, {}, "not-a-server", "check base_url"),
        ({"/v1/models": Reply({"error": {"message": "no key"}}, 401)}, {}, "unauthorised", "api_key_env"),
    ],
)
def test_what_cannot_work_fails_at_the_start(routes: Any, entry: Any, cause: str, words: str) -> None:
    with serving(routes=routes) as server, pytest.raises(EngineFailure, match=words) as failure:
        info_of(server, **entry)
    assert failure.value.cause == cause


def test_a_key_that_is_named_and_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SERVED_KEY", raising=False)
    with serving() as server, pytest.raises(EngineFailure, match=r"\$SERVED_KEY, which is not set"):
        info_of(server, api_key_env="SERVED_KEY")


def test_a_refused_key_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVED_KEY", "secret")
    routes = {"/v1/models": MODELS, "/props": Reply({"error": {"message": "Invalid API Key"}}, 401)}
    with serving(routes=routes) as server, pytest.raises(EngineFailure) as failure:
        info_of(server, api_key_env="SERVED_KEY")
    assert failure.value.cause == "unauthorised"
    assert "$SERVED_KEY" in str(failure.value)
    assert "secret" not in str(failure.value)
