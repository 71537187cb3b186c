"""How much memory models need, and how much there is. Estimates from file headers; loads nothing."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from harnesslab.models.entry import AT_ONCE_CPU, AT_ONCE_GPU, KV_TYPES, ModelEntry

_OVERHEAD = 300e6  # bytes: compute buffers, the vocabulary, the process
_SHARED_CELLS = 8192  # KV cells beside those of live trials


@dataclass(frozen=True, slots=True)
class Room:
    """Memory of the place that models are loaded into, in bytes."""

    kind: str  # "GPU memory" or "memory"
    free: float
    total: float


@dataclass(frozen=True, slots=True)
class Need:
    """Estimated bytes of one loaded model; `kv` is for `trials` trials of typical length at once."""

    weights: float
    kv: float
    trials: int

    @property
    def total(self) -> float:
        return self.weights + self.kv + _OVERHEAD


def room() -> Room:
    """The GPU's memory where there is an NVIDIA GPU and llama.cpp can be expected to use it, else the machine's."""
    with contextlib.suppress(Exception):  # no driver, no library, no device: all mean no GPU
        import pynvml

        pynvml.nvmlInit()
        try:
            infos = [
                pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(i))
                for i in range(pynvml.nvmlDeviceGetCount())
            ]
        finally:
            pynvml.nvmlShutdown()
        if infos and _built_for_gpu():
            return Room("GPU memory", float(sum(i.free for i in infos)), float(sum(i.total for i in infos)))
    import psutil

    memory = psutil.virtual_memory()
    return Room("memory", float(memory.available), float(memory.total))


def _built_for_gpu() -> bool:
    """Whether llama-cpp-python carries a GPU backend, told from its files: loading it would take a second."""
    from importlib.util import find_spec

    spec = find_spec("llama_cpp")
    if spec is None or not spec.origin:
        return False
    return any(Path(spec.origin).parent.glob("lib/*cuda*"))


def need(entry: ModelEntry, path: Path, concurrency: int = 0) -> Need:
    """Bytes for the weights and for KV cells, from the file's header."""
    from harnesslab.models.gguf import read_facts

    facts = read_facts(path)
    n_ctx = min(entry.load.n_ctx, facts.n_ctx_train or entry.load.n_ctx)
    trials = concurrency or entry.load.concurrency or (AT_ONCE_GPU if _built_for_gpu() else AT_ONCE_CPU)
    width = facts.n_layers * facts.n_head_kv * (facts.key_length + facts.value_length)
    cells = max(n_ctx, min(trials * 2048 + _SHARED_CELLS, trials * n_ctx))
    return Need(float(path.stat().st_size), width * KV_TYPES[entry.load.kv_type] * cells, trials)
