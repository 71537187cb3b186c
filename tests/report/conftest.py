"""Reports are tested on the same made-up sweeps as scoring."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "score"))
