"""How large a context to make, and how many requests to run in it, for this model on this machine."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import psutil

from harnesslab.engine.threads import candidates
from harnesslab.models.devices import gpus, usable
from harnesslab.models.entry import AT_ONCE_CPU, AT_ONCE_GPU, AT_ONCE_STREAMS, KV_TYPES, LoadParams

if TYPE_CHECKING:
    from harnesslab.engine.native import NativeModel

MAX_SEQUENCES = 256  # llama.cpp's own limit
FEW_STREAMS = 4  # with fewer, a buffer that requests share lets more of them run
# what is not in use is parked, since attention runs over idle cells too; a GPU has more to spare
IDLE_CELLS, IDLE_CELLS_GPU = 2048, 32768


@dataclass(frozen=True, slots=True)
class ContextPlan:
    """Chosen sizes, in tokens unless named otherwise; recorded in the manifest."""

    n_ctx: int  # one trial
    cells: int  # KV cells in all
    streams: bool  # each sequence in cells of its own
    idle_cells: int  # of them, for sequences nobody is using
    concurrency: int
    sequences: int
    n_batch: int
    flash_attn: bool
    thread_counts: tuple[int, ...]  # to choose among while working; one: fixed
    parking: int  # bytes of host memory for sequences that left the cells

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def cores() -> int:
    """Physical cores this process may run on."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:
        allowed = os.cpu_count() or 1
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))


def kv_bytes_per_cell(model: NativeModel, load: LoadParams) -> float:
    import llama_cpp as lc

    arch = model.meta("general.architecture")
    usual = lc.llama_model_n_embd(model.ptr) / max(1, lc.llama_model_n_head(model.ptr))
    widths = (model.meta(f"{arch}.attention.{kind}_length") for kind in ("key", "value"))
    width = sum(float(w or usual) for w in widths)
    values = lc.llama_model_n_layer(model.ptr) * lc.llama_model_n_head_kv(model.ptr) * width
    return float(values * KV_TYPES[load.kv_type])


def plan_context(model: NativeModel, load: LoadParams, concurrency: int, idle_cells: int, threads: int) -> ContextPlan:
    """The sizes for a loaded model."""
    import llama_cpp as lc

    gpu = bool(lc.llama_supports_gpu_offload()) and load.n_gpu_layers != 0
    free = [g.free for g in gpus()] if gpu else []
    return sizes(
        load,
        trained=int(lc.llama_model_n_ctx_train(model.ptr)),
        per_cell=kv_bytes_per_cell(model, load),
        gpu=gpu,
        free=usable(free, load.tensor_split) if free else float(psutil.virtual_memory().available),
        concurrency=concurrency,
        idle_cells=idle_cells,
        threads=threads,
        cuttable=model.cuttable,
    )


def sizes(
    load: LoadParams,
    *,
    trained: int,
    per_cell: float,
    gpu: bool,
    free: float,
    concurrency: int = 0,
    idle_cells: int = -1,
    threads: int = 0,
    cuttable: bool = True,
) -> ContextPlan:
    """Sizes from the model's KV bytes and the memory that is free; a quarter of it at most goes to the KV cache.

    Plain attention runs over all cells of a buffer for every row, so there each sequence has a buffer for itself, and
    what it would share is copied. With flash attention, or where memory has room for few of them, they share one.

    Args:
        trained: the context the model was trained for, in tokens; 0: not known.
        per_cell: bytes of one KV cell.
        gpu: whether the model runs on GPUs.
        free: bytes of memory where the cells will lie.
        concurrency, idle_cells, threads: as in `LlamaEngine.start`.
        cuttable: as of `NativeModel`.
    """
    n_ctx = min(load.n_ctx, trained or load.n_ctx)
    flash = _flash(load, gpu)
    most = int(free / 4 / per_cell)
    stream = (n_ctx + 255) // 256 * 256
    asked = concurrency or load.concurrency
    wanted = asked or (AT_ONCE_GPU if gpu else AT_ONCE_STREAMS)
    streams = cuttable and not flash and most // stream >= min(wanted, FEW_STREAMS)
    if streams:
        sequences = concurrency = min(wanted, most // stream, MAX_SEQUENCES)
        cells = kept = stream * sequences
    else:
        wanted = asked or (AT_ONCE_GPU if gpu else AT_ONCE_CPU)
        # a GPU has room for long conversations, and copies slowly what would have to leave
        each = n_ctx if gpu else 2048
        cells = max(n_ctx, min(wanted * each + 8192, wanted * n_ctx + n_ctx, most))
        cells = (cells + 255) // 256 * 256
        kept = min(cells // 2, IDLE_CELLS_GPU if gpu else IDLE_CELLS)
        concurrency = max(1, min(wanted, cells // 512))
        sequences = min(MAX_SEQUENCES, 4 * concurrency + 32)
    return ContextPlan(
        n_ctx=n_ctx,
        cells=cells,
        streams=streams,
        idle_cells=kept if idle_cells < 0 else idle_cells,
        concurrency=concurrency,
        sequences=sequences,
        n_batch=load.batch or (2048 if gpu else 512),
        flash_attn=flash,
        thread_counts=(fixed,) if (fixed := threads or load.threads) else candidates(cores()),
        parking=int(psutil.virtual_memory().available / 8) if idle_cells else 0,
    )


def _flash(load: LoadParams, gpu: bool) -> bool:
    """On a CPU llama.cpp's flash attention takes one row at a time, where plain attention takes a batch's rows at once:
    on the 0.5B, 16 rows at 1,000 tokens of context decode 2.2 times as fast without. A quantized V cache needs it."""
    if load.flash_attn is not None:
        return load.flash_attn
    return gpu or KV_TYPES[load.kv_type] < 2
