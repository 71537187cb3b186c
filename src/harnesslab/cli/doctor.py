"""harnesslab doctor: what this machine offers, and what stands in the way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "broken"]
PACKAGES = ("numpy", "numba", "llguidance", "jsonschema-rs", "pydantic", "huggingface-hub", "nvidia-ml-py")
LOW_DISK = 5e9


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. `broken` means harnesslab cannot do its work here."""

    name: str
    state: State
    text: str


@dataclass(frozen=True, slots=True)
class Gpu:
    """One NVIDIA GPU as NVML sees it; sizes in bytes."""

    name: str
    total: int
    free: int


def command() -> None:
    """Check this machine: packages, llama.cpp and its build, GPUs, disk, models. Fails only if something is broken."""
    import typer
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    checks = list(run_checks())
    colours = {"ok": "green", "note": "yellow", "broken": "red"}
    for check in checks:
        table.add_row(f"[{colours[check.state]}]{check.state}[/]", check.name, check.text)
    console = Console(highlight=False)
    console.print(table)
    if hint := gpu_hint():
        console.print(f"\n{hint}", soft_wrap=True, markup=False)
    if any(check.state == "broken" for check in checks):
        raise typer.Exit(1)


def run_checks() -> Iterator[Check]:
    """All checks in order. One that fails in a way nobody foresaw is reported, and the rest still run."""
    for look in (_python, _packages, _kernels, _llama, _gpus, _cores, _disk, _models, _others):
        try:
            yield look()
        except Exception as error:
            yield Check(look.__name__.strip("_"), "broken", f"{type(error).__name__}: {error}")


def gpu_hint() -> str | None:
    """What to do about an NVIDIA GPU this llama.cpp build cannot use; None where all is well or there is no GPU."""
    gpus, _ = nvidia_gpus()
    if not gpus:
        return None
    import importlib.metadata
    import shutil

    try:
        import llama_cpp
    except Exception:  # a build that does not load has a line of its own in the report
        return None
    if llama_cpp.llama_supports_gpu_offload():
        return None
    version = importlib.metadata.version("llama-cpp-python")
    return mend(gpus[0].name, version, has_compiler=shutil.which("nvcc") is not None)


def mend(gpu: str, version: str, *, has_compiler: bool) -> str:
    """The words and the exact command for an idle GPU. No dependencies: the pinned ones stay as they are."""
    toolkit = "" if has_compiler else "It needs the CUDA toolkit; its compiler, nvcc, is not on the path.\n"
    return (
        f"{gpu} stands idle: llama.cpp was built for the CPU only. This builds it for the GPU:\n{toolkit}"
        f'CMAKE_ARGS="-DGGML_CUDA=on" {sys.executable} -m pip install --force-reinstall --no-deps --no-cache-dir '
        f"--no-binary llama-cpp-python llama-cpp-python=={version}"
    )


def nvidia_gpus() -> tuple[list[Gpu], str]:
    """The NVIDIA GPUs NVML reports, and, where there are none, why."""
    try:
        import pynvml
    except ImportError:
        return [], "nvidia-ml-py is not installed"
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return [], str(error)
    try:
        return [_gpu(i) for i in range(pynvml.nvmlDeviceGetCount())], "the driver reports no GPU"
    except pynvml.NVMLError as error:
        return [], str(error)
    finally:
        pynvml.nvmlShutdown()


def _gpu(index: int) -> Gpu:
    import pynvml as nvml

    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    name = nvml.nvmlDeviceGetName(handle)
    return Gpu(name.decode() if isinstance(name, bytes) else name, int(memory.total), int(memory.free))


def _python() -> Check:
    import platform

    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.prefix}"
    return Check("python", "ok" if sys.version_info >= (3, 11) else "broken", text)


def _packages() -> Check:
    import importlib.metadata

    have, missing = [], []
    for name in PACKAGES:
        try:
            have.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("packages", "broken", f"missing: {', '.join(missing)}; install harnesslab again")
    return Check("packages", "ok", ", ".join(have))


def _kernels() -> Check:
    import harnesslab_kernels

    return Check("kernels", "ok", str(harnesslab_kernels.__path__[0]))


def _llama() -> Check:
    import llama_cpp

    facts = llama_cpp.llama_print_system_info().decode(errors="replace")
    features = [part.split("=")[0].split(":")[-1].strip() for part in facts.split("|") if part.strip().endswith("= 1")]
    offload = "with GPU offload" if llama_cpp.llama_supports_gpu_offload() else "CPU only"
    return Check("llama.cpp", "ok", f"llama-cpp-python {llama_cpp.__version__}, {offload}: {', '.join(features)}")


def _gpus() -> Check:
    from harnesslab.models.sources import gb

    gpus, why = nvidia_gpus()
    if not gpus:
        return Check("NVIDIA GPU", "note", f"none ({why}); VRAM, power and energy will not be measured")
    text = "; ".join(f"{gpu.name}, {gb(gpu.free)} of {gb(gpu.total)} free" for gpu in gpus)
    return Check("NVIDIA GPU", "note" if gpu_hint() else "ok", text)


def _cores() -> Check:
    import os

    import psutil

    from harnesslab.models.sources import gb

    memory = psutil.virtual_memory()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    text = f"{psutil.cpu_count(logical=False) or '?'} cores, {usable} threads usable, load {busy:.1f}; "
    text += f"{gb(memory.available)} of {gb(memory.total)} memory free"
    if busy > 0.5 * usable:
        return Check("cores", "note", f"{text}; timings taken now will not hold")
    return Check("cores", "ok", text)


def _disk() -> Check:
    import shutil

    from harnesslab.models.sources import gb
    from harnesslab.paths import cache_dir

    folder = cache_dir()
    there = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(there).free
    return Check("cache", "ok" if free > LOW_DISK else "note", f"{folder}, {gb(free)} free")


def _models() -> Check:
    from harnesslab.models.registry import load_registry
    from harnesslab.paths import models_dir

    registry = load_registry()
    here = [
        entry.name
        for quants in registry.quants.values()
        for entry in quants.values()
        if (models_dir() / entry.file).is_file()
    ]
    own = f"; yours: {registry.user_file}" if registry.user_file.is_file() else ""
    if not here:
        return Check(
            "models", "note", f"none here yet, {len(registry.entries)} known: harnesslab models pull NAME{own}"
        )
    return Check("models", "ok", f"here: {', '.join(here)}; {len(registry.entries)} known{own}")


def _others() -> Check:
    from harnesslab.models.discover import found

    files = found()
    if not files:
        return Check("other caches", "ok", "no GGUF files of the hub, LM Studio, Ollama or llama.cpp")
    origins = sorted({f.origin for f in files})
    return Check("other caches", "ok", f"{len(files)} GGUF files of {', '.join(origins)}: harnesslab models list")
