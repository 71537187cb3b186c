"""`harnesslab layers`: the mechanisms a harness is made of."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="List harness layers, and explain one.", no_args_is_help=True)


@app.command("list")
def list_layers() -> None:
    """Show every layer with its port and what it does."""
    from harnesslab.harness.presets import PRESETS
    from harnesslab.harness.registry import LAYERS

    for name, entry in LAYERS.items():
        print(f"{name}  ({entry.port}){'  suite-informed' if entry.layer.suite_informed else ''}")
        _wrapped(entry.summary)
        if parameters := ", ".join(f"{k} = {_toml(f.default)}" for k, f in entry.params.model_fields.items()):
            _wrapped(parameters)
    print("\nsuite-informed: uses what the suite's author wrote for layers.")
    print("Sources, costs and limits: harnesslab layers info NAME")
    print('\nharnesses that need no table in a config, as in presets = ["loop"]:')
    for preset, layers in PRESETS.items():
        _wrapped(f"{preset:<10}  {', '.join(layers) or 'no layers: the standard agent loop'}", hang=14)


@app.command("info")
def info(
    name: Annotated[str, typer.Argument(help='A layer\'s name, or "package.module:ClassName" for one of your own.')],
) -> None:
    """Show one layer: ports, parameters with defaults, source, cost, and what it cannot do."""
    import inspect

    from harnesslab.harness.compose import PORTS, overrides
    from harnesslab.harness.registry import find, layer_source_hash

    entry = find(name)
    print(f"{entry.layer.name}\n")
    for paragraph in _paragraphs(inspect.getdoc(entry.layer) or ""):
        _wrapped(paragraph, indent=0)
    print(f"\nport: {', '.join(port for port in PORTS if overrides(entry.layer, port))}")
    if entry.needs:
        print(f"needs an engine with: {', '.join(sorted(entry.needs))}")
    if entry.layer.suite_informed:
        unless = ", unless advice = false" if "advice" in entry.params.model_fields else ""
        print(f"suite-informed: uses what the suite's author wrote{unless}")
    print("parameters:" if entry.params.model_fields else "parameters: none")
    for key, field in entry.params.model_fields.items():
        _wrapped(f"{key} = {_toml(field.default)}  {field.description or ''}".rstrip(), hang=6)
    print(f"source hash: {layer_source_hash(name):016x}")
    table = "".join(f", {key} = {_toml(field.default)}" for key, field in entry.params.model_fields.items())
    print(f'in a config: layers = ["{name}"]')
    if table:
        _wrapped(f'or with parameters: layers = [{{ name = "{name}"{table} }}]', indent=0, hang=13)


def _paragraphs(doc: str) -> list[str]:
    """A docstring as lines to wrap; Source, Cost and Cannot begin lines of their own, a blank line stays one."""
    found = [""]
    for line in map(str.strip, doc.splitlines()):
        if not line:
            found += ["", ""]
        elif line.partition(":")[0] in ("Source", "Cost", "Cannot") or not found[-1]:
            found += [line] if found[-1] else []
            found[-1] = line
        else:
            found[-1] += f" {line}"
    return found


def _wrapped(text: str, indent: int = 2, hang: int | None = None) -> None:
    """Prints a paragraph in 80 columns."""
    import textwrap

    lead, rest = " " * indent, " " * (indent if hang is None else hang)
    print(textwrap.fill(text, 80, initial_indent=lead, subsequent_indent=rest, break_on_hyphens=False) or "")


def _toml(value: object) -> str:
    import json

    return json.dumps(list(value) if isinstance(value, tuple) else value)
