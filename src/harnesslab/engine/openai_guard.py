"""Finds out that a server cut a prompt without saying so, from the tokens it says it counted.

Certain where the server can be asked for a count (llama-server). Elsewhere two lower bounds: no tokenizer makes fewer
than one token of eight characters of text, and a conversation that grew by a message has not shrunk by tokens.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from harnesslab.types import canonical, stable_hash

_CHARACTERS_PER_TOKEN = 8
_KEPT = 4096
_SLACK = 8  # tokens by which a server's two counts may differ: control tokens at the ends
_RUN = re.compile(r"(.)\1+", re.DOTALL)  # tokenizers pack blanks and rules


class Guard:
    """Remembers what the server counted for each conversation, to compare its continuations with.

    Args:
        grows: whether more messages always mean more tokens; not so where a template drops earlier reasoning.
    """

    def __init__(self, *, grows: bool = True) -> None:
        self._grows = grows
        self._counted: OrderedDict[int, tuple[int, int]] = OrderedDict()

    def missing(self, messages: Sequence[dict[str, Any]], n_tools: int, counted: int) -> str:
        """Why `counted` cannot be all of the prompt, or "". 0 counted means that the server told nothing."""
        if counted <= 0:
            return ""
        weights = [_weight(m) for m in messages]
        keys = _prefix_keys(messages, n_tools)
        least = sum(weights) // _CHARACTERS_PER_TOKEN
        why = f"the server counted {counted} prompt tokens where at least {{}} were sent"
        if counted < least:
            return why.format(least)
        if self._grows:
            for n in range(len(messages) - 1, 0, -1):
                before = self._counted.get(keys[n - 1])
                if before is not None:
                    least = before[0] + (sum(weights) - before[1]) // _CHARACTERS_PER_TOKEN
                    if counted < least:
                        return why.format(least)
                    break
        self._counted[keys[-1]] = (counted, sum(weights))
        if len(self._counted) > _KEPT:
            self._counted.popitem(last=False)
        return ""


def falls_short(counted: int, sent: int) -> str:
    """As `Guard.missing`, where the server itself says how many tokens the request has."""
    if counted + _SLACK >= sent:
        return ""
    return f"the server counted {counted} prompt tokens where {sent} were sent"


def _prefix_keys(messages: Sequence[dict[str, Any]], n_tools: int) -> list[int]:
    """Hashes of the first 1, 2, ... messages."""
    keys: list[int] = []
    key = stable_hash("conversation", n_tools)
    for message in messages:
        key = stable_hash(key, canonical(message))
        keys.append(key)
    return keys


def _weight(message: dict[str, Any]) -> int:
    """Characters that cost tokens: runs of one character count once."""
    text = str(message.get("content") or "")
    calls = message.get("tool_calls") or ()
    written = (c["function"]["name"] + c["function"]["arguments"] for c in calls)
    return len(_RUN.sub(r"\1", text)) + sum(len(_RUN.sub(r"\1", w)) for w in written)
