"""The memory of this machine's NVIDIA GPUs, and how much of it one model can use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gpu:
    """Bytes."""

    free: float
    total: float


def gpus() -> tuple[Gpu, ...]:
    """All that the driver reports, in its order; none where there is no driver."""
    try:
        import pynvml

        pynvml.nvmlInit()
        try:
            found = [
                pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(i))
                for i in range(pynvml.nvmlDeviceGetCount())
            ]
        finally:
            pynvml.nvmlShutdown()
    except Exception:  # no driver, no library, no device: all mean no GPU
        return ()
    return tuple(Gpu(float(info.free), float(info.total)) for info in found)


def usable(amounts: Sequence[float], split: Sequence[float]) -> float:
    """How much may be put on GPUs that have these amounts each.

    llama.cpp divides a model, and its KV cells with it, by `split`: the GPU that is full first is the bound. Without a
    split it divides in proportion to what is free.
    """
    shares = list(split[: len(amounts)])
    if not sum(shares):
        return sum(amounts)
    return min(amount * sum(shares) / share for amount, share in zip(amounts, shares, strict=False) if share > 0)
