"""A summary as tables for an 80-column terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harnesslab.report.contents import contents
from harnesslab.report.grids import Grid, headline
from harnesslab.score.summary import Summary

if TYPE_CHECKING:
    from rich.console import Console


def render(summary: Summary, console: Console) -> None:
    """Prints it all."""
    from rich.text import Text

    if not any(cell.trials for cell in summary.cells):
        console.print("No trial has finished yet.")
        _notes(summary, console)
        return
    if summary.unfinished:
        console.print(Text(summary.unfinished, style="yellow"))
        console.print()
    for grid in (headline(summary), *contents(summary)):
        print_grid(grid, console)
    _notes(summary, console)


def print_grid(grid: Grid, console: Console) -> None:
    """One table with its title and caption."""
    from rich.table import Table
    from rich.text import Text

    def table(*, heads: bool) -> Table:
        made = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=heads, header_style="dim")
        for j, (name, width) in enumerate(zip(grid.head, grid.widths, strict=True)):
            made.add_column(name, width=width, justify="left" if j == 0 else "right", overflow="fold")
        return made

    console.print(Text(grid.title, style="bold"))
    console.print(table(heads=True))
    for heading, rows in grid.groups:
        console.print(Text(heading, style="cyan"))
        body = table(heads=False)
        for row in rows:
            body.add_row(*(Text(cell) for cell in row))
        console.print(body)
    if grid.caption:
        console.print(Text(grid.caption, style="dim"))
    if grid.says:
        _list(grid.says, console)
    console.print()


def _notes(summary: Summary, console: Console) -> None:
    from rich.text import Text

    if summary.notes:
        console.print(Text("Notes", style="bold"))
        _list(summary.notes, console)


def _list(sentences: Sequence[str], console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
    table.add_column(width=1)
    table.add_column(overflow="fold")
    for sentence in sentences:
        table.add_row(Text("·"), Text(sentence))
    console.print(table)
