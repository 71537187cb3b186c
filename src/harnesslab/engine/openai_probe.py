"""Which server answers at an address, and what it can do: asked once, when the engine starts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harnesslab.engine.openai_http import Http
from harnesslab.errors import EngineFailure
from harnesslab.models.entry import ModelEntry


@dataclass(frozen=True, slots=True)
class Traits:
    """What a kind of server takes beyond the common API.

    Attributes:
        constrain: kinds of `types.Constraint` it serves.
        sampling: our name of a sampling parameter -> its own.
        seeds: whether it promises to use the seed.
        cached: whether its usage says how much of a prompt was not computed again.
        template_args: whether switches of the chat template can be sent.
        thinking: its name for a bound on thinking tokens, or empty.
        places: requests worth sending at once where it does not tell.
    """

    constrain: frozenset[str] = frozenset()
    sampling: Mapping[str, str] = field(default_factory=dict)
    seeds: bool = False
    cached: bool = False
    template_args: bool = False
    thinking: str = ""
    places: int = 4


_SAME = {"top_k": "top_k", "min_p": "min_p", "repeat_penalty": "repeat_penalty"}

TRAITS: Mapping[str, Traits] = {
    "llama-server": Traits(
        frozenset({"tools", "json_schema"}),
        {**_SAME, "repeat_last_n": "repeat_last_n"},
        seeds=True,
        cached=True,
        template_args=True,
        thinking="reasoning_budget_tokens",
    ),
    "vllm": Traits(
        frozenset({"tools", "json_schema"}),
        {"top_k": "top_k", "min_p": "min_p", "repeat_penalty": "repetition_penalty"},
        seeds=True,
        cached=True,
        template_args=True,
        places=32,
    ),
    "ollama": Traits(frozenset({"json_schema"}), seeds=True),
    "lm-studio": Traits(frozenset({"json_schema"}), _SAME, seeds=True),
    "unknown": Traits(),
}


@dataclass(frozen=True, slots=True)
class Server:
    """The server behind an entry.

    Attributes:
        kind: a key of TRAITS.
        model: its name for the model.
        n_ctx: tokens one conversation may occupy; 0 if it does not tell.
        places: requests it works on at once; 0 if it does not tell.
        warnings: lines for people.
    """

    kind: str
    version: str
    model: str
    n_ctx: int = 0
    places: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def traits(self) -> Traits:
        return TRAITS[self.kind]

    @property
    def capabilities(self) -> frozenset[str]:
        traits = self.traits
        offered = {
            "usage": True,
            "seeds": traits.seeds,
            "constrain": "tools" in traits.constrain,
            "prefix-cache": traits.cached,
            "context": self.n_ctx > 0,
        }
        return frozenset(name for name, has in offered.items() if has)

    def table(self) -> dict[str, str]:
        """Capability -> what this server offers, in words; shown and recorded."""
        traits = self.traits
        return {
            "constrain": ", ".join(sorted(traits.constrain)) or "no",
            "rewind": "the shorter conversation is sent again"
            + ("; the server reuses its prefix" if traits.cached else ""),
            "seeds": "yes" if traits.seeds else "sent, not promised",
            "context": f"{self.n_ctx} tokens" if self.n_ctx else "not told",
            "usage": "prompt, cached, generated" if traits.cached else "prompt, generated",
        }


async def probe(http: Http, api: str, entry: ModelEntry) -> Server:
    """Finds out which server it is.

    Args:
        api: the address that /chat/completions follows; `http.url` is the server's root.

    Raises:
        EngineFailure: "server-gone", "no-tls", "server-timeout", "unauthorised", "bad-response", or "no-model" where it
            does not serve the entry's model.
    """
    listed = await http.peek(f"{api}/models")
    models = [m for m in _list(listed, "data") if m.get("id")]
    found = await _llama_server(http, models, entry)
    found = found or await _ollama(http, models, entry)
    found = found or await _vllm(http, models, entry)
    found = found or await _lm_studio(http, models, entry)
    if found is None:
        if listed is None:
            raise EngineFailure("not-a-server", f"{api}/models does not answer with a list of models; check base_url")
        found = Server("unknown", "", _model(models, entry))
    return _with_warnings(found, entry)


async def _llama_server(http: Http, models: list[dict[str, Any]], entry: ModelEntry) -> Server | None:
    props = await http.peek(f"{http.url}/props")
    if not isinstance(props, dict) or "default_generation_settings" not in props:
        return None
    router = props.get("role") == "router"
    named = entry.remote_model or next((str(m["id"]) for m in models), "")
    return Server(
        "llama-server",
        str(props.get("build_info", "")),
        _model(models, entry) if router else named,
        n_ctx=_number(_dict(props["default_generation_settings"]).get("n_ctx")),
        places=0 if router else _number(props.get("total_slots")),
    )


async def _ollama(http: Http, models: list[dict[str, Any]], entry: ModelEntry) -> Server | None:
    version = await http.peek(f"{http.url}/api/version")
    if not isinstance(version, dict) or "version" not in version:
        return None
    model = _model(models, entry)
    shown = _dict(await http.peek(f"{http.url}/api/show", {"model": model}))
    written = re.search(r"^\s*num_ctx\s+(\d+)", str(shown.get("parameters", "")), re.MULTILINE)
    n_ctx = int(written[1]) if written else 0
    for loaded in _list(await http.peek(f"{http.url}/api/ps"), "models"):
        if model in (loaded.get("name"), loaded.get("model"), f"{loaded.get('name')}".removesuffix(":latest")):
            n_ctx = _number(loaded.get("context_length")) or n_ctx
    warnings = []
    if "capabilities" in shown and "tools" not in shown["capabilities"]:
        warnings.append(f"Ollama says that {model} takes no tools: it refuses requests that offer some")
    return Server("ollama", str(version["version"]), model, n_ctx, warnings=tuple(warnings))


async def _vllm(http: Http, models: list[dict[str, Any]], entry: ModelEntry) -> Server | None:
    version = await http.peek(f"{http.url}/version")
    if not isinstance(version, dict) or "version" not in version:
        return None
    model = _model(models, entry)
    own: dict[str, Any] = next((m for m in models if m["id"] == model), {})
    return Server("vllm", str(version["version"]), model, n_ctx=_number(own.get("max_model_len")))


async def _lm_studio(http: Http, models: list[dict[str, Any]], entry: ModelEntry) -> Server | None:
    listed = _list(await http.peek(f"{http.url}/api/v0/models"), "data")
    if not any("max_context_length" in m for m in listed):
        return None
    model = _model(models, entry)
    own: dict[str, Any] = next((m for m in listed if m.get("id") == model), {})
    return Server("lm-studio", "", model, n_ctx=_number(own.get("loaded_context_length")))


def _model(models: list[dict[str, Any]], entry: ModelEntry) -> str:
    """The server's name for the entry's model."""
    ids = [str(m["id"]) for m in models]
    wanted = entry.remote_model
    if not wanted and len(ids) == 1:
        return ids[0]
    for candidate in (wanted, f"{wanted}:latest"):
        if wanted and (candidate in ids or not ids):
            return candidate
    known = ", ".join(ids[:20]) or "none"
    what = f"does not serve {wanted!r}" if wanted else "serves several models; set remote_model"
    raise EngineFailure("no-model", f"{entry.base_url} {what}; known: {known}")


def _with_warnings(server: Server, entry: ModelEntry) -> Server:
    from dataclasses import replace

    return replace(server, warnings=(*server.warnings, *_context_warnings(server, entry), *_ignored(server, entry)))


def _context_warnings(server: Server, entry: ModelEntry) -> Iterator[str]:
    wanted = entry.load.n_ctx
    if server.kind == "ollama" and server.n_ctx < wanted:
        has = f"{server.n_ctx} tokens here" if server.n_ctx else "4,096 tokens on most machines, unless told otherwise"
        yield (
            f"Ollama's context is {has} and longer prompts are cut without a word; {entry.name} wants {wanted}: "
            f"start it with OLLAMA_CONTEXT_LENGTH={wanted}, or set num_ctx in a Modelfile"
        )
    elif 0 < server.n_ctx < wanted:
        yield f"{entry.base_url} gives a conversation {server.n_ctx} tokens; {entry.name} wants {wanted}"


def _ignored(server: Server, entry: ModelEntry) -> Iterator[str]:
    """Parameters of the entry that this server cannot be told."""
    off = {"top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0}
    lost = [n for n, v in off.items() if getattr(entry.sampling, n) != v and n not in server.traits.sampling]
    if entry.template_args and not server.traits.template_args:
        lost.append("template_args")
    if entry.sampling.max_thinking and not server.traits.thinking:
        lost.append("max_thinking")
    if lost:
        yield f"{entry.base_url} ({server.kind}) cannot be told {', '.join(lost)}: its own settings hold"


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any, key: str) -> list[dict[str, Any]]:
    found = _dict(value).get(key)
    return [m for m in found if isinstance(m, dict)] if isinstance(found, list) else []


def _number(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and value > 0 else 0
