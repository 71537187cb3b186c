"""What a sweep was run with: versions, hardware, llama.cpp's build. A score without its harness is not a score."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from typing import Any

from harnesslab.errors import UserError
from harnesslab.plan import Plan
from harnesslab.store.sqlite import Store
from harnesslab.types import EngineInfo

_BUILD = ("llama_cpp_python", "system_info", "gpu_offload", "server", "version", "remote_model")
_PACKAGES = ("harnesslab", "llama-cpp-python", "llguidance", "numpy", "numba", "pydantic")


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def hardware() -> dict[str, Any]:
    """Facts of the machine; what cannot be had is left out."""
    from harnesslab.telemetry.sampler import hardware as measured

    return dict(measured())


def build() -> str:
    """llama.cpp's build, as the binding that carries it is called: one binding version vendors one build."""
    return f"llama-cpp-python {versions()['llama-cpp-python']}"


def build_of(info: EngineInfo) -> dict[str, Any]:
    """What program computes an engine's replies: llama.cpp's build, or the server and its version."""
    return {name: info.details[name] for name in _BUILD if name in info.details}


def run_facts(plan: Plan, config_text: str, *, engine: str) -> dict[str, Any]:
    """Facts of one invocation."""
    return {
        "command": sys.argv[1:],
        "engine": engine,
        "build": build() if engine == "llama" else engine,
        "config": config_text,
        "settings": plan.config.model_dump(mode="json"),  # the config with what the command line changed
        "versions": versions(),
        "hardware": hardware(),
        "planned": dict(zip((c.key for c in plan.cells), plan.trials.per_cell(), strict=True)),
        "models": {c.entry.name: {"sha256": c.entry.sha256, "file": c.entry.file} for c in plan.cells},
    }


def refuse_other_build(store: Store, ours: str, *, allowed: bool) -> None:
    """Trials of two llama.cpp builds in one table would blame a model or a harness for what the build did."""
    earlier = {str(run["facts"].get("build", "")) for run in store.runs()} - {ours, ""}
    if earlier and not allowed:
        raise UserError(
            f"{store.path.parent} was begun with {', '.join(sorted(earlier))}",
            f"this is {ours}, and two builds do not compute quite the same",
            "install that version, use another --out, or add --allow-other-build",
        )
