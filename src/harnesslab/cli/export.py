"""harnesslab export: a sweep for other programs, as tables or as traces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def command(
    sweep: Annotated[str | None, typer.Argument(help="name or folder; default: the latest under ./sweeps")] = None,
    format: Annotated[
        Literal["parquet", "csv", "json", "otlp"],
        typer.Option(help="parquet, csv, json: a table of trials and one of events; otlp: OTLP JSON lines"),
    ] = "parquet",
    out: Annotated[
        Path | None, typer.Option(help="folder of the tables, or the otlp file; default: export/ in the sweep's folder")
    ] = None,
) -> None:
    """Writes all trials of a sweep for other programs. `harnesslab score` reads parquet and otlp back."""
    from harnesslab.lab.export import write_otlp
    from harnesslab.lab.folders import find_sweep
    from harnesslab.store.sqlite import Store
    from harnesslab.store.tables import write_tables

    folder = find_sweep(sweep)
    with Store.open(folder, readonly=True) as store:
        if format == "otlp":
            written = [write_otlp(store, out or folder / "export" / "traces.otlp.jsonl")]
        else:
            written = list(write_tables(store, out or folder / "export", format))
    for path in written:
        print(path)
