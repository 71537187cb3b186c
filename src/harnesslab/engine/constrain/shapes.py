"""How each dialect writes calls, as a grammar sees it."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harnesslab.engine.constrain.lark import Lark
from harnesslab.engine.constrain.notations import PYTHON, quote_marks
from harnesslab.engine.constrain.schemas import arguments_schema, cannot
from harnesslab.engine.constrain.values import Values, unquoted
from harnesslab.engine.dialects.gemma_call import FUNCTIONGEMMA, GEMMA4, GemmaCall
from harnesslab.types import ToolSpec

_NAME = re.compile(r"[A-Za-z0-9_.\-]+")


@dataclass(frozen=True, slots=True)
class Shape:
    """A reply's calls: mark, head, calls with `between` between them, end. A call: lead, what `call` writes, tail.

    Attributes:
        mark: where it shows that calls begin. Empty where nothing shows it: such calls are the whole reply.
        call: (grammar, tool) -> expression for name and arguments.
        between: None where a reply holds one call only.
        in_text: the mark as it stands after text, if not the same.
        forbidden: regular expressions that a text answer may not hold, beside every dialect's marks.
        before: the same for text before a call.
        not_first: a regular expression that a text answer may not begin with.
        text_head: what stands before a text answer.
        unmarked: calls as the whole reply without a mark, which the dialect's reader takes too; never forced.
    """

    mark: str
    call: Callable[[Lark, ToolSpec], str]
    head: str = ""
    lead: str = ""
    tail: str = ""
    between: str | None = ""
    end: str = ""
    in_text: str = ""
    forbidden: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    not_first: str = ""
    text_head: str = ""
    unmarked: Shape | None = None


def _plain_name(tool: ToolSpec) -> str:
    if not _NAME.fullmatch(tool.name):
        raise cannot(f"a call of a tool named {tool.name!r}")
    return tool.name


def _json_call(key: str) -> Callable[[Lark, ToolSpec], str]:
    def call(grammar: Lark, tool: ToolSpec) -> str:
        head = f'{json.dumps(tool.name, ensure_ascii=False)[1:]}, "{key}": '
        return f"{grammar.text(head)} {grammar.json(arguments_schema(tool.parameters))}"

    return call


def _named_json(after_name: str) -> Callable[[Lark, ToolSpec], str]:
    def call(grammar: Lark, tool: ToolSpec) -> str:
        head = grammar.text(_plain_name(tool) + after_name)
        return f"{head} {grammar.json(arguments_schema(tool.parameters))}"

    return call


def _tagged(head: str, opening: str, after_key: str, closing: str, mark: str) -> Callable[[Lark, ToolSpec], str]:
    def call(grammar: Lark, tool: ToolSpec) -> str:
        required = set(tool.parameters.get("required", ()))
        parts = [grammar.text(_plain_name(tool) + head)]
        for name, schema in (tool.parameters.get("properties") or {}).items():
            if set(name) & set("<>\n"):
                raise cannot(f"the argument name {name!r}")
            value = unquoted(grammar, tool, name, schema, closing, mark)
            argument = f"{grammar.text(opening + name + after_key)} {value}"
            parts.append(argument if name in required else f"({argument})?")
            required.discard(name)
        if required:
            raise cannot(f"the required but undeclared argument {min(required)!r}")
        return " ".join(parts)

    return call


def _python_call(grammar: Lark, tool: ToolSpec) -> str:
    schema = arguments_schema(tool.parameters)
    for word in (*tool.name.split("."), *schema["properties"]):
        if not word.isidentifier() or keyword.iskeyword(word):
            raise cannot(f"the name {word!r}, which is none in Python,")
    members = Values(grammar, PYTHON, tool.parameters).members(schema, lambda name: f"{name}=")
    return f"{grammar.text(tool.name + '(')} {members}"


def _quoted_call(quote: str) -> Callable[[Lark, ToolSpec], str]:
    def call(grammar: Lark, tool: ToolSpec) -> str:
        values = Values(grammar, quote_marks(quote), tool.parameters)
        notation = values.notation
        members = values.members(arguments_schema(tool.parameters), lambda name: notation.key(name) + notation.colon)
        return f'{grammar.text(_plain_name(tool) + "{")} {members} "}}"'

    return call


def _gemma_call(dialect: GemmaCall) -> Shape:
    return Shape(
        dialect.open, _quoted_call(dialect.quote), lead="call:", tail=dialect.close, between=dialect.open
    )  # fmt: skip


def _mistral(specials: Mapping[str, int]) -> Shape:
    older = "[TOOL_CALLS]" in specials and "[ARGS]" not in specials
    if older:
        return Shape(
            "[TOOL_CALLS]", _json_call("arguments"), head="[", lead='{"name": "', tail="}", between=", ", end="]"
        )
    return Shape("[TOOL_CALLS]", _named_json("[ARGS]"), between="[TOOL_CALLS]")


_BEGUN = r'\s*\[?\s*\{+\s*"(?:name|arguments|parameters)"\s*:'

_SHAPES: dict[str, Shape] = {
    "hermes": Shape(
        "<tool_call>",
        _json_call("arguments"),
        lead='\n{"name": "',
        tail="}\n</tool_call>",
        between="\n<tool_call>",
        not_first=_BEGUN,
        unmarked=Shape("", _json_call("arguments"), lead='{"name": "', tail="}", between="\n"),
    ),
    "qwen3_coder": Shape(
        "<tool_call>",
        _tagged(">\n", "<parameter=", ">\n", "\n</parameter>\n", "</parameter>"),
        lead="\n<function=",
        tail="</function>\n</tool_call>",
        between="\n<tool_call>",
    ),
    "glm": Shape(
        "<tool_call>",
        _tagged("\n", "<arg_key>", "</arg_key>\n<arg_value>", "</arg_value>\n", "</arg_value>"),
        tail="</tool_call>",
        between="\n<tool_call>",
    ),
    "llama3": Shape(
        "",
        _json_call("parameters"),
        lead='{"name": "',
        tail="}",
        between="; ",
        forbidden=("<function=",),
        not_first=_BEGUN,
    ),
    "json": Shape("", _json_call("arguments"), lead='{"name": "', tail="}", between=None, not_first=_BEGUN),
    "gemma": Shape(
        "```tool_code\n",
        _python_call,
        tail=")",
        between="\n",
        end="\n```",
        in_text="\n```tool_code\n",
        before=("```",),
        not_first=_BEGUN,
    ),
    "functiongemma": _gemma_call(FUNCTIONGEMMA),
    "gemma4": _gemma_call(GEMMA4),
    "harmony": Shape(
        "<|channel|>commentary to=functions.",
        _named_json(" <|constrain|>json<|message|>"),
        between=None,
        forbidden=(r"<\|(?:start|end|return|call|message)\|>",),
        text_head="<|channel|>final<|message|>",
    ),
}


def shape_of(dialect: str, specials: Mapping[str, int]) -> Shape | None:
    """How a dialect writes calls with these control tokens; None where no grammar says it."""
    return _mistral(specials) if dialect == "mistral" else _SHAPES.get(dialect)


SHAPED = frozenset({*_SHAPES, "mistral"})
