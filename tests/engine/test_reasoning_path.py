"""Reasoning from the template to the trace: parsed, bounded, counted apart, and dropped or kept in the history."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

import pytest
from one_trial import Recorded, record

from harnesslab.engine.llama import LlamaEngine
from harnesslab.models.entry import LoadParams, ModelEntry
from harnesslab.types import Sampling

pytestmark = pytest.mark.model

MOST = 12
# ChatML as reasoning models have it: the reply begins inside a block, earlier thoughts are printed where there are any.
THINKS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>\n{% endif %}{{ m.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n<think>{% endif %}"
)


class Twice:
    """A user who asks once more."""

    def __init__(self) -> None:
        self.left = 1

    async def reply(self, said: str) -> str | None:
        self.left -= 1
        return "Are you sure?" if self.left >= 0 else None


def trial(path: Path, reasoning: Literal["drop", "keep"]) -> tuple[Recorded, list[str]]:
    """The trial, and the text of every prompt that was rendered."""
    prompts: list[str] = []

    async def go() -> Recorded:
        entry = ModelEntry(
            name="m", load=LoadParams(n_ctx=2048), chat_template=THINKS, dialect="hermes", reasoning=reasoning
        )
        engine = await LlamaEngine.start(entry, path, concurrency=1)
        render = engine.render

        async def listening(messages: object, tools: object) -> object:
            prompt = await render(messages, tools)  # type: ignore[arg-type]
            prompts.append(prompt.text)
            return prompt

        engine.render = listening  # type: ignore[assignment, method-assign]
        try:
            return await record(engine, [], user=Twice(), sampling=Sampling(max_tokens=40, max_thinking=MOST))
        finally:
            await engine.close()

    return asyncio.run(go()), prompts


@pytest.mark.parametrize("reasoning", ["drop", "keep"])
def test_thoughts_are_split_off_bounded_counted_and_dropped_or_kept(
    smollm2: Path, reasoning: Literal["drop", "keep"], capsys: pytest.CaptureFixture[str]
) -> None:
    recorded, prompts = trial(smollm2, reasoning)
    replies = recorded.replies()
    assert len(replies) == len(prompts) >= 2
    thoughtful = [i for i, (_, payload) in enumerate(replies) if "reasoning" in payload]
    for event, payload in (replies[i] for i in thoughtful):
        assert payload["reasoning"] not in payload["content"]
        assert "</think>" not in payload["content"]
        assert 1 <= event["reasoning"] <= MOST
    i = next(i for i in thoughtful if i + 1 < len(prompts))  # a model this small may also say nothing at all
    thought, said = replies[i][1]["reasoning"], replies[i][1]["content"]
    assert said in prompts[i + 1]
    assert (f"<think>{thought}</think>" in prompts[i + 1]) is (reasoning == "keep")
    recorded.print()
    assert "thinking: " in capsys.readouterr().out
