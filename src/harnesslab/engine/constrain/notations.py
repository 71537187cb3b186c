"""The two notations of values that Gemma's dialects use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harnesslab.engine.constrain.lark import Lark
from harnesslab.engine.constrain.schemas import cannot
from harnesslab.engine.constrain.values import Notation, raw_string
from harnesslab.engine.dialects.syntax import dumps

_STRING = ("minLength", "maxLength", "pattern", "format")


def _python_string(grammar: Lark, schema: Mapping[str, Any]) -> str:
    # JSON's escapes less \/ and \u mean the same in Python
    return grammar.json({"type": "string", **{k: schema[k] for k in _STRING if k in schema}})


PYTHON = Notation(
    words={"true": "True", "false": "False", "null": "None"},
    colon=": ",
    comma=", ",
    string=_python_string,
    quoted=dumps,
    key=dumps,
)


def quote_marks(quote: str) -> Notation:
    """Strings raw between quote marks, keys bare."""

    def string(grammar: Lark, schema: Mapping[str, Any]) -> str:
        body = raw_string(schema, quote)
        if grammar.starts_special(quote):
            return grammar.rule(f"{grammar.text(quote)} {grammar.terminal(body)} {grammar.text(quote)}")
        return grammar.rule(f"{json.dumps(quote)} {grammar.lazy(f'({body}) {json.dumps(quote)}')}")

    def quoted(text: str) -> str:
        if quote in text:
            raise cannot(f"a value that holds {quote}")
        return f"{quote}{text}{quote}"

    def key(text: str) -> str:
        return text if text.replace("_", "a").isalnum() else quoted(text)

    return Notation(
        words={"true": "true", "false": "false", "null": "null"},
        colon=":",
        comma=",",
        string=string,
        quoted=quoted,
        key=key,
    )
