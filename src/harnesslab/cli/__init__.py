"""The command line. This file knows the commands' names; what a command needs is imported when it is run."""

from __future__ import annotations

import sys
from importlib import import_module

COMMANDS = {
    "sweep": "run a grid of models x harnesses x suites; resumes by default",
    "report": "tables of a sweep, also while it runs",
    "compare": "paired difference of two cells",
    "trace": "one trial step by step",
    "score": "traces made elsewhere, scored like our own",
    "export": "a sweep as tables or as OpenTelemetry traces",
    "models": "list, fetch and inspect models",
    "suites": "list and check suites",
    "layers": "list and explain harness layers",
    "doctor": "what this machine offers, and what is missing",
}

HELP = """\
Was it the model or the harness? Sweeps of GGUF models x agent harnesses.

usage: harnesslab COMMAND [OPTIONS]

{commands}

harnesslab COMMAND --help says more. To begin: harnesslab sweep quickstart
"""


def main() -> None:
    """Runs one command and exits: 0 done, 1 done with gaps, 2 the user's to mend, 130 interrupted."""
    arguments = sys.argv[1:]
    try:
        code = run(arguments)
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Runs one command; returns the exit status."""
    if not arguments or arguments[0] in ("--help", "-h", "help"):
        print(HELP.format(commands="\n".join(f"  {name:<9} {text}" for name, text in COMMANDS.items())), end="")
        return 0
    name, rest = arguments[0], arguments[1:]
    if name == "--version":
        from importlib.metadata import version

        print(version("harnesslab"))
        return 0
    from harnesslab.errors import UserError, unknown_name

    try:
        if name not in COMMANDS:
            raise unknown_name("command", name, COMMANDS)
        return _dispatch(name, rest)
    except UserError as e:
        print(f"error: {e}", file=sys.stderr)
        return 2


def _dispatch(name: str, rest: list[str]) -> int:
    """A command's module has `app`, a Typer group, or `command`, a function."""
    import typer

    module = import_module(f"harnesslab.cli.{name}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        app.command()(module.command)
    try:
        app(rest, prog_name=f"harnesslab {name}")
    except SystemExit as e:
        return e.code if isinstance(e.code, int) else 1
    return 0
