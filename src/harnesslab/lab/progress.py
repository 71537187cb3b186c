"""How far a sweep is, live on a terminal and as plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harnesslab.plan import Plan, TrialPlan
from harnesslab.store.columns import TrialStatus
from harnesslab.store.records import TrialRecord
from harnesslab.trace.events import unpack_events
from harnesslab_kernels.events import MEMO, REPLY

if TYPE_CHECKING:
    from rich.table import Table

_LINE_EVERY = 10.0  # seconds between plain lines


@dataclass(slots=True)
class Tally:
    """One cell's trials."""

    label: str
    planned: int = 0
    stored: int = 0  # before this run
    passed: int = 0
    failed: int = 0
    missing: int = 0

    @property
    def done(self) -> int:
        return self.stored + self.passed + self.failed + self.missing


@dataclass(slots=True)
class Progress:
    """Counts what ends and shows it. Use as a context manager around the run.

    Args:
        show: False: say nothing at all.
    """

    plan: Plan
    todo: Sequence[TrialPlan]
    show: bool = True
    tallies: list[Tally] = field(init=False)
    generated: int = 0  # tokens computed in this run
    finished: int = 0
    _begun: float = field(default_factory=time.monotonic)
    _said: float = 0.0
    _live: Any = None

    def __post_init__(self) -> None:
        self.tallies = [Tally(c.label) for c in self.plan.cells]
        for tally, planned in zip(self.tallies, self.plan.trials.per_cell(), strict=True):
            tally.planned = tally.stored = planned
        for trial in self.todo:
            self.tallies[trial.cell].stored -= 1

    def __enter__(self) -> Progress:
        if self.show and sys.stdout.isatty():
            from rich.live import Live

            self._live = Live(get_renderable=self._table, refresh_per_second=4, transient=True)
            self._live.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        if self._live is not None:
            self._live.__exit__(*error)
            self._live = None
        elif self.show and self.finished:
            self._line()

    def say(self, text: str) -> None:
        """One line for people, above whatever is live."""
        if self._live is not None:
            self._live.console.print(text, highlight=False, markup=False)
        elif self.show:
            print(text, flush=True)

    def count(self, trial: TrialPlan, record: TrialRecord) -> None:
        tally = self.tallies[trial.cell]
        tally.passed += record.status is TrialStatus.PASSED
        tally.failed += record.status is TrialStatus.FAILED
        tally.missing += record.status is TrialStatus.MISSING
        self.finished += 1
        events = unpack_events(record.events)
        computed = (events["kind"] == REPLY) & (events["flags"] & MEMO == 0)
        self.generated += int(events["generated"][computed].sum())
        if self.show and self._live is None and time.monotonic() - self._said > _LINE_EVERY:
            self._line()

    @property
    def left(self) -> int:
        return sum(t.planned - t.done for t in self.tallies)

    def _line(self) -> None:
        self._said = time.monotonic()
        passed, failed = sum(t.passed for t in self.tallies), sum(t.failed for t in self.tallies)
        missing = sum(t.missing for t in self.tallies)
        lost = f", {missing} missing" if missing else ""
        print(
            f"{sum(t.done for t in self.tallies)}/{sum(t.planned for t in self.tallies)} trials: "
            f"{passed} passed, {failed} failed{lost} in this run; {self._rates()}",
            flush=True,
        )

    def _rates(self) -> str:
        elapsed = max(time.monotonic() - self._begun, 1e-9)
        left = self.left
        if not left or not self.finished:
            return f"{self.generated / elapsed:.0f} tokens/s"
        return f"{self.generated / elapsed:.0f} tokens/s, {duration(left * elapsed / self.finished)} left"

    def _table(self) -> Table:
        from rich.table import Table

        table = Table(box=None, padding=(0, 1), caption=self._rates(), caption_justify="left")
        table.add_column("cell", overflow="ellipsis", no_wrap=True, ratio=1)
        for name in ("done", "planned", "passed", "failed", "missing"):
            table.add_column(name, justify="right")
        for t in self.tallies:
            row = (t.done, t.planned, t.passed, t.failed, t.missing)
            table.add_row(t.label, *map(str, row))
        return table


def duration(seconds: float) -> str:
    """ "45 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
