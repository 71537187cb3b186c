"""harnesslab score: traces made elsewhere, scored like our own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Source = Literal["tau-bench", "tau2", "openai", "otlp", "inspect", "harnesslab"]


def command(
    path: Annotated[Path, typer.Argument(help="a file, or a folder of files; docs/traces.md describes the formats")],
    source: Annotated[Source | None, typer.Option("--from", help="its format; default: found out, and said")] = None,
    format: Annotated[
        Literal["text", "json"], typer.Option(help="json: harnesslab-report/1, as `report` has")
    ] = "text",
    missing: Annotated[
        Literal["drop", "fail"],
        typer.Option(
            help="trials that crashed or have no verdict: drop them (pass^k of the others), or count as failed"
        ),
    ] = "drop",
) -> None:
    """Scores traces of any agent: pass^k, tool calls, recovery, loops, budget, first departure.

    Formats: tau-bench and tau2 results, OpenAI chat logs (JSON, JSON lines), OpenTelemetry spans (otlp: OTLP JSON
    lines, MLflow, Phoenix), Inspect logs (.json, .eval), and harnesslab's own sweeps and exports. Files are streamed.
    What cannot be read is counted and skipped; a figure that a format cannot give is a dash, and a note says why.
    """
    from harnesslab.lab.foreign import score_path

    found = score_path(path, source, missing)
    if format == "json":
        import json

        from harnesslab.report.export import to_json

        facts = {"path": str(path), "format": found.format, "detected": found.detected, "not_read": found.lost}
        print(json.dumps({**to_json(found.summary), "source": {**facts, "notes": list(found.notes)}}, indent=2))
        return
    from rich.console import Console

    from harnesslab.report.grids import costs, departures, every_k
    from harnesslab.report.terminal import print_grid, render

    console = Console(highlight=False)
    said = "found out" if found.detected else "as told"
    console.print(f"{path}: {found.format} ({said}), {found.trials} trials of {found.tasks} tasks", markup=False)
    for grid in (every_k(found.summary), costs(found.summary), departures(found.summary)):
        if grid is not None:
            print_grid(grid, console)
    render(found.summary, console)
