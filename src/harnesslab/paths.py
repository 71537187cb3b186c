"""Where things lie: the shipped data, the cache, the user's own files. Nothing here creates a folder."""

from __future__ import annotations

import os
from pathlib import Path

from harnesslab.errors import UserError

_PACKAGE = Path(__file__).resolve().parent


def data_root() -> Path:
    """Folder with `models.toml` and `configs/`: `harnesslab/_data` in an installed wheel, the root of a checkout."""
    for root in (_PACKAGE / "_data", _PACKAGE.parents[1]):
        if (root / "models.toml").is_file():
            return root
    raise UserError(
        "harnesslab's own models.toml is missing",
        f"looked in {_PACKAGE / '_data'} and {_PACKAGE.parents[1]}",
        "install the package again",
    )


def configs_dir() -> Path:
    return data_root() / "configs"


def models_toml() -> Path:
    return data_root() / "models.toml"


def user_models_toml() -> Path:
    """The user's own models.toml, which overrides ours key by key: $HARNESSLAB_MODELS, or in the config folder."""
    if named := os.environ.get("HARNESSLAB_MODELS"):
        return Path(named).expanduser()
    from platformdirs import user_config_dir

    return Path(user_config_dir("harnesslab", appauthor=False)) / "models.toml"


def cache_dir() -> Path:
    """$HARNESSLAB_CACHE, or the platform's cache folder (`~/.cache/harnesslab` on Linux)."""
    if named := os.environ.get("HARNESSLAB_CACHE"):
        return Path(named).expanduser()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("harnesslab", appauthor=False))


def models_dir() -> Path:
    """Model files, flat, under the publishers' file names."""
    return cache_dir() / "models"
