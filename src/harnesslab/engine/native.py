"""The one file that calls llama.cpp: a model, a context, a batch. Runs only inside a worker process.

Knows nothing of requests, prompts or sharing; a native abort here ends the worker, and nothing else.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import llama_cpp as lc
import numpy as np
from numpy.typing import NDArray

from harnesslab.errors import EngineFailure
from harnesslab.models.entry import LoadParams

KV_CODES = {"f32": 0, "f16": 1, "q4_0": 2, "q5_0": 6, "q8_0": 8, "bf16": 30}  # ggml_type

_log: deque[str] = deque(maxlen=40)


@lc.llama_log_callback  # type: ignore[untyped-decorator]
def _keep(level: int, text: bytes, _: Any) -> None:
    if level >= 3:
        _log.append(text.decode(errors="replace").rstrip())


def last_errors(lines: int = 4) -> str:
    """What llama.cpp last complained about, on one line."""
    return " | ".join(line for line in list(_log)[-lines:] if line)


class NativeModel:
    """A loaded GGUF with its vocabulary.

    Raises:
        EngineFailure: "bad-gguf" when llama.cpp refuses the file.
    """

    def __init__(self, path: str, load: LoadParams) -> None:
        # llama.cpp keeps the pointer: the callback must outlive every call
        lc.llama_log_set(_keep, ctypes.c_void_p(0))
        lc.llama_backend_init()
        params = lc.llama_model_default_params()
        params.n_gpu_layers = load.n_gpu_layers if load.n_gpu_layers >= 0 else 999
        if load.tensor_split:
            self._split = (ctypes.c_float * 128)(*load.tensor_split)
            params.tensor_split = self._split
        if load.cpu_moe:
            self._overrides = _experts_on_cpu()
            params.tensor_buft_overrides = ctypes.addressof(self._overrides)
        self.ptr = lc.llama_model_load_from_file(path.encode(), params)
        if not self.ptr:
            raise EngineFailure("bad-gguf", last_errors() or f"llama.cpp could not load {path}")
        self.vocab = lc.llama_model_get_vocab(self.ptr)
        self.n_vocab = int(lc.llama_vocab_n_tokens(self.vocab))
        self.n_swa = int(lc.llama_model_n_swa(self.ptr))
        self.recurrent = bool(lc.llama_model_is_recurrent(self.ptr) or lc.llama_model_is_hybrid(self.ptr))
        self.add_bos = bool(lc.llama_vocab_get_add_bos(self.vocab))
        self.bos = int(lc.llama_vocab_bos(self.vocab))
        self.eos = int(lc.llama_vocab_eos(self.vocab))

    @property
    def chat_template(self) -> str:
        raw = lc.llama_model_chat_template(self.ptr, None)
        return raw.decode(errors="replace") if raw else ""

    @property
    def cuttable(self) -> bool:
        """Whether a saved state can be cut anywhere: not under a sliding window, nor of recurrent models."""
        return not self.recurrent and self.n_swa <= 0

    def meta(self, key: str) -> str:
        buffer = ctypes.create_string_buffer(1024)
        n = lc.llama_model_meta_val_str(self.ptr, key.encode(), buffer, len(buffer))
        return buffer.value.decode(errors="replace") if n >= 0 else ""

    def tokenize(self, text: str, *, add_bos: bool) -> NDArray[np.int32]:
        """int32[n]. Special tokens written in the text are recognised, as the template relies on."""
        data = text.encode()
        room = len(data) + 2
        out = np.empty(room, np.int32)
        n = lc.llama_tokenize(
            self.vocab, data, len(data), out.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)), room, add_bos, True
        )
        if n < 0:
            raise EngineFailure("tokenizer", f"{len(data)} bytes need {-n} tokens")
        return out[:n].copy()

    @cached_property
    def pieces(self) -> list[bytes]:
        """The bytes of every token; those of end-of-generation tokens are empty."""
        buffer = ctypes.create_string_buffer(512)
        pieces = []
        for token in range(self.n_vocab):
            n = lc.llama_token_to_piece(self.vocab, token, buffer, len(buffer), 0, True)
            pieces.append(b"" if token in self.end_tokens else buffer.raw[: max(n, 0)])
        return pieces

    @cached_property
    def end_tokens(self) -> frozenset[int]:
        return frozenset(t for t in range(self.n_vocab) if lc.llama_vocab_is_eog(self.vocab, t))

    @cached_property
    def control_tokens(self) -> frozenset[int]:
        """Tokens that are marks, not text."""
        marks = lc.LLAMA_TOKEN_ATTR_CONTROL | lc.LLAMA_TOKEN_ATTR_UNKNOWN
        return frozenset(t for t in range(self.n_vocab) if lc.llama_vocab_get_attr(self.vocab, t) & marks)

    @property
    def tokenize_address(self) -> int:
        """Where llama.cpp's tokenizer lies, for a library that calls it with `vocab`."""
        return ctypes.cast(lc.llama_cpp._lib.llama_tokenize, ctypes.c_void_p).value or 0

    def piece(self, token: int) -> str:
        buffer = ctypes.create_string_buffer(512)
        n = lc.llama_token_to_piece(self.vocab, token, buffer, len(buffer), 0, True)
        return buffer.raw[: max(n, 0)].decode(errors="replace")


