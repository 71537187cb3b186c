"""A wheel carries all that an installed harnesslab needs: its code, models.toml, the configs and the presets."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

INSTALLED = """
from harnesslab import config, paths
from harnesslab.cli import run
from harnesslab.models.registry import load_registry

assert load_registry().get("smollm2-135m").sha256
for name in NAMES:
    found, text = config.load(config.find(name))
    assert found.name and text
assert run(["layers", "list"]) == 0
print(paths.data_root())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from this tree, as `pip install .` would; hatchling asks no network."""
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (found,) = folder.glob("*.whl")
    return found


def test_nothing_of_the_packages_is_left_out(wheel: Path) -> None:
    carried = set(zipfile.ZipFile(wheel).namelist())
    for source in ("src/harnesslab", "kernels/harnesslab_kernels"):
        files = [p for p in (ROOT / source).rglob("*") if p.is_file() and "__pycache__" not in p.parts]
        missing = {str(p.relative_to((ROOT / source).parent)) for p in files} - carried
        assert files
        assert not missing
    shipped = {"models.toml", *(f"configs/{p.name}" for p in (ROOT / "configs").iterdir())}
    assert {f"harnesslab/_data/{name}" for name in shipped} <= carried
    assert not [name for name in carried if name.startswith(("tests/", "benchmarks/"))]


def test_an_installed_wheel_finds_its_models_configs_and_presets(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    names = sorted(p.stem for p in (ROOT / "configs").glob("*.toml"))
    done = subprocess.run(
        [sys.executable, "-c", f"NAMES = {names}\n{INSTALLED}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *layers_and_presets, root = done.stdout.splitlines()
    assert {"validate", "abort", "loop"} <= {line.split()[0] for line in layers_and_presets if line.strip()}
    assert root == str(site / "harnesslab" / "_data")
