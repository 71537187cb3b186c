"""Scores a file, a folder or an export, whoever made it: importer -> columns -> summary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from harnesslab.errors import UserError
from harnesslab.score.summary import Summary
from harnesslab.score.tables import summarise
from harnesslab.score.untold import untold_of
from harnesslab.store.columns import Columns, TrialStatus
from harnesslab.store.imported import Convention
from harnesslab.store.sqlite import FILE
from harnesslab.store.tables import TRIALS
from harnesslab.trace.importers import FORMATS, detect, read
from harnesslab.trace.importers.problems import Problems

OWN = "harnesslab"
NAMES = (*FORMATS, OWN)


@dataclass(frozen=True, slots=True)
class Foreign:
    """What was found at a path.

    Attributes:
        format: one of NAMES; `detected` whether it was found out rather than given.
        notes: what could not be read, and what was read by a rule worth knowing.
        lost: records that could not be read.
    """

    summary: Summary
    format: str
    detected: bool
    trials: int
    tasks: int
    notes: tuple[str, ...]
    lost: int


def score_path(path: Path, format: str | None, missing: Convention) -> Foreign:
    """Reads and scores whatever is at `path`.

    Args:
        format: one of NAMES; None: found out.
        missing: what becomes of trials that crashed or lack a verdict, see `store.imported.gather`.

    Raises:
        UserError: nothing there can be read.
    """
    chosen = format or (OWN if _is_own(path) else detect(path))
    problems = Problems()
    columns = _own(path) if chosen == OWN else _gathered(path, chosen, problems, missing)
    if not len(columns.trials):
        first = next(iter(problems.lines()), "it holds no trial")
        raise UserError(f"no trial of {path} could be read as {chosen}", first, f"--from takes {', '.join(NAMES)}")
    summary = summarise(columns)
    imported = any("imported" in cell.facts for cell in columns.cells)
    notes = (*problems.lines(), *_doubts(summary, columns, problems))
    return Foreign(
        summary=replace(summary, notes=(*summary.notes, *_conventions(summary, imported, missing), *notes)),
        format=chosen,
        detected=format is None,
        trials=len(columns.trials),
        tasks=len(columns.tasks),
        notes=notes,
        lost=problems.lost,
    )


def _is_own(path: Path) -> bool:
    return path.suffix in (".parquet", ".sqlite") or (path / FILE).is_file() or (path / f"{TRIALS}.parquet").is_file()


def _own(path: Path) -> Columns:
    """A sweep's folder, its file, or the folder or a file of a Parquet export."""
    from harnesslab.store.sqlite import Store
    from harnesslab.store.tables import read_tables

    folder = path if path.is_dir() else path.parent
    if path.suffix == ".parquet" or (folder / f"{TRIALS}.parquet").is_file():
        return read_tables(folder)
    with Store.open(folder, readonly=True) as store:
        return store.columns()


def _gathered(path: Path, format: str, problems: Problems, missing: Convention) -> Columns:
    from harnesslab.store.imported import gather

    return gather(read(path, format, problems), problems, format=format, missing=missing)


def _doubts(summary: Summary, columns: Columns, problems: Problems) -> list[str]:
    """Means that the file states and that its own counts cannot give; asked only where one cell is meant."""
    from harnesslab.trace.importers.reported import doubts

    if len(summary.cells) != 1 or "verdict" in untold_of(columns.cells[0]):
        return []
    cell = summary.cells[0]
    passed = int((columns.trials["status"] == TrialStatus.PASSED).sum())
    return list(doubts(problems.claims, passed, cell.trials, cell.trials + cell.missing.trials))


def _conventions(summary: Summary, imported: bool, missing: Convention) -> list[str]:
    """What had to be assumed; which of two conventions for crashed trials is followed, and what the other gives."""
    if not imported:
        return []
    notes = [
        "Taken from names, as no trace tells it: a tool that looks (get_, find_, list_, search_, calculate, think, "
        "transfer_ ...) changes nothing, any other may."
    ]
    if any(cell.null.agents for cell in summary.cells):
        notes.append(
            "An agent that does nothing is taken to pass a task whose oracle changes nothing and demands no statement."
        )
    if any(cell.recovery.failures for cell in summary.cells):
        notes.append("No trace tells which errors pass by themselves: repeating a failed call counts as degenerate.")
    if missing == "fail":
        return [*notes, "Trials that crashed or have no verdict count as failed (--missing fail)."]
    for cell in summary.cells:
        if cell.missing.trials and any(v is not None for v in cell.pass_k_missing_failed):
            other = " ".join("-" if v is None else f"{v:.3f}" for v in cell.pass_k_missing_failed)
            notes.append(
                f"{cell.label}: its {cell.missing.trials} missing trials crashed or have no verdict, and are dropped; "
                f"counted as failed (--missing fail), pass^1.. would be {other}."
            )
    return notes
