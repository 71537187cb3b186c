"""Tools: typed Python functions `f(world, ...)` that return text or JSON-like data, or raise `ToolError` to refuse.

The schema a model sees comes from the signature through pydantic: the docstring's first paragraph is the description,
`Annotated[str, Field(description=...)]` describes a parameter. Arguments are read as tool frameworks do, in pydantic's
lax mode: "2" and 2.0 are the integer 2, 2.5 and "two" are not, 5 is not a string, and no float is infinite.

The runtime is bare: messages are terse, nothing is suggested. Better answers are a harness's business.
"""

from __future__ import annotations

import inspect
import json
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from harnesslab.suites.world import World
from harnesslab.types import ActionResult, Status, Toolbox, ToolCall, ToolSpec

ToolFunction = Callable[..., Any]
_OURS = Path(__file__).parents[1]


class ToolError(Exception):
    """A tool's refusal, e.g. `ToolError("no such order")`; the model reads "Error: no such order".

    Args:
        transient: the same call may succeed later.
        expected: what the tool wanted, if it says so.
        actual: what it got.
    """

    def __init__(self, message: str, *, transient: bool = False, expected: str = "", actual: str = "") -> None:
        super().__init__(message)
        self.transient, self.expected, self.actual = transient, expected, actual


@dataclass(frozen=True, slots=True)
class _Tool:
    run: ToolFunction
    arguments: type[BaseModel]
    spec: ToolSpec


class Toolkit:
    """A suite's tools, compiled once: `toolbox` is what models are told, `run` executes a call on a world.

    Attributes:
        bugs: by tool, the last thing it raised that is no `ToolError`, and where: for the suite's author alone.
    """

    def __init__(self, reads: Sequence[ToolFunction] = (), writes: Sequence[ToolFunction] = ()) -> None:
        tools = [_compile(f, writes=False) for f in reads] + [_compile(f, writes=True) for f in writes]
        self._tools = {tool.spec.name: tool for tool in tools}
        self.toolbox = Toolbox(tuple(tool.spec for tool in tools))
        self.bugs: dict[str, str] = {}

    def run(self, world: World, call: ToolCall) -> ActionResult:
        """Runs one call. Never raises for anything a model can send; a failed call leaves the world as it was."""
        tool = self._tools.get(call.name)
        if tool is None:
            return ActionResult(Status.UNKNOWN_TOOL, f"Error: unknown tool {_short(call.name)}")
        try:
            arguments = vars(tool.arguments.__pydantic_validator__.validate_python(dict(call.arguments)))
        except ValidationError as error:
            return _invalid(tool.spec, call, error)
        before = world.snapshot()
        try:
            content = _text(tool.run(world, **arguments))
        except ToolError as error:
            world.restore(before)
            return ActionResult(
                Status.TOOL_ERROR,
                f"Error: {error}",
                transient=error.transient,
                expected=error.expected,
                actual=error.actual,
            )
        except Exception as error:
            world.restore(before)
            self.bugs[call.name] = raised(error)
            return ActionResult(Status.TOOL_ERROR, f"Error: {type(error).__name__} in {call.name}")
        return ActionResult(Status.OK, content, wrote=not world.is_at(before))


def raised(error: BaseException) -> str:
    """What was raised, in one line, with the innermost line of the author's that led to it: my_suite.py:31."""
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not Path(f.filename).is_relative_to(_OURS)]
    return f"{what} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else what


def _compile(function: ToolFunction, *, writes: bool) -> _Tool:
    name = function.__name__
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.name not in hints:
            raise TypeError(f"tool {name}: parameter {parameter.name} has no type")
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    config = ConfigDict(extra="forbid", allow_inf_nan=False, protected_namespaces=())
    arguments: type[BaseModel] = create_model(name, __config__=config, **fields)
    description = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
    return _Tool(function, arguments, ToolSpec(name, description, _schema(arguments.model_json_schema()), writes))


def _schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without pydantic's titles, which only cost tokens; empty `properties` stay, templates expect them."""
    out: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            out[key] = {name: _schema(part) for name, part in value.items()}
        elif isinstance(value, Mapping) and key != "default":
            out[key] = _schema(value)
        elif isinstance(value, list) and key in ("anyOf", "oneOf", "allOf", "prefixItems"):
            out[key] = [_schema(part) for part in value]
        elif key != "title":
            out[key] = value
    return out


def _invalid(spec: ToolSpec, call: ToolCall, error: ValidationError) -> ActionResult:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    what = {"missing": "missing argument", "extra_forbidden": "unexpected argument"}.get(first["type"], "bad value for")
    wanted = spec.parameters.get("properties", {}).get(str(first["loc"][0]) if first["loc"] else "", {})
    return ActionResult(
        Status.INVALID_ARGUMENTS,
        f"Error: {what} {_short(where)} in {spec.name}",
        expected=_text(wanted) if wanted else f"arguments {', '.join(spec.parameters.get('properties', {}))}",
        actual=_short(_shown(call.arguments), 200),
    )


def _shown(arguments: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(arguments), default=str, ensure_ascii=False)
    except RecursionError:
        return "arguments nested too deeply"


def _short(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_unfrozen)


def _unfrozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"a tool returned a {type(value).__name__}: text, numbers, lists and mappings can be shown")
