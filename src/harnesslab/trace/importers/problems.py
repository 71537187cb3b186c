"""What an importer met on its way: records it could not read, and oddities it read by a rule worth knowing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harnesslab.trace.importers.reported import Reported

SHOWN = 3  # first places named


@dataclass(slots=True)
class Problems:
    """Counts by reason, with the first few places of each. Nothing here is an error: reading goes on.

    `claims` are means that the files state of themselves.
    """

    skipped: dict[str, list[str]] = field(default_factory=dict)
    remarks: dict[str, list[str]] = field(default_factory=dict)
    claims: list[Reported] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)

    def skip(self, reason: str, place: str) -> None:
        """A record is lost, for this reason."""
        self._note(self.skipped, reason, place)

    def remark(self, reason: str, place: str) -> None:
        """A record was read, and this is worth knowing of it."""
        self._note(self.remarks, reason, place)

    def count(self, reason: str) -> int:
        return self._counts.get(reason, 0)

    @property
    def lost(self) -> int:
        """Records that could not be read."""
        return sum(self._counts[reason] for reason in self.skipped)

    def lines(self) -> tuple[str, ...]:
        """One sentence per reason, lost records first."""
        lost = [f"Not read: {self._line(reason, places)}." for reason, places in self.skipped.items()]
        return (*lost, *(f"Met: {self._line(reason, places)}." for reason, places in self.remarks.items()))

    def _note(self, into: dict[str, list[str]], reason: str, place: str) -> None:
        places = into.setdefault(reason, [])
        if len(places) < SHOWN:
            places.append(place)
        self._counts[reason] = self._counts.get(reason, 0) + 1

    def _line(self, reason: str, places: list[str]) -> str:
        n = self._counts[reason]
        more = ", ..." if n > len(places) else ""
        return f"{n} x {reason} ({', '.join(places)}{more})"
