from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import harnesslab_kernels

PROGRAM = """
import numpy as np
from harnesslab_kernels import counts
from harnesslab_kernels.events import EVENT, REPLY
from harnesslab_kernels.parse import count_parse
from harnesslab_kernels.probe import probe
from harnesslab_kernels.scan import as_records
events = np.zeros(1, dtype=EVENT)
events["kind"] = REPLY
row = np.zeros(counts.WIDTH, dtype=np.int32)
probe(as_records(events), row)
print(row[counts.REPLIES])
"""
PROBE = """
from harnesslab_kernels._jit import kernel
from harnesslab_kernels.parse import count_parse

@kernel
def probe(events, row):
    count_parse(events, 0, len(events), row)
"""


def test_a_kernel_is_compiled_anew_when_one_of_its_parts_changes(tmp_path):
    package = tmp_path / "harnesslab_kernels"
    source = Path(harnesslab_kernels.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "probe.py").write_text(PROBE)

    def replies():
        done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert replies() == 1
    assert list((package / "__pycache__").glob("probe.probe*.nbi"))
    part = package / "parse.py"
    part.write_text(part.read_text().replace("replies += 1", "replies += 5"))
    assert replies() == 5