class _BufferOverride(ctypes.Structure):
    _fields_: ClassVar = [("pattern", ctypes.c_char_p), ("buffer_type", ctypes.c_void_p)]


def _experts_on_cpu() -> Any:
    """Keeps mixture-of-experts weights in host memory, as llama.cpp's --cpu-moe does. An array ended by a null row."""
    host = lc.llama_cpp._lib.ggml_backend_cpu_buffer_type
    host.restype = ctypes.c_void_p
    overrides = (_BufferOverride * 2)()
    overrides[0].pattern = rb"\.ffn_(up|down|gate)_(ch|)exps"
    overrides[0].buffer_type = host()
    return overrides


class NativeContext:
    """One llama.cpp context: `cells` KV cells for up to `sequences` sequences.

    Args:
        cells: KV cells in all.
        streams: whether each sequence has an equal part of the cells for itself, and attends to no others; without, all
            lie in one buffer, sequences share cells, and attention runs over the buffer. Not for models with a sliding
            window: a copied state leaves out what the window has passed.
        n_batch: tokens per `decode` call.
        outputs: rows of logits per call, at most.
    """

    def __init__(
        self,
        model: NativeModel,
        load: LoadParams,
        *,
        cells: int,
        sequences: int,
        n_batch: int,
        outputs: int,
        threads: int,
        streams: bool = False,
    ) -> None:
        params = lc.llama_context_default_params()
        params.n_ctx = cells
        params.n_batch = n_batch
        params.n_ubatch = min(n_batch, 512)
        params.n_seq_max = sequences
        params.n_outputs_max = max(outputs, sequences)
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = 1 if load.flash_attn else 0
        params.type_k = params.type_v = KV_CODES[load.kv_type]
        params.offload_kqv = True
        params.no_perf = True
        params.swa_full = False
        params.kv_unified = not streams
        self.model = model
        self.ptr = lc.llama_init_from_model(model.ptr, params)
        if not self.ptr:
            raise EngineFailure("no-memory", last_errors() or f"no context of {cells} cells")
        self.memory = lc.llama_get_memory(self.ptr)
        self.streams = streams
        self.n_batch = n_batch
        self.cells = int(lc.llama_n_ctx(self.ptr))
        self._tokens = np.zeros(n_batch, np.int32)
        self._pos = np.zeros(n_batch, np.int32)
        self._seq = np.zeros(n_batch, np.int32)
        self._logits = np.zeros(n_batch, np.int8)
        self._n_seq = np.ones(n_batch, np.int32)
        self._rows = self._seq.ctypes.data + 4 * np.arange(n_batch, dtype=np.uint64)
        self._batch = lc.llama_batch(
            n_tokens=0,
            token=self._tokens.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)),
            embd=None,
            pos=self._pos.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)),
            n_seq_id=self._n_seq.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)),
            seq_id=ctypes.cast(self._rows.ctypes.data, ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
            logits=self._logits.ctypes.data_as(ctypes.POINTER(ctypes.c_int8)),
        )

    def set_threads(self, n: int) -> None:
        lc.llama_set_n_threads(self.ptr, n, n)

    def decode(self, parts: Sequence[tuple[int, int, NDArray[np.int32], bool]]) -> int:
        """Computes some tokens of some sequences in one call, and waits for a GPU to be done with them.

        Args:
            parts: (sequence, first position, int32 tokens, whether the last token's logits are wanted). With streams,
                only sequences that follow each other by number are computed together.

        Returns:
            llama.cpp's code: 0 done, 1 no free cells (nothing changed), anything else an error.
        """
        sequences, positions, chunks, wanted = zip(*parts, strict=True)
        sizes = np.array([len(chunk) for chunk in chunks])
        ends = np.cumsum(sizes)
        n = int(ends[-1])
        self._tokens[:n] = np.concatenate(chunks)
        self._pos[:n] = np.arange(n) + np.repeat(np.array(positions) - (ends - sizes), sizes)
        self._seq[:n] = np.repeat(sequences, sizes)
        self._logits[:n] = 0
        self._logits[ends - 1] = wanted
        self._batch.n_tokens = n
        code = int(lc.llama_decode(self.ptr, self._batch))
        lc.llama_synchronize(self.ptr)
        return code

    def logits(self, rows: int) -> NDArray[np.float32]:
        """float32[rows, n_vocab]: llama.cpp's own buffer, in the order of the parts that wanted logits."""
        pointer = lc.llama_get_logits(self.ptr)
        return np.ctypeslib.as_array(pointer, (rows, self.model.n_vocab))

    def share(self, source: int, target: int, length: int) -> bool:
        """Makes `target` hold the first `length` positions of `source`: the same cells, or with streams a copy.

        The copy goes through host memory: llama.cpp's own is put off to the next batch, and what happens to either
        sequence in between would spoil it. False: it would not be copied, and `target` holds nothing of use.
        """
        if not self.streams:
            lc.llama_memory_seq_cp(self.memory, source, target, 0, length)
            return True
        return self.load(target, self.save(source)) and self.cut(target, length)

    def cut(self, sequence: int, length: int) -> bool:
        """Drops all positions from `length` on. True says nothing under a sliding window: ask `reaches` first."""
        return bool(lc.llama_memory_seq_rm(self.memory, sequence, length, -1))

    def forget(self, sequence: int, length: int) -> None:
        """Drops the first `length` positions, for `share` to put another sequence's cells in their place."""
        lc.llama_memory_seq_rm(self.memory, sequence, 0, length)

    def drop(self, sequence: int) -> None:
        lc.llama_memory_seq_rm(self.memory, sequence, -1, -1)

    def held(self, sequence: int) -> int:
        """Positions up to the last one that a sequence holds; 0: it holds none."""
        return int(lc.llama_memory_seq_pos_max(self.memory, sequence)) + 1

    def reaches(self, sequence: int, length: int, held: int) -> bool:
        """Whether the first `length` of the `held` positions of a sequence can be continued from.

        A sliding window forgets: the cells a continuation at `length` looks back on must still be there. Recurrent
        memory keeps one state only, the latest.
        """
        if self.model.recurrent:
            return length == held
        if self.model.n_swa <= 0:
            return True
        oldest = int(lc.llama_memory_seq_pos_min(self.memory, sequence))
        return 0 <= oldest <= max(0, length - self.model.n_swa)

    def save(self, sequence: int) -> NDArray[np.uint8]:
        """uint8[n]: the sequence's state, in host memory."""
        size = lc.llama_state_seq_get_size(self.ptr, sequence)
        data = np.empty(size, np.uint8)
        n = lc.llama_state_seq_get_data(self.ptr, data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)), size, sequence)
        return data[:n]

    def load(self, sequence: int, data: NDArray[np.uint8]) -> bool:
        n = lc.llama_state_seq_set_data(
            self.ptr, data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)), data.size, sequence
        )
        return bool(n)

    def clear(self) -> None:
        lc.llama_memory_clear(self.memory, True)

    def close(self) -> None:
        lc.llama_free(self.ptr)


def build_facts() -> dict[str, Any]:
    """What this llama.cpp is: recorded in the manifest, since another build may decode differently."""
    return {
        "llama_cpp_python": lc.__version__,
        "system_info": lc.llama_print_system_info().decode(errors="replace").strip(),
        "gpu_offload": bool(lc.llama_supports_gpu_offload()),
    }
