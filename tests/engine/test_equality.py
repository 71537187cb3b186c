"""With one sequence and temperature 0 our tokens are those of llama-cpp-python's own high-level `Llama`."""

from __future__ import annotations

from pathlib import Path

import pytest
from native_models import THREADS, drawn, job, native, run, scheduler, tokens

pytestmark = pytest.mark.model

SUBJECTS = (
    *("cats", "dogs", "rain", "snow", "tea", "trains", "ships", "bread", "salt", "sugar"),
    *("iron", "gold", "wool", "silk", "paper", "ink", "glass", "stone", "wood", "wine"),
)
N_TOKENS = 16


def prompts() -> list[str]:
    return [
        f"<|im_start|>user\nOrder {100 + i}: {i % 5} x {word}, {'not ' * (i % 3)}paid. {'Notes: none. ' * i}"
        "Say what to do.<|im_end|>\n<|im_start|>assistant\n"
        for i, word in enumerate(SUBJECTS)
    ]


@pytest.mark.parametrize("name", ["smollm2", "qwen05", "gemma270", pytest.param("qwen15", marks=pytest.mark.slow)])
def test_tokens_equal_the_bindings_own(name: str, request: pytest.FixtureRequest) -> None:
    from llama_cpp import Llama

    path: Path = request.getfixturevalue(name)
    model = native(path)
    ours = scheduler(model, sequences=1, concurrency=1, idle_cells=0)
    theirs = Llama(
        str(path), n_ctx=2048, n_batch=512, n_threads=THREADS, n_threads_batch=THREADS, flash_attn=False, verbose=False
    )
    assert len(prompts()) == 20
    for i, text in enumerate(prompts()):
        prompt = tokens(model, text)
        ours.submit(job(i, prompt, max_tokens=N_TOKENS))
        finished = run(ours)[i]
        theirs.reset()
        wanted: list[int] = []
        for token in theirs.generate(prompt.tolist(), temp=0.0, repeat_penalty=1.0):
            if token in model.end_tokens or len(wanted) == N_TOKENS:
                break
            wanted.append(token)
        assert drawn(finished) == wanted, text
    ours.context.close()
