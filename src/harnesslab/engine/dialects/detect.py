"""Which dialect a model speaks, by what its chat template writes, else by its architecture."""

from __future__ import annotations

# First match wins: a template that shows XML parameters inside <tool_call> is not Hermes.
_BY_TEMPLATE: tuple[tuple[tuple[str, ...], str], ...] = (
    (("<|channel|>", "<|message|>"), "harmony"),
    (("<arg_key>",), "glm"),
    (("<function=", "<parameter="), "qwen3_coder"),
    (("<start_function_call>",), "functiongemma"),
    (("<|tool_call>",), "gemma4"),
    (("[TOOL_CALLS]",), "mistral"),
    (("<tool_call>",), "hermes"),
    (("<|python_tag|>",), "llama3"),
    (("<|start_header_id|>",), "llama3"),
    (("<start_of_turn>",), "gemma"),
    (("[INST]",), "mistral"),
    (("<|im_start|>",), "hermes"),
)

_BY_ARCHITECTURE = (
    ("gpt-oss", "harmony"),
    ("gpt_oss", "harmony"),
    ("glm4", "glm"),
    ("gemma4", "gemma4"),
    ("gemma", "gemma"),
    ("qwen", "hermes"),
    ("mistral", "mistral"),
)


def detect(template_source: str, architecture: str) -> str:
    """The dialect's name; "json" where nothing tells.

    Args:
        template_source: the chat template's Jinja text; may be empty.
        architecture: `general.architecture` of the GGUF, e.g. "qwen2"; may be empty. "llama" says nothing: many
            families share it.
    """
    for marks, dialect in _BY_TEMPLATE:
        if all(mark in template_source for mark in marks):
            return dialect
    for prefix, dialect in _BY_ARCHITECTURE:
        if architecture.startswith(prefix):
            return dialect
    return "json"
