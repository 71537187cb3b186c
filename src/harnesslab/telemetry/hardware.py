"""What this machine is: facts for the manifest, since a score without its hardware cannot be compared."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from harnesslab.telemetry.meters import driver_version, find_gpus, find_meters


def hardware() -> dict[str, Any]:
    """JSON-able facts: processor, memory, GPUs or why there are none, energy meters or why there are none."""
    import psutil

    gpus, gpu_reason = find_gpus()
    meters, energy_reason = find_meters(gpus)
    facts: dict[str, Any] = {
        "os": platform.platform(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "cpu": cpu_name(),
        "cores": psutil.cpu_count(logical=False),
        "threads": psutil.cpu_count(),
        "threads_usable": usable_threads(),
        "memory_bytes": int(psutil.virtual_memory().total),
        "gpus": [{"name": gpu.name, "memory_bytes": gpu.memory} for gpu in gpus],
        "energy_meters": [meter.name for meter in meters],
    }
    if gpus:
        facts["gpu_driver"] = driver_version()
    else:
        facts["gpu_reason"] = gpu_reason
    if energy_reason:
        facts["energy_reason"] = energy_reason
    return facts


def usable_threads() -> int:
    """Hardware threads this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's own name, or the best the platform offers."""
    try:
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Hardware"):
                return value.strip()
    except OSError:
        pass
    if platform.system() == "Darwin":
        try:
            command = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            pass
    return platform.processor() or platform.machine()
