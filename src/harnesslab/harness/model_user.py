"""A simulated user that is played by a model, from a brief.

It meets its engine as an agent does, token-exact and by its own random stream; what it spends is its own account and
never the agent's.
"""

from __future__ import annotations

import re

from harnesslab.types import LEAVE, Engine, FinishReason, Message, Request, Sampling, Usage, stable_hash

_FAREWELL = re.compile(rf"\b{LEAVE}\W*$", re.IGNORECASE)  # small models write it in their own way


class ModelUser:
    """One user in one dialogue. The model's own replies are the user's words; the agent's are what it is told.

    Args:
        brief: who the user is, what they want and know, and how they leave.
        opening: what they have said already: the task's first message.
        stream: hash of seed, suite version, task, variant and repeat; never of the harness.

    Attributes:
        spent: tokens of all its replies so far.
    """

    def __init__(self, engine: Engine, brief: str, opening: str, sampling: Sampling, stream: int) -> None:
        self._engine, self._sampling, self._stream = engine, sampling, stream
        self._messages = [
            Message("system", brief),
            Message("user", "Good day. What can I do for you?"),
            Message("assistant", opening),
        ]
        self.spent = Usage()

    async def reply(self, said: str) -> str | None:
        """The model's next message; None when it leaves, or says nothing that a user could say.

        Raises:
            EngineFailure: its engine failed; the trial is missing, not failed.
        """
        self._messages.append(Message("user", said))
        prompt = await self._engine.render(self._messages, ())
        key = stable_hash("user", self._stream, prompt.digest)
        completion = await self._engine.complete(Request(prompt, self._sampling, key))
        self.spent = self.spent + completion.usage
        text = completion.content.strip()
        if not text or LEAVE in text or _FAREWELL.search(text) or completion.finish_reason is FinishReason.OVERFLOW:
            return None
        self._messages.append(Message("assistant", text))
        return text
