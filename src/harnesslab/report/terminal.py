"""A summary as tables for an 80-column terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harnesslab.report.grids import (
    Grid,
    by_error,
    costs_with_intervals,
    differences,
    failures,
    headline,
    interactions,
    ledgers,
    meter,
    rankings,
    shares_with_intervals,
    tiers,
)
from harnesslab.score.summary import Summary

if TYPE_CHECKING:
    from rich.console import Console


def render(summary: Summary, console: Console) -> None:
    """Prints the whole report: results, effects and rankings, intervals, tiers, where calls fail, costs, notes."""
    if not any(cell.trials for cell in summary.cells):
        console.print("No trial has finished yet.")
        _notes(summary, console)
        return
    print_grid(headline(summary), console)
    effects = [grid(summary, kind) for kind in ("harness", "model") for grid in (differences, rankings)]
    for grid in (*effects, interactions(summary), shares_with_intervals(summary), costs_with_intervals(summary)):
        if grid is not None:
            print_grid(grid, console)
    if any(len(cell.tiers) > 1 for cell in summary.cells):
        print_grid(tiers(summary), console)
    print_grid(failures(summary), console)
    if (errors := by_error(summary)) is not None:
        print_grid(errors, console)
    if not all(cell.imported for cell in summary.cells):
        print_grid(ledgers(summary), console)
    if (spent := meter(summary)) is not None:
        print_grid(spent, console)
    _notes(summary, console)


def print_grid(grid: Grid, console: Console) -> None:
    """One table with its title and caption."""
    from rich.padding import Padding
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
        console.print(Padding(Text(grid.caption, style="dim"), (0, 0, 1, 0)))
    else:
        console.print()


def _notes(summary: Summary, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    if not summary.notes:
        return
    console.print(Text("Notes", style="bold"))
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
    table.add_column(width=1)
    table.add_column(overflow="fold")
    for note in summary.notes:
        table.add_row(Text("·"), Text(note))
    console.print(table)
