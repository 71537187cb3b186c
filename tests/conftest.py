"""Real models for tests, from the cache outside the tree, fetched once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harnesslab.errors import UserError
from harnesslab.models.fetch import ensure
from harnesslab.models.registry import load_registry


@pytest.fixture(scope="session", autouse=True)
def _nobodys_own_models(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests see the shipped models.toml only, whatever the developer has of their own."""
    os.environ["HARNESSLAB_MODELS"] = str(tmp_path_factory.mktemp("config") / "models.toml")


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """SmolLM2-135M: the smallest model that answers."""
    return model_file("smollm2-135m")


@pytest.fixture(scope="session")
def qwen05() -> Path:
    """Qwen2.5-Coder-0.5B: the smallest one that calls tools."""
    return model_file("qwen2.5-coder-0.5b")


@pytest.fixture(scope="session")
def gemma270() -> Path:
    """Gemma-3-270M, base: the one with a sliding window and without a chat template."""
    return model_file("gemma-3-270m")


def model_file(name: str) -> Path:
    """The verified file. Without it a test is skipped, saying why; on a build server (CI is set) it fails."""
    try:
        return ensure(load_registry().get(name), progress=False)
    except UserError as error:
        said = f"the model {name} is not here and cannot be fetched: {error}"
        if os.environ.get("CI"):
            pytest.fail(said, pytrace=False)
        pytest.skip(said)


@pytest.fixture(scope="session")
def qwen15() -> Path:
    """Qwen2.5-Coder-1.5B: the large one of the small."""
    return model_file("qwen2.5-coder-1.5b")
