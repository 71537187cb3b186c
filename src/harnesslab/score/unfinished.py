"""What a sweep still lacks. Trials that end early are stored early, so a part of a sweep is no smaller sweep."""

from __future__ import annotations

import numpy as np

from harnesslab.store.columns import Columns

SHOWN = 4  # cells by name


def unfinished(columns: Columns) -> str:
    """The cells with fewer trials, missing ones counted, than some run was to bring them to, in a sentence.

    "" where no cell is short, or nobody said what was planned: sweeps of older builds, imported trials.
    """
    ended = np.bincount(columns.trials["cell"], minlength=len(columns.cells)).tolist()
    known = [
        (cell, n, columns.planned[cell.key])
        for cell, n in zip(columns.cells, ended, strict=True)
        if cell.key in columns.planned
    ]
    behind = [f"{cell.label} {n} of {planned}" for cell, n, planned in known if n < planned]
    if not behind:
        return ""
    if len(behind) > SHOWN:
        behind[SHOWN - 1 :] = [f"{len(behind) - SHOWN + 1} more cells"]
    return (
        f"Not finished: {sum(n for _, n, _ in known)} of {sum(planned for *_, planned in known)} trials have ended "
        f"({'; '.join(behind)}). Long trials end last, and too few of them are in these figures yet."
    )
