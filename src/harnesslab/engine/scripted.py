"""The scripted engine: replies come from a policy, not from a model. It drives the tests, the demos and the overhead
benchmark, and is as deterministic as they need.

Knows nothing of templates: its tokens are groups of bytes, its prompts the messages one after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from harnesslab.engine import dialects
from harnesslab.engine.scripted_policy import Mistake, Policy, make_mistake, oracle_policy, plans_of
from harnesslab.types import (
    NOTHING,
    Completion,
    EngineInfo,
    FinishReason,
    Message,
    ParseError,
    ParseErrorKind,
    Prompt,
    Request,
    Sampling,
    Times,
    ToolSpec,
    Usage,
    canonical,
    stable_hash,
)

__all__ = ["Mistake", "Policy", "ScriptedEngine", "make_mistake", "oracle_policy", "plans_of", "tokenise"]

_TOOLS_KEPT = 256
_POSITIVE = bytes(b & 0x7F for b in range(256))


def tokenise(text: str) -> bytes:
    """A toy tokenisation: four bytes of UTF-8 are one int32, their top bits cleared so that ids are not negative."""
    data = text.encode("utf-8", "surrogatepass")
    return data.ljust(-(-len(data) // 4) * 4).translate(_POSITIVE)


class ScriptedEngine:
    """An Engine whose replies are what `policy` writes, in the notation of `dialect`.

    Args:
        policy: Request -> the text a model would emit.
        model: the name it goes by.
        delay: seconds each reply takes.
        n_ctx: tokens one trial may occupy; 0 for no bound. A longer prompt comes back as OVERFLOW.
        concurrency: trials worth running at once.
        pinned: whether the policy's content counts as known.
        details: facts for the manifest.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        model: str = "scripted",
        dialect: str = "hermes",
        delay: float = 0.0,
        n_ctx: int = 0,
        concurrency: int = 64,
        pinned: bool = True,
        details: Mapping[str, Any] = NOTHING,
    ) -> None:
        self._policy = policy
        self._dialect = dialects.get(dialect)
        self._delay = delay
        self._times = Times(decode=delay)
        self._tools: dict[tuple[int, ...], tuple[tuple[ToolSpec, ...], str]] = {}
        self._info = EngineInfo(
            name="scripted",
            model=model,
            n_ctx=n_ctx,
            concurrency=concurrency,
            capabilities=frozenset({"seeds", "tokens", "usage"}),
            pinned=pinned,
            details={"dialect": dialect, **details},
        )

    @property
    def info(self) -> EngineInfo:
        return self._info

    async def render(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Prompt:
        """Tokens are concatenated per message, so a longer conversation extends a shorter one's prompt."""
        specs, told = self._tool_text(tools)
        texts = [told, *map(self._message_text, messages)]
        tokens = b"".join(map(tokenise, texts))
        return Prompt(tuple(messages), specs, "".join(texts), tokens, stable_hash(tokens))

    async def complete(self, request: Request) -> Completion:
        if self._delay:
            await asyncio.sleep(self._delay)
        n_prompt = request.prompt.n_tokens
        if self._info.n_ctx and n_prompt >= self._info.n_ctx:
            nothing = ParseError(ParseErrorKind.EMPTY, "The conversation no longer fits the context.", "")
            return Completion(
                "", "", parse_error=nothing, finish_reason=FinishReason.OVERFLOW, usage=Usage(prompt=n_prompt)
            )
        text, finish = _cut(self._policy(request), request.sampling)
        tokens = tokenise(text)
        parsed = self._dialect.parse(text, request.prompt.tools)
        usage = Usage(
            prompt=n_prompt,
            generated=len(tokens) // 4,
            reasoning=len(tokenise(parsed.reasoning)) // 4 if parsed.reasoning else 0,
        )
        return Completion(
            text=text,
            content=parsed.content,
            tool_calls=parsed.tool_calls,
            parse_error=parsed.error,
            reasoning=parsed.reasoning,
            finish_reason=finish,
            usage=usage,
            times=self._times,
            tokens=tokens,
        )

    async def close(self) -> None:
        return None

    def _message_text(self, message: Message) -> str:
        calls = self._dialect.format_calls(message.tool_calls) if message.tool_calls else ""
        return f"\n[{message.role}] {message.name}{message.reasoning}{message.content}{calls}"

    def _tool_text(self, tools: Sequence[ToolSpec]) -> tuple[tuple[ToolSpec, ...], str]:
        # By identity: schemas are not hashable, and the kept specs keep their ids from being reused.
        key = tuple(map(id, tools))
        kept = self._tools.get(key)
        if kept is None:
            if len(self._tools) >= _TOOLS_KEPT:
                self._tools.clear()
            text = "".join(f"[tool] {t.name}: {t.description} {canonical(t.parameters)}\n" for t in tools)
            kept = self._tools[key] = (tuple(tools), text)
        return kept


def _cut(text: str, sampling: Sampling) -> tuple[str, FinishReason]:
    for stop in sampling.stop:
        text = text.partition(stop)[0] if stop else text
    if len(text) <= sampling.max_tokens:  # a token holds at least one character
        return text, FinishReason.STOP
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= 4 * sampling.max_tokens:
        return text, FinishReason.STOP
    return data[: 4 * sampling.max_tokens].decode("utf-8", "ignore"), FinishReason.LENGTH
