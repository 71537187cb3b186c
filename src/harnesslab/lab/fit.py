"""How much memory models need, how much there is, and what will be chosen for both. Reads headers and loads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harnesslab.engine.plan_context import ContextPlan, sizes
from harnesslab.models.devices import gpus, usable
from harnesslab.models.entry import KV_TYPES, LoadParams, ModelEntry

_OVERHEAD = 300e6  # bytes: compute buffers, the vocabulary, the process


@dataclass(frozen=True, slots=True)
class Room:
    """Memory of the place that a model is loaded into, in bytes."""

    kind: str  # "GPU memory" or "memory"
    free: float

    @property
    def gpu(self) -> bool:
        return self.kind.startswith("GPU")


@dataclass(frozen=True, slots=True)
class Need:
    """Estimated bytes of one loaded model, and the sizes that its engine will choose."""

    weights: float
    kv: float
    plan: ContextPlan

    @property
    def total(self) -> float:
        return self.weights + self.kv + _OVERHEAD


def room(load: LoadParams) -> Room:
    """The GPUs' memory where there are NVIDIA GPUs and llama.cpp can be expected to use them, else the machine's."""
    found = gpus() if load.n_gpu_layers and _built_for_gpu() else ()
    if found:
        return Room("GPU memory", usable([g.free for g in found], load.tensor_split))
    import psutil

    return Room("memory", float(psutil.virtual_memory().available))


def _built_for_gpu() -> bool:
    """Whether llama-cpp-python carries a GPU backend, told from its files: loading it would take a second."""
    from importlib.util import find_spec

    spec = find_spec("llama_cpp")
    if spec is None or not spec.origin:
        return False
    return any(Path(spec.origin).parent.glob("lib/*cuda*"))


def need(entry: ModelEntry, path: Path, place: Room, concurrency: int = 0) -> Need:
    """Bytes for the weights and for KV cells, from the file's header. `concurrency`: of the config; 0: chosen."""
    from harnesslab.models.gguf import read_facts

    facts = read_facts(path)
    width = facts.n_layers * facts.n_head_kv * (facts.key_length + facts.value_length)
    per_cell = width * KV_TYPES[entry.load.kv_type]
    plan = sizes(
        entry.load,
        trained=facts.n_ctx_train,
        per_cell=per_cell,
        gpu=place.gpu,
        free=place.free,
        concurrency=concurrency,
        cuttable=facts.n_swa <= 0,
    )
    return Need(float(path.stat().st_size), per_cell * plan.cells, plan)


def chosen(facts: Mapping[str, Any]) -> str:
    """One line of what was chosen from hardware and model; `facts` are those of a `ContextPlan`."""
    counts = sorted(facts["thread_counts"])
    threads = f"{counts[0]} to {counts[-1]} threads, chosen while working" if len(counts) > 1 else _count(counts[0])
    cells = f" in {facts['cells']:,} KV cells"
    if facts["streams"]:
        cells = f", each with {facts['cells'] // facts['sequences']:,} KV cells of its own"
    return f"{facts['concurrency']} requests at once{cells}, batches of {facts['n_batch']:,} tokens, {threads}"


def _count(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"
