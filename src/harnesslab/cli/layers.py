"""`harnesslab layers`: the mechanisms a harness is made of."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="List harness layers, and explain one.", no_args_is_help=True)


@app.command("list")
def list_layers() -> None:
    """Show every layer with its port and what it does."""
    from harnesslab.harness.compose import PRESETS
    from harnesslab.harness.registry import LAYERS

    for name, entry in LAYERS.items():
        print(f"{name}  ({entry.port})\n  {entry.summary}")
    print("\nharnesses that need no config:")
    for preset, layers in PRESETS.items():
        print(f"  {preset:<9}  {', '.join(layers) or 'no layers: the standard agent loop'}")


@app.command("info")
def info(
    name: Annotated[str, typer.Argument(help='A layer\'s name, or "package.module:ClassName" for one of your own.')],
) -> None:
    """Show one layer: ports, parameters with defaults, source, cost, and what it cannot do."""
    import inspect

    from harnesslab.harness.compose import PORTS, overrides
    from harnesslab.harness.registry import find, layer_source_hash

    entry = find(name)
    print(f"{entry.layer.name}\n\n{inspect.getdoc(entry.layer)}\n")
    print(f"port: {', '.join(port for port in PORTS if overrides(entry.layer, port))}")
    if entry.needs:
        print(f"needs an engine with: {', '.join(sorted(entry.needs))}")
    if entry.layer.suite_informed:
        print("suite-informed: uses what the task's suite wrote for layers, unless advice = false")
    print("parameters:" if entry.params.model_fields else "parameters: none")
    for key, field in entry.params.model_fields.items():
        print(f"  {key} = {_toml(field.default)}  {field.description or ''}".rstrip())
    print(f"source hash: {layer_source_hash(name):016x}")
    table = "".join(f", {key} = {_toml(field.default)}" for key, field in entry.params.model_fields.items())
    print(f'in a config: layers = ["{name}"]' + (f' or [{{name = "{name}"{table}}}]' if table else ""))


def _toml(value: object) -> str:
    import json

    return json.dumps(list(value) if isinstance(value, tuple) else value)
