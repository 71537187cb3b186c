"""Makes the scheduler say a given text and notes the log-probabilities on the way, so that arms can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from harnesslab.engine.native import NativeContext

Tokens = NDArray[np.int32]
Rows = NDArray[np.float64]


def log_softmax(rows: NDArray[np.float32]) -> Rows:
    """float64[n, n_vocab] of float32[n, n_vocab] logits."""
    wide = rows.astype(np.float64)
    wide -= wide.max(axis=1, keepdims=True)
    wide -= np.log(np.exp(wide).sum(axis=1, keepdims=True))
    return wide


class Rolls:
    """Hands out a step's rows of logits: the scheduler reads them once, then asks each request's teacher in turn."""

    def __init__(self, context: NativeContext) -> None:
        self._logits, self._row = context.logits, 0
        self._rows: NDArray[np.float32] = np.empty((0, 0), np.float32)
        context.logits = self._read  # type: ignore[method-assign]

    def _read(self, rows: int) -> NDArray[np.float32]:
        self._rows, self._row = self._logits(rows), 0
        return self._rows

    def next_row(self) -> NDArray[np.float32]:
        """float32[1, n_vocab]."""
        self._row += 1
        return self._rows[self._row - 1 : self._row]


@dataclass(slots=True)
class Teacher:
    """A constraint that allows one text. `ids` int32[len(text), k]: tokens to note at each of its positions."""

    rolls: Rolls
    text: Tokens
    ids: Tokens | None = None
    noted: list[Rows] = field(default_factory=list)
    at: int = 0
    error: str = ""

    def mask(self, row: NDArray[np.uint32]) -> None:
        logits = self.rolls.next_row()
        if self.ids is not None:
            self.noted.append(log_softmax(logits)[0][self.ids[self.at]])
        token = int(self.text[self.at])
        row[:] = 0
        row[token // 32] = 1 << token % 32

    def consume(self, token: int) -> Sequence[int]:
        self.at += 1
        return ()
