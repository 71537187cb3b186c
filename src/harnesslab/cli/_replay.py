"""Where a harness departs from a stored trial, in two lines."""

from __future__ import annotations

import textwrap

from harnesslab.harness.compose import Harness
from harnesslab.lab.replay import replay
from harnesslab.store.sqlite import Store

_WIDTH = 80


def print_replay(store: Store, trial_id: str, layers: str | None) -> None:
    """Prints the first event at which the trial departs, what is stored there and what was found, or that it does not.

    Args:
        layers: names with commas between; None: the trial's own harness, as its source is now.
    """
    harness = None if layers is None else Harness.parse("--layers", [n.strip() for n in layers.split(",") if n.strip()])
    departure = replay(store, trial_id, harness)
    if departure is None:
        print("does not depart: the same events to the end")
        return
    print(f"departs at event {departure.event}, turn {departure.turn}; stored: {_short(departure.expected, 40)}")
    print(f"found: {_short(departure.found, 7)}")


def _short(text: str, taken: int) -> str:
    return textwrap.shorten(text, 2 * _WIDTH - taken, placeholder=" ...")
