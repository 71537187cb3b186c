"""The `openai` engine: any server that speaks the chat-completions API, reached over HTTP.

The server renders, tokenises, decodes and reads tool calls; here is measured what its user gets. It is not pinned: what
it runs, and whether it changes, is not known. One model per engine.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harnesslab.engine import dialects
from harnesslab.engine.openai_guard import Guard, falls_short
from harnesslab.engine.openai_http import Http, Patience, Refused, is_final
from harnesslab.engine.openai_probe import Server, probe
from harnesslab.engine.openai_wire import body_of, completion_of, overflow_of, unreadable_of
from harnesslab.errors import EngineFailure
from harnesslab.models.entry import ModelEntry
from harnesslab.types import (
    Completion,
    Constraint,
    EngineInfo,
    FinishReason,
    Message,
    Prompt,
    Request,
    ToolSpec,
    conversation_key,
    tools_key,
)


class OpenAIEngine:
    """One model of one server. Make one with `start`; safe for any number of concurrent requests of one event loop."""

    def __init__(self, entry: ModelEntry, api: str, http: Http, server: Server, concurrency: int) -> None:
        self._entry, self._api, self._http, self._server = entry, api, http, server
        self._keep_reasoning = entry.reasoning == "keep"
        self._dialect = dialects.get(entry.dialect) if entry.dialect else None
        self._guard = Guard(grows=not self._keep_reasoning)
        places = concurrency or entry.load.concurrency or server.places or server.traits.places
        self._places = asyncio.Semaphore(places)
        self._info = EngineInfo(
            name="openai",
            model=entry.name,
            n_ctx=server.n_ctx,
            concurrency=places,
            capabilities=server.capabilities,
            pinned=False,
            details={
                "server": server.kind,
                "version": server.version,
                "base_url": entry.base_url,
                "remote_model": server.model,
                "offers": server.table(),
                "warnings": list(server.warnings),
            },
        )

    @classmethod
    async def start(cls, entry: ModelEntry, concurrency: int = 0, *, patience: Patience | None = None) -> OpenAIEngine:
        """Finds out which server it is and what it can do.

        Args:
            concurrency: requests at once; 0: what the entry says, else what the server says.

        Raises:
            EngineFailure: "server-gone", "no-tls", "server-timeout", "unauthorised", "no-model", "bad-response" or
                "not-a-server".
        """
        root, api = addresses(entry.base_url)
        http = Http(root, _key(entry), entry.api_key_env, patience)
        try:
            return cls(entry, api, http, await probe(http, api, entry), concurrency)
        except BaseException:
            await http.close()
            raise

    @property
    def info(self) -> EngineInfo:
        return self._info

    async def render(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Prompt:
        """No text and no tokens: the server renders. The digest is over messages and tools as they are sent."""
        sent = messages if self._keep_reasoning else [replace(m, reasoning="") if m.reasoning else m for m in messages]
        return Prompt(tuple(messages), tuple(tools), "", b"", conversation_key(sent, tools_key(tools)))

    async def complete(self, request: Request) -> Completion:
        entry = self._entry
        body = body_of(request, self._server, keep_reasoning=self._keep_reasoning, template_args=entry.template_args)
        asked = time.perf_counter()
        async with self._places:
            sent = time.perf_counter()
            try:
                reply = await self._ask(body)
            except Refused as refused:
                if is_final(refused.message):
                    return unreadable_of(refused)
                if (overflow := overflow_of(refused)) is not None:
                    return overflow
                raise refused.failure() from refused
            waited = time.perf_counter() - sent
        completion = completion_of(reply, request, self._dialect, waited)
        forced = request.constraint == Constraint("tools", "required")
        if forced and not (
            completion.tool_calls or completion.parse_error or completion.finish_reason is FinishReason.OVERFLOW
        ):
            # llama-server 11434 drops tool_choice without a word where it cannot tell a template's notation
            raise EngineFailure("unsupported", "the server did not force a call although it was asked to")
        await self._refuse_cut(body, completion.usage.prompt)
        times = replace(completion.times, queued=completion.times.queued + sent - asked)
        return replace(completion, times=times)

    async def close(self) -> None:
        await self._http.close()

    async def _ask(self, body: dict[str, Any]) -> dict[str, Any]:
        url = f"{self._api}/chat/completions"
        try:
            return await self._http.post(url, body)
        except Refused as refused:
            # vLLM refuses where prompt and max_tokens together exceed the context. Unbounded, the context is the bound.
            if self._server.kind != "vllm" or overflow_of(refused) is None:
                raise
            return await self._http.post(url, {k: v for k, v in body.items() if k != "max_tokens"})

    async def _refuse_cut(self, body: dict[str, Any], counted: int) -> None:
        """Raises EngineFailure("truncated-prompt"): a reply to something else than was asked is never scored."""
        tools = len(body.get("tools", ()))
        why = self._guard.missing(body["messages"], tools, counted)
        if not why and 0 < self._info.n_ctx <= 2 * counted and self._server.kind == "llama-server":
            why = falls_short(counted, await self._count(body))
        if why:
            raise EngineFailure("truncated-prompt", f"{why}; give {self._entry.base_url} a larger context")

    async def _count(self, body: dict[str, Any]) -> int:
        """Tokens of a request as llama-server counts them; 0 if it cannot say."""
        told = await self._http.peek(f"{self._http.url}/v1/chat/completions/input_tokens", body)
        if isinstance(told, dict) and isinstance(told.get("input_tokens"), int):
            return int(told["input_tokens"])
        rendered = await self._http.peek(f"{self._http.url}/apply-template", body)
        if not isinstance(rendered, dict) or not isinstance(rendered.get("prompt"), str):
            return 0
        question = {"content": rendered["prompt"], "parse_special": True}
        tokens = await self._http.peek(f"{self._http.url}/tokenize", question)
        return len(tokens["tokens"]) if isinstance(tokens, dict) and isinstance(tokens.get("tokens"), list) else 0


def addresses(base_url: str) -> tuple[str, str]:
    """(root, api) of a server: "http://host:8080" and "http://host:8080/v1" are the same one."""
    from urllib.parse import urlsplit

    url = base_url.rstrip("/")
    if not urlsplit(url).path:
        return url, f"{url}/v1"
    return url.removesuffix("/v1"), url


def _key(entry: ModelEntry) -> str:
    if not entry.api_key_env:
        return ""
    key = os.environ.get(entry.api_key_env, "")
    if not key:
        raise EngineFailure("unauthorised", f"{entry.name} wants its key in ${entry.api_key_env}, which is not set")
    return key
