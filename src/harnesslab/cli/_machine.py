"""What a sweep took from the machine, one line per fact; what was not measured says why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harnesslab.lab.progress import duration


def machine_lines(runs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Facts over all invocations that ended in good order."""
    measured = [run["telemetry"] for run in runs if run["telemetry"]]
    builds = sorted({str(run["facts"].get("build", "unknown")) for run in runs})
    yield f"run with {', '.join(builds)}"
    if not measured:
        yield "processor, memory, GPU, energy: measured when a run ends"
        return
    seconds = sum(m["seconds"] for m in measured)
    cpu = sum(m["cpu_percent_mean"] * m["seconds"] for m in measured) / max(seconds, 1e-9)
    rss = max(m["rss_bytes_max"] for m in measured)
    yield f"wall time {duration(seconds)}; processor {cpu:.0f} % of one core on average; memory {_gb(rss)} at most"
    yield from _gpus(measured)
    joules = [m["joules"] for m in measured if m.get("joules") is not None]
    if joules:
        idle = sum(m["joules_idle"] or 0.0 for m in measured)
        yield f"energy {sum(joules) / 3600:.2f} Wh, of which {idle / 3600:.2f} Wh while no trial ran"
    else:
        yield f"energy not measured: {_reason(measured, 'energy_reason')}"


def _gpus(measured: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    found = measured[-1].get("gpus") or []
    if not found:
        yield f"GPU not measured: {_reason(measured, 'gpu_reason')}"
    for gpu in found:
        vram, watts = gpu.get("vram_bytes_max"), gpu.get("watts_mean")
        memory = f"{_gb(vram)} at most" if vram is not None else "memory not measured"
        power = f"{watts:.0f} W on average" if watts is not None else "power not measured"
        yield f"{gpu['name']}: {memory}, {power}"


def _reason(measured: Sequence[Mapping[str, Any]], key: str) -> str:
    return str(measured[-1].get(key) or "the machine offers no way")


def _gb(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.1f} GB"
