"""Templates written in the style of the common model families: what they cannot express is said in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from harnesslab.engine import dialects
from harnesslab.engine.template_jinja import compiled
from harnesslab.engine.templates import ChatTemplate
from harnesslab.errors import UserError
from harnesslab.types import Message, ToolCall, ToolSpec

STYLES = {p.stem: p.read_text() for p in sorted((Path(__file__).parent / "styles").glob("*.jinja"))}
DIALECT = {
    "gemma3": "gemma",
    "glm": "glm",
    "gptoss": "harmony",
    "llama31": "llama3",
    "mistral": "mistral",
    "qwen3": "hermes",
}

TOOLS = (ToolSpec("find", "Finds <things>", {"type": "object", "properties": {"q": {"type": "string"}}}),)
ASKED = (Message("system", "Be brief."), Message("user", "Where is O-17 & co?"))
CALLED = (
    *ASKED,
    Message("assistant", "", (ToolCall("find", {"q": 'é "1"', "n": 3}, "a"), ToolCall("find", {"q": "two"}, "b"))),
    Message("tool", "first result", tool_call_id="a", name="find"),
    Message("tool", "second result", tool_call_id="b", name="find"),
)
SAID = (*CALLED, Message("assistant", "It is here."), Message("user", "Thanks, and O-18?"))
ORPHAN = (*ASKED, Message("assistant", "<tool_call>oops"), Message("tool", "Error: not readable"))
CROWDED = (*CALLED, Message("user", "Hurry."), Message("user", "Please."))


def template(style: str, **args: object) -> ChatTemplate:
    return ChatTemplate(STYLES[style], bos="<s>", eos="</s>", args=args)


@pytest.mark.parametrize("style", STYLES)
def test_dialect_is_detected(style: str) -> None:
    assert dialects.detect(STYLES[style], "") == DIALECT[style]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "conversation", [ASKED, CALLED, SAID, ORPHAN, CROWDED], ids=["asked", "called", "said", "orphan", "crowded"]
)
def test_everything_said_reaches_the_prompt_once_and_in_order(style: str, conversation: tuple[Message, ...]) -> None:
    text = template(style).render(conversation, TOOLS)
    assert "Finds <things>" in text
    at = 0
    for message in conversation[1:]:
        if message.content:
            assert text.count(message.content) == 1
            assert (at := text.index(message.content, at))
    assert text.count("Be brief.") == 1


@pytest.mark.parametrize("style", STYLES)
def test_calls_and_results_stay_paired(style: str) -> None:
    text = template(style).render(CALLED, TOOLS)
    order = [text.index(part) for part in ("two", "first result", "second result")]
    together = template(style).traits.parallel or not template(style).traits.calls
    assert order == sorted(order) if together else order[1] < order[0] < order[2]


@pytest.mark.parametrize("style", STYLES)
def test_a_call_in_the_prompt_is_written_as_the_dialect_reads_it(style: str) -> None:
    call = ToolCall("find", {"q": 'é "1"'})
    before = template(style).render(ASKED, TOOLS)
    after = template(style).render([*ASKED, Message("assistant", "", (call,))], TOOLS, add_generation_prompt=False)
    reply = after.removeprefix(before)
    for end_of_turn in ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "</s>"):
        reply = reply.split(end_of_turn)[0]
    numbered = ToolCall(call.name, call.arguments, "call00000")  # Mistral's calls carry their ids
    assert dialects.get(DIALECT[style]).parse(reply, TOOLS).tool_calls == (numbered if style == "mistral" else call,)


def test_traits_are_seen_in_the_output() -> None:
    gemma, llama, mistral = (template(s).traits for s in ("gemma3", "llama31", "mistral"))
    assert (gemma.tools, gemma.calls, gemma.system, gemma.repeats) == (False, False, False, False)
    assert (llama.tools, llama.calls, llama.parallel, llama.system) == (True, True, False, True)
    assert (mistral.parallel, mistral.repeats, mistral.late_system) == (True, False, False)
    assert template("gptoss").traits.thinking
    assert not template("gptoss").traits.orphans


CALL = "{% for c in m.tool_calls or [] %}{{ c.function.name }}(@){% endfor %}"
BASE = (
    "{{ tools | tojson if tools else '' }}{% for m in messages %}{{ m.role }}:{{ m.content }} " + CALL + "{% endfor %}"
)


def test_arguments_as_text_or_as_an_object_whichever_renders_clean() -> None:
    call = [Message("user", "x"), Message("assistant", "", (ToolCall("find", {"q": "1"}),)), Message("tool", "r")]
    for printed in ("c.function.arguments | tojson", "c.function.arguments", "'' + c.function.arguments"):
        source = BASE.replace("@", "{{ " + printed + " }}")
        assert 'find({"q": "1"})' in ChatTemplate(source, bos="", eos="").render(call, TOOLS)


def test_content_none_where_a_template_insists() -> None:
    insists = "{% if m.tool_calls and m.content is not none %}{{ raise_exception('no') }}{% endif %}"
    source = "{% for m in messages %}" + insists + "{% endfor %}"
    source += BASE.replace("m.content", "m.content or ''").replace("@", "{{ c.function.arguments | tojson }}")
    assert ChatTemplate(source, bos="", eos="").traits.null_content


def test_json_in_prompts_is_not_escaped_and_keeps_its_order() -> None:
    text = template("qwen3").render(ASKED, (ToolSpec("t", "<é> & 'x'", {"type": "object", "b": 1, "a": 2}),))
    assert """"description": "<é> & 'x'", "parameters": {"type": "object", "b": 1, "a": 2}""" in text


def test_template_switches_reach_the_template() -> None:
    assert template("qwen3", enable_thinking=False).render(ASKED, ()).endswith("<think>\n\n</think>\n\n")
    assert not template("qwen3").render(ASKED, ()).endswith("</think>\n\n")


def test_reasoning_reaches_the_templates_that_show_it() -> None:
    message = Message("assistant", "", (ToolCall("find", {"q": "1"}),), reasoning="hmm, O-17")
    for style in ("qwen3", "glm", "gptoss"):
        assert "hmm, O-17" in template(style).render([*ASKED, message, Message("tool", "r")], TOOLS)


def test_no_tools_no_word_of_them() -> None:
    for style in STYLES:
        text = template(style).render(ASKED, ())
        assert "tool" not in text.lower()


def test_prompts_do_not_depend_on_the_day() -> None:
    assert "Current date: 2026-01-01" in template("gptoss").render(ASKED, ())


def test_rendering_is_pure_and_ignores_our_ids() -> None:
    renamed = [
        Message(m.role, m.content, tuple(ToolCall(c.name, c.arguments, c.id and c.id + "x") for c in m.tool_calls),
                m.tool_call_id and m.tool_call_id + "x", m.name)
        for m in CALLED
    ]  # fmt: skip
    for style in STYLES:
        one = template(style)
        text = one.render(CALLED, TOOLS)
        assert one.render(CALLED, TOOLS) == text == template(style).render(renamed, TOOLS)


def test_results_out_of_order_go_to_their_calls() -> None:
    swapped = (*CALLED[:3], CALLED[4], CALLED[3])
    text = template("mistral").render(swapped, TOOLS)
    assert text.index('second result, "call_id": "call00001"') < text.index('first result, "call_id": "call00000"')


def test_without_a_template_chatml_and_its_stop() -> None:
    plain = ChatTemplate("", bos="<bos>", eos="<eos>", dialect="gemma")
    text = plain.render(ASKED, TOOLS)
    assert text.startswith("<bos><|im_start|>system\nBe brief.\n\nYou can use these tools")
    assert "```tool_code\nTOOL_NAME(ARGUMENT='value')\n```" in text
    assert text.endswith("<|im_end|>\n<|im_start|>assistant\n")
    assert plain.stops == ("<|im_end|>",)
    assert template("qwen3").stops == ()


@pytest.mark.parametrize("name", dialects.names())
def test_the_example_in_our_instructions_is_a_call_of_the_dialect(name: str) -> None:
    text = ChatTemplate("", bos="", eos="", dialect=name).render(ASKED, TOOLS)
    example = text.split("in this form and stop:\n")[1].split("\n\nIts result")[0]
    assert dialects.get(name).parse(example).tool_calls == (ToolCall("TOOL_NAME", {"ARGUMENT": "value"}),)


def test_a_broken_template_is_the_users_to_mend() -> None:
    with pytest.raises(UserError, match="cannot be compiled"):
        ChatTemplate("{% if %}", bos="", eos="")
    with pytest.raises(UserError, match=r"cannot render this conversation.*never"):
        ChatTemplate("{{ raise_exception('never') }}", bos="", eos="").render(ASKED, ())


@pytest.mark.parametrize(
    "source", ["{{ messages.append(1) }}", "{{ ''.__class__.__mro__ }}", "{% set messages[0].role = 'x' %}"]
)
def test_templates_run_in_a_sandbox(source: str) -> None:
    from jinja2.exceptions import TemplateError

    with pytest.raises((TemplateError, UserError)):
        compiled(source).render(messages=[{"role": "user"}])
