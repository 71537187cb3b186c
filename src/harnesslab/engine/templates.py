"""A model's chat template: conversation in, prompt text out. Knows nothing of tokens."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from harnesslab.engine import dialects
from harnesslab.engine.dialects.syntax import dumps
from harnesslab.engine.template_jinja import compiled
from harnesslab.engine.template_messages import message_dicts, tool_dicts
from harnesslab.engine.template_traits import PLAIN, Traits, traits_of
from harnesslab.errors import UserError
from harnesslab.types import NOTHING, Message, ToolSpec

FALLBACK = (
    "{{ bos_token }}"
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_KEPT = 1024


class ChatTemplate:
    """Renders conversations the way one model was trained to read them.

    Args:
        source: the Jinja text, usually the GGUF's own; "" for a plain ChatML one.
        bos: text of the begin-of-text token. It is in the prompt only where the template prints it.
        eos: text of the end-of-turn token.
        args: the template's switches, e.g. enable_thinking.
        dialect: how calls are written where the template cannot; "" detects it from the source.

    Attributes:
        source: the Jinja text in use.
        stops: strings that end a reply, where the template's marks are no tokens of the model.
    """

    def __init__(
        self, source: str, *, bos: str, eos: str, args: Mapping[str, Any] = NOTHING, dialect: str = ""
    ) -> None:
        self.source = source or FALLBACK
        self.stops: tuple[str, ...] = () if source else ("<|im_end|>",)
        self._dialect = dialects.get(dialect or dialects.detect(self.source, ""))
        self._template = compiled(self.source)
        self._variables = {**args, "bos_token": bos, "eos_token": eos}
        self._kept: OrderedDict[tuple[Any, ...], str] = OrderedDict()

    @property
    def traits(self) -> Traits:
        """What the template can express."""
        return traits_of(self.source)

    def render(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], *, add_generation_prompt: bool = True
    ) -> str:
        """The prompt. Pure: equal arguments give equal text.

        Raises UserError where the template refuses the conversation even in plain words.
        """
        key = (tuple(map(_message_key, messages)), tuple(map(_tool_key, tools)), add_generation_prompt)
        text = self._kept.get(key)
        if text is None:
            text = self._render(messages, tools, add_generation_prompt)
            self._kept[key] = text
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return text

    def _render(self, messages: Sequence[Message], tools: Sequence[ToolSpec], add_generation_prompt: bool) -> str:
        traits = self.traits
        # Rarely an order of roles is refused that the probes did not try; then calls and results are said in words.
        in_words = Traits(tools=traits.tools, system=traits.system)
        refusal = ""
        for attempt in (traits, in_words, PLAIN):
            variables = dict(self._variables)
            if tools and attempt.tools:
                variables["tools"] = tool_dicts(tools)
            dicts = message_dicts(messages, tools, attempt, self._dialect)
            try:
                return self._template.render(messages=dicts, add_generation_prompt=add_generation_prompt, **variables)
            except Exception as error:  # a template may trip over anything
                refusal = refusal or f"{type(error).__name__}: {error}"
        raise UserError(
            "the chat template cannot render this conversation",
            refusal.splitlines()[0],
            "give the model another one: chat_template = FILE in models.toml",
        )


def _message_key(m: Message) -> tuple[Any, ...]:
    calls = tuple((c.name, c.id, dumps(c.arguments)) for c in m.tool_calls)
    return m.role, m.content, m.name, m.tool_call_id, m.reasoning, calls


def _tool_key(t: ToolSpec) -> tuple[str, str, str]:
    return t.name, t.description, dumps(t.parameters)
