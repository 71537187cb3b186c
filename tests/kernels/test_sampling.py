"""The compiled sampler against a slow, obvious one, and its frequencies against the distribution it claims."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from harnesslab_kernels.sampling import NO_MASK, SETTINGS, sample, uniform


@dataclass(frozen=True)
class Draw:
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    penalty: float = 1.0


def distribution(logits: np.ndarray, d: Draw, recent: list[int], allowed: set[int] | None) -> list[tuple[int, float]]:
    """(token, probability), likeliest first: one plain step per setting."""
    row = logits.astype(np.float32).copy()
    for token in set(recent):
        row[token] = row[token] / np.float32(d.penalty) if row[token] > 0 else row[token] * np.float32(d.penalty)
    tokens = [t for t in range(len(row)) if (allowed is None or t in allowed) and row[t] > -np.inf]
    tokens.sort(key=lambda t: (-row[t], t))
    if d.temperature <= 0:
        return [(tokens[0], 1.0)]
    if d.top_k > 0:
        tokens = tokens[: d.top_k]
    peak = float(row[tokens[0]])
    weights = [math.exp(float(row[t]) - peak) for t in tokens]
    if d.top_p < 1:
        whole, seen = sum(weights), 0.0
        for i, w in enumerate(weights):
            seen += w
            if seen >= d.top_p * whole:
                tokens = tokens[: i + 1]
                break
    if d.min_p > 0:
        tokens = [t for i, t in enumerate(tokens) if i == 0 or math.exp(float(row[t]) - peak) >= d.min_p]
    weights = [math.exp((float(row[t]) - peak) / d.temperature) for t in tokens]
    return [(t, w / sum(weights)) for t, w in zip(tokens, weights, strict=True)]


def compiled(
    logits: np.ndarray, d: Draw, keys: np.ndarray, recent: list[int], allowed: set[int] | None, parallel: bool = False
) -> np.ndarray:
    rows = len(keys)
    s = np.zeros(rows, SETTINGS)
    s["temperature"], s["top_k"], s["top_p"], s["min_p"], s["penalty"] = (
        d.temperature,
        d.top_k,
        d.top_p,
        d.min_p,
        d.penalty,
    )
    s["key"], s["position"] = keys, 3
    masks = NO_MASK
    if allowed is not None:
        s["masked"] = 1
        masks = np.zeros((rows, (len(logits) + 31) // 32), np.uint32)
        for t in allowed:
            masks[:, t // 32] |= np.uint32(1 << (t % 32))
    flat = np.array(recent * rows, np.int32)
    offsets = np.arange(rows + 1, dtype=np.int64) * len(recent)
    block = np.ascontiguousarray(np.broadcast_to(logits.astype(np.float32), (rows, len(logits)))).copy()
    return sample(block, s, flat, offsets, masks, parallel=parallel)


DRAWS = st.builds(
    Draw,
    temperature=st.sampled_from([0.0, 0.3, 0.7, 1.0, 1.8]),
    top_k=st.sampled_from([0, 1, 3, 20, 300, 900]),
    top_p=st.sampled_from([1.0, 0.95, 0.5, 0.05]),
    min_p=st.sampled_from([0.0, 0.02, 0.3]),
    penalty=st.sampled_from([1.0, 1.1, 1.7]),
)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.sampled_from([1, 7, 255, 256, 700, 1031]),
    spread=st.sampled_from([0.01, 1.0, 6.0]),
    draw=DRAWS,
    masked=st.booleans(),
    key=st.integers(0, 2**64 - 1),
)
def test_token_is_the_one_that_the_plain_sampler_draws(
    seed: int, size: int, spread: float, draw: Draw, masked: bool, key: int
) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, spread, size).astype(np.float32)
    allowed = set(rng.choice(size, max(1, size // 3), replace=False).tolist()) if masked else None
    recent = rng.integers(0, size, 9).tolist()
    u, seen, tokens = uniform(key, 3), 0.0, []
    for token, p in distribution(logits, draw, recent, allowed):
        tokens.append((token, seen, seen + p))
        seen += p
    got = int(compiled(logits, draw, np.array([key], np.uint64), recent, allowed)[0])
    low, high = next((a, b) for t, a, b in tokens if t == got)
    # float rounding may move an edge by a hair, never a token by a place
    assert low - 1e-6 <= u <= high + 1e-6


SETTINGS_TO_TEST = [
    Draw(),
    Draw(temperature=0.6),
    Draw(top_k=20),
    Draw(top_k=500),
    Draw(top_p=0.8),
    Draw(min_p=0.05),
    Draw(penalty=1.3),
    Draw(temperature=0.7, top_k=20, top_p=0.8, min_p=0.02, penalty=1.1),
]


@pytest.mark.parametrize("draw", SETTINGS_TO_TEST, ids=str)
@pytest.mark.parametrize("masked", [False, True])
def test_frequencies_pass_a_chi_square_test(draw: Draw, masked: bool) -> None:
    rng = np.random.default_rng(7)
    logits = rng.normal(0, 2.5, 1200).astype(np.float32)
    allowed = set(range(0, 1200, 3)) if masked else None
    recent = np.argsort(-logits)[:8].tolist()
    n = 20_000
    keys = rng.integers(0, 2**63, n, dtype=np.int64).astype(np.uint64)
    tokens = np.concatenate([compiled(logits, draw, part, recent, allowed) for part in np.array_split(keys, 20)])
    expected = dict(distribution(logits, draw, recent, allowed))
    assert set(tokens.tolist()) <= set(expected)
    common = [t for t, p in expected.items() if p * n >= 8]
    rest = n - sum(expected[t] * n for t in common)
    seen = [int((tokens == t).sum()) for t in common]
    wanted = [expected[t] * n for t in common]
    if rest >= 8:
        seen.append(n - sum(seen))
        wanted.append(rest)
    if len(wanted) > 1:
        assert chisquare(seen, np.array(wanted) * sum(seen) / sum(wanted)).pvalue > 1e-4


def test_a_row_does_not_depend_on_its_neighbours_or_on_threads() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, 5000).astype(np.float32)
    keys = rng.integers(0, 2**63, 40, dtype=np.int64).astype(np.uint64)
    draw = Draw(temperature=0.9, top_k=40, min_p=0.01)
    together = compiled(logits, draw, keys, [], None)
    alone = [int(compiled(logits, draw, keys[i : i + 1], [], None)[0]) for i in range(40)]
    assert together.tolist() == alone == compiled(logits, draw, keys, [], None, parallel=True).tolist()
    assert len(set(alone)) > 1


def test_greedy_takes_the_lowest_id_among_equals_and_an_empty_mask_says_so() -> None:
    logits = np.array([0.0, 4.0, 4.0, 1.0], np.float32)
    one = np.array([5], np.uint64)
    assert compiled(logits, Draw(temperature=0.0), one, [], None)[0] == 1
    assert compiled(logits, Draw(temperature=0.0), one, [], {0, 3})[0] == 3
    assert compiled(logits, Draw(), one, [], set())[0] == -1


def test_uniform_is_uniform_and_fixed() -> None:
    values = np.array([uniform(k, p) for k in range(100) for p in range(200)])
    assert chisquare(np.histogram(values, 50, (0, 1))[0]).pvalue > 1e-4
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.03
    assert uniform(1, 2) == uniform(1, 2) != uniform(1, 3)
