"""Tool-call dialects by name, and which one a model speaks."""

from __future__ import annotations

from harnesslab.engine.dialects.base import Dialect, Parsed
from harnesslab.engine.dialects.detect import detect
from harnesslab.engine.dialects.gemma import Gemma
from harnesslab.engine.dialects.gemma_call import FUNCTIONGEMMA, GEMMA4
from harnesslab.engine.dialects.glm import Glm
from harnesslab.engine.dialects.harmony import Harmony
from harnesslab.engine.dialects.hermes import Hermes
from harnesslab.engine.dialects.llama3 import Llama3
from harnesslab.engine.dialects.mistral import Mistral
from harnesslab.engine.dialects.plain_json import PlainJson
from harnesslab.engine.dialects.qwen3_coder import Qwen3Coder
from harnesslab.errors import unknown_name

__all__ = ["Dialect", "Parsed", "detect", "get", "names"]

_ALL: tuple[Dialect, ...] = (
    Hermes(),
    Qwen3Coder(),
    Llama3(),
    Mistral(),
    Gemma(),
    FUNCTIONGEMMA,
    GEMMA4,
    Harmony(),
    Glm(),
    PlainJson(),
)
_DIALECTS = {d.name: d for d in _ALL}


def names() -> tuple[str, ...]:
    return tuple(_DIALECTS)


def get(name: str) -> Dialect:
    """The dialect of that name; raises UserError for an unknown one."""
    try:
        return _DIALECTS[name]
    except KeyError:
        raise unknown_name("dialect", name, _DIALECTS) from None
