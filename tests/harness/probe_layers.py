"""A layer that takes whole turns back, and a desk that knows what its snapshots were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from toy_desk import ToyDesk

from harnesslab.harness.params import Params
from harnesslab.types import Conversation, Layer, Message, Outcome, Trial, TurnNext


@dataclass(frozen=True)
class Sight:
    """All that a layer can take back: what was said, the tokens of saying it, the world."""

    messages: tuple[Message, ...]
    tools: tuple[str, ...]
    tokens: bytes
    world: int


class TakeBack(Layer):
    """Has every turn twice, once to be taken back entirely and once to keep; notes what it saw before and after."""

    name = "take-back"
    port = "turn"
    desk: ClassVar[ToyDesk]
    seen: ClassVar[list[tuple[Sight, Sight]]] = []

    def __init__(self, params: Params) -> None:
        del params

    async def turn(self, trial: Trial, conversation: Conversation, nxt: TurnNext) -> Outcome:
        before = await self._sight(trial, conversation)
        world, checkpoint = trial.snapshot(), conversation.checkpoint()
        await nxt(conversation)
        conversation.cut(checkpoint)
        trial.restore(world)
        trial.intervene(self.name, "always")
        TakeBack.seen.append((before, await self._sight(trial, conversation)))
        return await nxt(conversation)

    async def _sight(self, trial: Trial, conversation: Conversation) -> Sight:
        prompt = await trial.render(conversation.messages)
        return Sight(tuple(conversation.messages), trial.toolbox.names, prompt.tokens, TakeBack.desk.digest())


class Remembering(ToyDesk):
    """Holds every restore against the digest at the time of its snapshot."""

    def __init__(self) -> None:
        super().__init__()
        self.restored = 0

    def snapshot(self) -> Any:
        return super().snapshot(), self.digest()

    def restore(self, snapshot: Any) -> None:
        state, digest = snapshot
        super().restore(state)
        assert self.digest() == digest
        self.restored += 1
