"""What one trial has computed itself: the tokens that would lie in its cache if it ran alone.

Prompts and replies of all its branches count, whether the lab computed them for this trial or took them from the memo.
Knows nothing of what the engine really had cached.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harnesslab.types import Completion, FinishReason, Prompt

UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class _Said:
    """A prompt and the reply to it. `whole`: its tokens are all known; else the reply's are not."""

    tokens: NDArray[np.int32]
    whole: bool


class Own:
    """The sequences of one trial so far; one that another continues is not kept twice."""

    __slots__ = ("_said",)

    def __init__(self) -> None:
        self._said: list[_Said] = []

    def take(self, prompt: Prompt, completion: Completion) -> int:
        """How much of a prompt lies in the trial's own cache; the prompt and the reply to it do so from now on.

        Returns:
            Tokens, at most all but the last: a reply starts from that one's logits. UNKNOWN where the prompt's tokens
            are not known, or where it may go on in a reply whose tokens are not.
        """
        asked = np.frombuffer(prompt.tokens, np.int32)
        if not len(asked):
            return UNKNOWN
        lengths = [_common(said.tokens, asked) for said in self._said]
        passed = [i for i, said in enumerate(self._said) if lengths[i] == len(said.tokens)]
        found = min(max(lengths, default=0), len(asked) - 1)
        certain = found == len(asked) - 1 or all(self._said[i].whole for i in passed)
        if completion.finish_reason is not FinishReason.OVERFLOW or completion.usage.generated:
            reply = np.frombuffer(completion.tokens or b"", np.int32)
            for i in reversed(passed):
                if self._said[i].whole:
                    del self._said[i]  # what is kept now goes on from it
            self._said.append(_Said(np.concatenate([asked, reply]), completion.tokens is not None))
        return found if certain else UNKNOWN


def _common(a: NDArray[np.int32], b: NDArray[np.int32]) -> int:
    n = min(len(a), len(b))
    differ = a[:n] != b[:n]
    at = int(differ.argmax()) if n else 0
    return at if n and differ[at] else n
