"""configs/*.toml: what a sweep is asked to do. Reads and checks the file; resolves no model, layer or suite."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from harnesslab import paths
from harnesslab.errors import UserError, unknown_name

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
HARNESS_NAME = r"^[A-Za-z0-9][A-Za-z0-9._+-]*$"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _as_table(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class SuiteChoice(_Table):
    """One suite of the grid; in the file a name, or a table."""

    name: str
    n: int | None = Field(default=None, ge=1)  # tasks; None: all the suite has
    tiers: list[str] | None = Field(default=None, min_length=1)  # None: all
    seed: int | None = None  # of the draw; None: the sweep's
    split: Literal["eval", "dev"] = "eval"  # "dev": the draw that the suite's difficulty was calibrated on


class LayerChoice(BaseModel):
    """One layer; in the file a name, or a table of `name` and the layer's own parameters."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @property
    def params(self) -> Mapping[str, Any]:
        return dict(self.model_extra or {})


class HarnessChoice(_Table):
    """An ordered list of layers around the agent loop."""

    layers: list[Annotated[LayerChoice, BeforeValidator(_as_table)]]


class AblationChoice(_Table):
    """A harness to take apart; in the file its name, or a table."""

    harness: str  # of this config, or a preset
    layers: list[str] | None = Field(default=None, min_length=1)  # to take out; None: all
    alone: bool = True  # also each layer alone over `loop`


def _as_ablation(value: Any) -> Any:
    return {"harness": value} if isinstance(value, str) else value


class SamplingChoice(_Table):
    """Overrides for every model of the sweep; what is not named stays as models.toml has it."""

    temperature: float | None = Field(default=None, ge=0, le=10, strict=False)
    top_k: int | None = Field(default=None, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1, strict=False)
    min_p: float | None = Field(default=None, ge=0, lt=1, strict=False)
    repeat_penalty: float | None = Field(default=None, gt=0, strict=False)
    max_tokens: int | None = Field(default=None, ge=1)
    max_thinking: int | None = Field(default=None, ge=0)


class BudgetChoice(_Table):
    """Overrides for every task of the sweep; 0: unbounded."""

    turns: int | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)
    seconds: float | None = Field(default=None, ge=0, strict=False)


class Config(_Table):
    """One question a user would ask, as a grid."""

    name: str = Field(default="", pattern=NAME)  # of the sweep's folder
    models: list[str] = Field(min_length=1)
    suites: list[Annotated[SuiteChoice, BeforeValidator(_as_table)]] = Field(min_length=1)
    repeats: int = Field(default=1, ge=1, le=10_000)
    seed: int = Field(default=1, ge=0)
    presets: list[str] = []  # harnesses that need no table: see `harnesslab layers list`
    harness: dict[Annotated[str, Field(pattern=HARNESS_NAME)], HarnessChoice] = {}
    ablate: Annotated[AblationChoice | None, BeforeValidator(_as_ablation)] = None
    sampling: SamplingChoice = SamplingChoice()
    budget: BudgetChoice = BudgetChoice()
    user: str = ""  # a model that plays the simulated users; "": the suites' own scripted ones
    concurrency: int = Field(default=0, ge=0, le=256)  # trials at once; 0: the engine chooses


_TABLES: Mapping[str, type[BaseModel]] = {
    "suites": SuiteChoice,
    "harness": HarnessChoice,
    "ablate": AblationChoice,
    "sampling": SamplingChoice,
    "budget": BudgetChoice,
}


def find(name: str) -> Path:
    """The file meant by a path, or by the bare name of a config that is shipped.

    Raises:
        UserError: neither exists.
    """
    path = Path(name)
    if path.is_file():
        return path
    shipped = {p.stem: p for p in paths.configs_dir().glob("*.toml")}
    if name in shipped:
        return shipped[name]
    if path.suffix or len(path.parts) > 1:
        # a path that is written from habit, e.g. configs/quickstart.toml typed in another folder
        if path.parent.name in ("", "configs") and path.stem in shipped and path.suffix == ".toml":
            return shipped[path.stem]
        raise UserError(f"no file {name}", "", f"give a path, or one of: {', '.join(sorted(shipped))}")
    raise unknown_name("config", name, shipped, "give one of these, or the path of a .toml file")


def load(path: Path) -> tuple[Config, str]:
    """Reads one config.

    Returns:
        The config, and the file's text as it was read.

    Raises:
        UserError: unreadable, not TOML, an unknown key (with the nearest known one), or a bad value; always one line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise UserError(f"cannot read {path}", getattr(e, "strerror", None) or "it is not UTF-8 text") from e
    return parse(text, path), text


def parse(text: str, path: Path) -> Config:
    """The config that `text` says; `path` names it in errors and gives a nameless sweep its name."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise UserError(f"{path} is not TOML", str(e), "mend that line") from e
    data.setdefault("name", path.stem)
    try:
        config = Config.model_validate(data)
    except ValidationError as e:
        raise _one_line(path, e, data) from None
    if not (config.presets or config.harness or config.ablate):
        raise UserError(f"{path}: no harness", "", 'add [harness.NAME] with layers = [...], or presets = ["loop"]')
    return config


def _one_line(path: Path, error: ValidationError, data: Mapping[str, Any]) -> UserError:
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    where = [str(part) for part in first["loc"]]
    key = ".".join(where)
    if first["type"] == "extra_forbidden":
        known = _TABLES.get(where[0], Config).model_fields if len(where) > 1 else Config.model_fields
        missing = unknown_name("key", key, known)
        near = unknown_name("key", where[-1], known)
        return UserError(f"{path}: {missing.what}", near.why)
    if first["type"] == "missing":
        return UserError(f"{path}: {key} is missing", "", f"add {key} = ...")
    more = len(error.errors()) - 1
    also = f" (and {more} more)" if more else ""
    got = f", got {first['input']!r}" if not isinstance(first["input"], (dict, list)) else ""
    return UserError(f"{path}: {key}", f"{first['msg'][0].lower()}{first['msg'][1:]}{got}{also}")
