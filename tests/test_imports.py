"""Imports point one way only: DESIGN.md's table, held for absolute and relative imports, at any depth."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "harnesslab"
KERNELS = ROOT / "kernels" / "harnesslab_kernels"

BASE = {"types", "errors", "paths"}
KERNELS_MAY = {"numpy", "numba", "harnesslab_kernels", *(sys.stdlib_module_names - {"json", "sqlite3"})}
SCORE_SIDE = {"trace", "store", "score", "report"}
TABLE: dict[str, set[str]] = {
    "types": set(),
    "errors": set(),
    "paths": {"errors"},
    "config": {"models"},
    "models": {"config"},
    "engine": {"models", "kernels"},
    "harness": set(),
    "suites": set(),
    "telemetry": set(),
    "trace": {"kernels.events"},
    "plan": {
        "config",
        "models",
        "harness.registry",
        "harness.presets",
        "harness.ablate",
        "suites.registry",
        "engine.dialects",
    },
    "store": {"trace", "kernels.events"},
    "score": {"store", "trace", "kernels"},
    "report": {"score", "store", "trace"},
    "lab": {"config", "models", "engine", "harness", "suites", "telemetry", "plan", "kernels.events", *SCORE_SIDE},
    "__main__": {"cli"},
    "cli": {
        "lab",
        "config",
        "models",
        "harness",
        "suites",
        "telemetry",
        "plan",
        "engine.dialects",
        "kernels",
        *SCORE_SIDE,
    },
}


def imported(path: Path) -> set[str]:
    """Names of ours that a file imports, below `harnesslab.`; kernels as `kernels...`."""
    package = path.relative_to(ROOT / "src").with_suffix("").parts[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(p for p in (base, node.module or "") if p)
            names = [f"{module}.{a.name}" for a in node.names]
        for name in names:
            if name == "harnesslab" or name.startswith("harnesslab."):
                found.add(name.partition(".")[2])
            elif name.startswith("harnesslab_kernels"):
                found.add("kernels" + name.removeprefix("harnesslab_kernels"))
    return found - {""}


def allowed(name: str, may: set[str]) -> bool:
    return any(name == m or name.startswith(m + ".") for m in may)


def files() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.stem != "__init__")


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_what_the_table_allows(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert room in TABLE, f"{room} is no room of DESIGN.md"
    may = TABLE[room] | BASE | {room, "__version__"}
    wrong = sorted(n for n in imported(path) if not allowed(n, may))
    assert not wrong, f"{room} may not import {', '.join(wrong)}"


def test_kernels_import_numpy_and_numba_only() -> None:
    for path in KERNELS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            for module in modules:
                top = module.partition(".")[0]
                assert top in KERNELS_MAY, (path, module)


def test_relative_imports_are_seen(tmp_path: Path) -> None:
    source = tmp_path / "src" / "harnesslab" / "score"
    source.mkdir(parents=True)
    (source / "x.py").write_text("from ..engine import llama\nfrom . import tables\n")
    global ROOT
    before, ROOT = ROOT, tmp_path
    try:
        assert imported(source / "x.py") == {"engine.llama", "score.tables"}
    finally:
        ROOT = before


def test_scoring_and_reporting_work_without_llama_cpp() -> None:
    code = (
        "import sys; sys.modules['llama_cpp'] = None\n"
        "import harnesslab.score.tables, harnesslab.report.terminal\n"
        "import harnesslab.report.export, harnesslab.store.sqlite\n"
        "heavy = [m for m in ('numba', 'jinja2', 'httpx', 'pynvml', 'llguidance') if m in sys.modules]\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
