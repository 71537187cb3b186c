"""The templates inside real GGUF files, used as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from harnesslab.engine import dialects
from harnesslab.engine.templates import ChatTemplate
from harnesslab.models.gguf import read_facts
from harnesslab.types import Message, ToolCall, ToolSpec

pytestmark = pytest.mark.model

TOOLS = (ToolSpec("find", "Finds orders", {"type": "object", "properties": {"q": {"type": "string"}}}),)
TALK = (
    Message("system", "Be brief."),
    Message("user", "Where is O-17?"),
    Message("assistant", "", (ToolCall("find", {"q": "O-17"}),)),
    Message("tool", "shipped"),
)


def test_qwen25_coder(qwen05: Path) -> None:
    facts = read_facts(qwen05)
    assert dialects.detect(facts.chat_template, facts.architecture) == "hermes"
    template = ChatTemplate(facts.chat_template, bos="", eos="<|im_end|>")
    assert template.traits.tools
    assert template.traits.calls
    assert template.traits.parallel
    text = template.render(TALK, TOOLS)
    assert text.endswith(
        "<|im_start|>user\nWhere is O-17?<|im_end|>\n"
        '<|im_start|>assistant\n<tool_call>\n{"name": "find", "arguments": {"q": "O-17"}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\nshipped\n</tool_response><|im_end|>\n<|im_start|>assistant\n"
    )
    assert text.startswith("<|im_start|>system\nBe brief.\n\n# Tools\n\n")


def test_qwen25_coder_15_shows_its_doubled_braces(qwen15: Path) -> None:
    """Its publisher's template prints them and the model copies them: an effect to measure, not to mend."""
    template = ChatTemplate(read_facts(qwen15).chat_template, bos="", eos="<|im_end|>")
    assert '{{"name": <function-name>, "arguments": <args-json-object>}}' in template.render(TALK[:2], TOOLS)


def test_smollm2_is_told_of_tools_in_words(smollm2: Path) -> None:
    facts = read_facts(smollm2)
    assert dialects.detect(facts.chat_template, facts.architecture) == "hermes"
    template = ChatTemplate(facts.chat_template, bos="<|im_start|>", eos="<|im_end|>")
    assert not template.traits.tools
    text = template.render(TALK, TOOLS)
    assert '"description": "Finds orders"' in text
    assert text.endswith(
        "<|im_start|>user\n<tool_response>\nshipped\n</tool_response><|im_end|>\n<|im_start|>assistant\n"
    )


def test_gemma_base_has_no_template(gemma270: Path) -> None:
    facts = read_facts(gemma270)
    assert facts.chat_template == ""
    assert dialects.detect(facts.chat_template, facts.architecture) == "gemma"


@pytest.fixture(scope="session")
def qwen15() -> Path:
    from harnesslab.paths import models_dir

    path = models_dir() / "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
    if not path.exists():
        pytest.skip(f"{path.name} is not in {path.parent}: harnesslab models pull qwen2.5-coder-1.5b")
    return path
