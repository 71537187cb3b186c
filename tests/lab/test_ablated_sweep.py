"""A harness taken apart in a sweep, and a layer of one's own that a sweep finds by import path."""

from __future__ import annotations

import os
import subprocess
import textwrap
from pathlib import Path

from sweeping import GRID, command, contents, sweep

from harnesslab.lab.replay import replay
from harnesslab.store.sqlite import Store

DOCS = Path(__file__).parents[2] / "docs" / "layers.md"
SMALL = GRID.replace(', "qwen2.5-coder-1.5b"', "").replace('"validate", "retry"', '"retry", "rewind"')
ABLATED = SMALL.replace("repeats = 2", 'repeats = 2\nablate = "guarded"')
OWN = """
name = "own"
models = ["qwen2.5-coder-0.5b"]
suites = [{ name = "orders", n = 3 }]
presets = ["loop"]
ablate = "mine"
[harness.mine]
layers = ["retry", { name = "my_layers:Patience", times = 3 }]
"""


def test_an_ablation_grows_a_sweep_by_its_new_cells_and_resumes(tmp_path: Path) -> None:
    sweep(tmp_path, SMALL)
    before = contents(tmp_path)
    grown = sweep(tmp_path, ABLATED)
    assert (grown.stored_before, grown.finished) == (36, 24)
    assert before.items() <= contents(tmp_path).items()
    assert sweep(tmp_path, ABLATED).finished == 0
    with Store.open(tmp_path, readonly=True) as store:
        facts = {c.harness: c.facts for c in store.cells()}
        _, ids = store.columns_and_ids()
        taken_out = [i for i in ids if store.trial(i).label.split("/")[1] == "guarded-retry"]
        assert {replay(store, i) for i in taken_out} == {None}
    assert [layer["name"] for layer in facts["guarded-retry"]["layers"]] == ["rewind"]
    assert facts["guarded"]["called"] == ["retry", "rewind"]
    assert facts["guarded"]["informed"] == [False, False]


def test_the_docs_example_of_a_layer_runs_in_a_sweep_from_a_folder_outside_the_tree(tmp_path: Path) -> None:
    text = DOCS.read_text(encoding="utf-8")
    code = text[text.index("    from pydantic import Field") : text.index("The five ports")]
    (tmp_path / "my_layers.py").write_text("from __future__ import annotations\n" + textwrap.dedent(code))
    (tmp_path / "own.toml").write_text(OWN)
    here = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    done = subprocess.run(
        command("sweep", "own.toml", "--engine", "scripted", "--out", "out"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": here},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with Store.open(tmp_path / "out", readonly=True) as store:
        columns = store.columns()
        cells = {c.harness: c.facts for c in columns.cells}
    assert list(cells) == ["loop", "mine", "abort", "mine-retry", "mine-patience"]
    (alone,) = cells["mine-retry"]["layers"]
    assert (alone["name"], alone["params"]) == ("my_layers:Patience", {"times": 3})
    assert int(alone["source"]) != 0
    assert cells["mine-retry"]["called"] == ["patience"]
    assert columns.layers == ("", "retry", "patience", "abort")
