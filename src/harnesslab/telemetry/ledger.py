"""Who pays for measured energy: the trials alive while it was spent, in equal parts.

Between two readings of the meter the energy spent is split equally over the trials alive then; with none alive it is
idle. So attributed and idle energy always add up to the meter. A trial that begins or ends between readings is charged
from the reading nearest before, which is why readings are taken at both. Equal parts are a convention, not a
measurement: figures made from them are labelled attributed.
"""

from __future__ import annotations


class EnergyLedger:
    """Joules, from cumulative readings of one meter. Knows nothing of threads or devices.

    Attributes:
        total: joules on the meter since the first reading.
        idle: of these, spent while no trial was alive.
        alive: trials alive now.
    """

    __slots__ = ("_share", "alive", "idle", "total")

    def __init__(self) -> None:
        self.total = 0.0
        self.idle = 0.0
        self.alive = 0
        self._share = 0.0  # what one trial alive throughout would have been charged

    @property
    def attributed(self) -> float:
        return self.total - self.idle

    def read(self, total: float) -> None:
        """Takes a reading: joules since the first one. One lower than the last is ignored."""
        spent = total - self.total
        if not spent > 0.0:
            return
        self.total = total
        if self.alive:
            self._share += spent / self.alive
        else:
            self.idle += spent

    def begin(self) -> float:
        """A trial begins; returns the mark that its `end` needs."""
        self.alive += 1
        return self._share

    def end(self, mark: float) -> float:
        """A trial ends; returns the joules attributed to it."""
        self.alive -= 1
        return self._share - mark
