"""What a model will ask of memory, estimated from its header: weights, KV cache by context, working buffers."""

from __future__ import annotations

from dataclasses import dataclass

from harnesslab.models.entry import KV_TYPES
from harnesslab.models.gguf import GgufFacts

FULL_EVERY = {"gemma2": 2, "gemma3": 6, "gpt-oss": 2, "cohere2": 4}
"""Architectures whose other layers see only the sliding window, as llama.cpp lays them out."""
UBATCH = 512


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """Bytes, for one trial of n_ctx tokens. With all layers on a GPU this is VRAM, with none host memory."""

    n_ctx: int
    weights: int
    kv: int
    buffers: int

    @property
    def total(self) -> int:
        return self.weights + self.kv + self.buffers


def estimate(facts: GgufFacts, n_ctx: int, kv_type: str = "f16") -> MemoryNeed:
    """An estimate, good to about a tenth. Recurrent layers are counted as attention."""
    per_token = facts.n_head_kv * (facts.key_length + facts.value_length) * KV_TYPES[kv_type]
    full = facts.n_layers // FULL_EVERY[facts.architecture] if facts.architecture in FULL_EVERY else facts.n_layers
    window = min(n_ctx, facts.n_swa + UBATCH) if facts.n_swa else n_ctx
    kv = per_token * (full * n_ctx + (facts.n_layers - full) * window)
    buffers = UBATCH * 4 * (facts.n_vocab + 16 * facts.n_embd)
    return MemoryNeed(n_ctx, facts.file_bytes, int(kv), buffers)
