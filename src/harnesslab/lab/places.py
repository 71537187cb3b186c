"""How many trials are at work at once, where those that wait for another trial's reply do not count."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator
from typing import Self

from harnesslab.types import EngineInfo

_SPARE = 0.25  # more trials than an engine computes at once: some are with their tools, or being rendered


def worth_running(info: EngineInfo) -> int:
    """Trials at work that keep an engine busy."""
    return int((1 + _SPARE) * info.concurrency)


class Places:
    """Places for trials, taken by `async with`.

    A trial that only waits for a reply that another one is having computed lends its place meanwhile, and takes it back
    without waiting for one: then more are at work than there are places, and nobody new comes in until that is over.

    Attributes:
        total: places in all; may be changed while nobody has one.
    """

    def __init__(self, total: int = 1) -> None:
        self.total = total
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> Self:
        while self._taken >= self.total:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._taken += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._give()

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """While a trial waits for another one's reply."""
        self._give()
        try:
            yield
        finally:
            self._taken += 1

    def _give(self) -> None:
        self._taken -= 1
        while self._waiting and self._taken < self.total:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
