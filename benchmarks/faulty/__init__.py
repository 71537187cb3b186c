"""Real faults for a real worker, on request: less room than its books believe in, states that do not restore.

`sitecustomize.py` beside this file runs when a Python process starts whose PYTHONPATH names this folder; `faults` makes
the environment that `LlamaEngine.start` takes. Nothing in the engine knows of it; llama.cpp itself does the refusing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path


def faults(*, cells: int = 0, believed: int = 0, parking: int = -1, broken_restores: int = 0) -> Mapping[str, str]:
    """Environment variables for a worker.

    Args:
        cells: KV cells of its context, whatever it planned; 0: as planned.
        believed: cells that its scheduler takes the context to have; 0: as many as there are.
        parking: bytes of host memory for parked sequences; -1: as planned.
        broken_restores: every so many-th parked state comes back cut short; 0: none.
    """
    path = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
    wanted = {"cells": cells, "believed": believed, "parking": parking, "broken_restores": broken_restores}
    return {"PYTHONPATH": path, "HARNESSLAB_FAULTS": json.dumps(wanted)}
