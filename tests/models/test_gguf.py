from __future__ import annotations

import contextlib
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harnesslab.errors import UserError
from harnesslab.models.gguf import read_facts
from harnesslab.models.memory import estimate


def test_facts_of_a_tiny_file(make_gguf: Any) -> None:
    facts = read_facts(make_gguf())
    assert (facts.architecture, facts.name, facts.quant) == ("llama", "Tiny", "Q4_K_M")
    assert (facts.n_ctx_train, facts.n_layers, facts.n_embd, facts.n_head, facts.n_head_kv) == (4096, 2, 64, 4, 2)
    assert (facts.key_length, facts.value_length, facts.n_vocab, facts.n_tensors) == (16, 16, 3, 1)
    assert (facts.bos, facts.eos) == (-1, 2)
    assert "enable_thinking" in facts.chat_template


def test_a_vocabulary_is_counted_and_not_kept(make_gguf: Any) -> None:
    facts = read_facts(make_gguf(**{"tokenizer.ggml.tokens": [str(i) for i in range(5000)]}))
    assert facts.n_vocab == 5000
    assert facts.metadata["tokenizer.ggml.tokens"] == {"items": 5000}


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_cut_file_is_refused_in_one_line(make_gguf: Any, kept: float) -> None:
    path: Path = make_gguf()
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(UserError, match=r"truncated|breaks off|only \d+ bytes") as caught:
        read_facts(path)
    assert "\n" not in str(caught.value)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(at=st.integers(0, 400), value=st.integers(0, 255))
def test_no_single_wrong_byte_does_worse_than_a_clear_refusal(make_gguf: Any, at: int, value: int) -> None:
    path: Path = make_gguf()
    data = bytearray(path.read_bytes())
    data[at % len(data)] = value
    path.write_bytes(bytes(data))
    with contextlib.suppress(UserError):
        read_facts(path)


@pytest.mark.parametrize(
    ("at", "new", "says"),
    [
        (0, b"GGML", "not b'GGUF'"),
        (4, struct.pack(">I", 3), "big-endian"),
        (4, struct.pack("<I", 1), "version is 1"),
        (8, struct.pack("<Q", 1 << 60), "tensors"),
        (16, struct.pack("<Q", 1 << 60), "metadata keys"),
        (24, struct.pack("<Q", 1 << 60), "bytes in one string"),
    ],
)
def test_absurd_headers(make_gguf: Any, at: int, new: bytes, says: str) -> None:
    path: Path = make_gguf()
    data = bytearray(path.read_bytes())
    data[at : at + len(new)] = new
    path.write_bytes(bytes(data))
    with pytest.raises(UserError, match=says):
        read_facts(path)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such model file"):
        read_facts(tmp_path / "none.gguf")


def test_kv_memory_by_hand(make_gguf: Any) -> None:
    facts = read_facts(make_gguf())
    assert estimate(facts, 1000).kv == 1000 * 2 * 2 * (16 + 16) * 2  # tokens, layers, heads, key and value, bytes
    assert estimate(facts, 1000, "q8_0").kv == estimate(facts, 1000).kv * 34 // 64


@pytest.mark.model
def test_facts_of_real_files(smollm2: Path, gemma270: Path) -> None:
    assert read_facts(smollm2).n_layers == 30
    gemma = read_facts(gemma270)
    assert (gemma.architecture, gemma.n_swa, gemma.chat_template, gemma.n_vocab) == ("gemma3", 512, "", 262144)
    # 3 of 18 layers see everything, 15 a window of 512 and the batch in flight
    assert estimate(gemma, 8192).kv == 512 * 2 * (3 * 8192 + 15 * 1024)
