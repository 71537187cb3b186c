"""harnesslab report: the tables of a sweep, finished or not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer


def command(
    sweep: Annotated[str | None, typer.Argument(help="name or folder; default: the latest under ./sweeps")] = None,
    format: Annotated[Literal["text", "json"], typer.Option(help="json: stable, for other programs")] = "text",
    html: Annotated[Path | None, typer.Option(help="also write the tables as one self-contained page")] = None,
) -> None:
    """Tables of a sweep. Works while it runs, and where llama.cpp is not installed."""
    from harnesslab.lab.folders import find_sweep

    folder = find_sweep(sweep)
    if format == "json":
        import json

        from harnesslab.report.export import to_json

        summary, runs = load(folder)
        print(json.dumps({**to_json(summary), "runs": runs}, indent=2))
    else:
        show(folder)
    if html is not None:
        write_html(folder, html)


def load(folder: Path) -> tuple[Any, list[dict[str, Any]]]:
    """The summary of all stored trials, and the facts of every run."""
    from harnesslab.errors import UserError
    from harnesslab.score.tables import summarise
    from harnesslab.store.sqlite import Store

    with Store.open(folder, readonly=True) as store:
        columns, runs = store.columns(), store.runs()
    if not len(columns.trials):
        raise UserError(
            f"no trial of {folder} has ended yet", "", "wait for the first, or run: harnesslab sweep CONFIG"
        )
    return summarise(columns), runs


def show(folder: Path) -> None:
    """Prints the tables, on a terminal or as plain text."""
    from rich.console import Console

    from harnesslab.cli._machine import machine_lines
    from harnesslab.report.terminal import render

    summary, runs = load(folder)
    console = Console(highlight=False)
    console.print(f"sweep {folder}", markup=False)
    render(summary, console)
    console.print("Machine", style="bold")
    for line in machine_lines(runs):
        console.print(line, markup=False)


def write_html(folder: Path, path: Path) -> None:
    from harnesslab.errors import UserError
    from harnesslab.report.html import to_html

    page = to_html(load(folder)[0], f"harnesslab sweep {folder.resolve().name}")
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as e:
        raise UserError(f"cannot write {path}", e.strerror or str(e), "give another file with --html") from e
