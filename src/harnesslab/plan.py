"""config -> plan: which cells, which tasks, which trials in which order. Computes nothing and writes nothing.

A cell's identity is a hash of content: what the model is, how it samples, which layers in which version, which suite.
Never a path, a name or a time; so a trial that is stored under an identity need not be run again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harnesslab.config import Config, SuiteChoice
from harnesslab.errors import UserError, unknown_name
from harnesslab.types import (
    Advice,
    Briefed,
    EngineInfo,
    Sampling,
    Suite,
    Task,
    TaskView,
    Varied,
    canonical,
    stable_hash,
)

if TYPE_CHECKING:
    from harnesslab.harness.registry import LayerSpec
    from harnesslab.models.entry import ModelEntry

EVALUATOR = 2
"""Raise it when grading, the agent loop's rules or the meaning of an event changes: older trials are then run again."""

_BLOCK_TRIALS = 48  # per model and block: enough to fill a batch, few enough that a stopped sweep is nearly paired


@dataclass(frozen=True, slots=True)
class CellPlan:
    """One model x harness x suite. `key` hashes `facts`."""

    key: str
    entry: ModelEntry
    harness: str
    layers: tuple[LayerSpec, ...]
    suite: Suite
    sampling: Sampling
    repeats: int
    greedy: bool  # nothing is random: a repeat would be a copy
    facts: Mapping[str, Any]

    @property
    def label(self) -> str:
        return f"{self.entry.name}/{self.harness}/{self.suite.name}"


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """One task of one suite; `view` carries the sweep's budget."""

    key: str
    suite: Suite
    task: Task
    view: TaskView


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """One attempt; `cell` and `task` index the plan's. With `repeat`, `stream` names its random numbers: never the
    harness.
    """

    id: str
    cell: int
    task: int
    repeat: int
    stream: int


class Trials:
    """A plan's trials, in the order in which they are to be started.

    Each is made when it is looked at: a sweep may have a million, most of them stored already.
    """

    def __init__(
        self,
        seed: int,
        cells: Sequence[CellPlan],
        tasks: Sequence[TaskPlan],
        runs: Sequence[tuple[int, tuple[int, ...]]],
    ) -> None:
        """`runs` are (task, cells): all repeats of a task in these cells, one repeat after another."""
        self._seed = seed
        self._cells = cells
        self._tasks = tasks
        self._runs = runs

    def __len__(self) -> int:
        return sum(self.per_cell())

    def __iter__(self) -> Iterator[TrialPlan]:
        return itertools.chain.from_iterable(self._of_run(t, arms) for t, arms in self._runs)

    def per_cell(self) -> list[int]:
        """How many trials each cell has."""
        count = [0] * len(self._cells)
        for _, arms in self._runs:
            for c in arms:
                count[c] += self._cells[c].repeats
        return count

    def without(self, done: set[str]) -> Iterator[TrialPlan]:
        """Those whose id is not among `done`."""
        for t, arms in self._runs:
            if any(not done.issuperset(self._ids(c, t)) for c in arms):
                yield from (trial for trial in self._of_run(t, arms) if trial.id not in done)

    def _of_run(self, t: int, arms: Sequence[int]) -> Iterator[TrialPlan]:
        ids = {c: self._ids(c, t) for c in arms}
        stream = self._stream(t)
        for repeat in range(max((len(own) for own in ids.values()), default=0)):
            for c, own in ids.items():
                if repeat < len(own):
                    yield TrialPlan(own[repeat], c, t, repeat, stream)

    def _ids(self, c: int, t: int) -> list[str]:
        """Of all repeats: 128 bits of hexadecimal over the JSON text of [cell, task, repeat]."""
        start = canonical([self._cells[c].key, self._tasks[t].key])[:-1].encode(errors="surrogatepass")
        common = hashlib.blake2b(start, digest_size=16)
        ids = []
        for end in _ends(self._cells[c].repeats):
            one = common.copy()
            one.update(end)
            ids.append(one.hexdigest())
        return ids

    def _stream(self, t: int) -> int:
        task = self._tasks[t]
        version = f"{task.suite.name}@{task.suite.version}"
        return stable_hash(self._seed, version, task.view.id, task.task.variant)


@lru_cache(maxsize=8)
def _ends(repeats: int) -> tuple[bytes, ...]:
    return tuple(b",%d]" % repeat for repeat in range(repeats))


@dataclass(frozen=True, slots=True)
class PlayedUser:
    """The model that plays the simulated users, and what decides what it says."""

    entry: ModelEntry
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """A sweep before it runs."""

    config: Config
    cells: tuple[CellPlan, ...]
    tasks: tuple[TaskPlan, ...]
    trials: Trials
    warnings: tuple[str, ...]
    user: PlayedUser | None = None

    def remaining(self, done: set[str]) -> tuple[TrialPlan, ...]:
        return tuple(self.trials.without(done))

    def segments(self, trials: Sequence[TrialPlan]) -> Iterator[tuple[ModelEntry, list[TrialPlan]]]:
        """Runs of consecutive trials that need the same model."""
        for _, run in itertools.groupby(trials, key=lambda t: self.cells[t.cell].entry.name):
            found = list(run)
            yield self.cells[found[0].cell].entry, found


def make_plan(config: Config, *, scripted: bool = False) -> Plan:
    """Resolves every name of a config and lays out its trials.

    Args:
        scripted: cells are those of the scripted engine: no model file is asked for, and none is part of identity.

    Raises:
        UserError: a model, layer, suite or tier that does not exist, or the same cell twice.
    """
    entries = _entries(config)
    stacks = harnesses(config)
    suites = [_suite(choice, config) for choice in config.suites]
    tasks = tuple(itertools.chain.from_iterable(chosen for _, chosen in suites))
    warnings: list[str] = []
    user = _user(config, scripted, warnings, tasks)
    cells = tuple(
        _cell(config, entry, name, layers, suite, chosen, seed, scripted, user, warnings)
        for entry in entries
        for name, layers in stacks.items()
        for (suite, chosen), seed in zip(suites, _draws(config), strict=True)
    )
    _refuse_twins(cells)
    trials = Trials(config.seed, cells, tasks, tuple(_runs(config, cells, tasks)))
    return Plan(config, cells, tasks, trials, tuple(dict.fromkeys(warnings)), user)


# --- names to things


def _entries(config: Config) -> list[ModelEntry]:
    from harnesslab.engine import dialects
    from harnesslab.models.registry import load_registry

    registry = load_registry()
    specs = itertools.chain.from_iterable(map(expand, config.models))
    entries = list({entry.name: entry for entry in map(registry.get, specs)}.values())
    for entry in entries:  # before the first file is fetched
        if entry.dialect and entry.dialect not in dialects.names():
            raise unknown_name(f"dialect of model {entry.name}:", entry.dialect, dialects.names(), "mend models.toml")
    return entries


def expand(spec: str) -> list[str]:
    """ "qwen3-8b:{Q4_K_M,Q8_0}" -> one spec per quant; anything else -> itself."""
    found = re.fullmatch(r"([^{}]*)\{([^{}]+)\}", spec)
    if not found:
        return [spec]
    return [found[1] + quant.strip() for quant in found[2].split(",") if quant.strip()]


def harnesses(config: Config) -> dict[str, tuple[LayerSpec, ...]]:
    """A config's harnesses by name: presets, its own, and the grid of `ablate`.

    Raises:
        UserError: a preset, layer or parameter that does not exist, or two harnesses of one name.
    """
    from harnesslab.harness.presets import preset
    from harnesslab.harness.registry import parse_spec

    found = {name: preset(name) for name in config.presets}
    for name, choice in config.harness.items():
        if name in found:
            raise UserError(
                f"two harnesses are called {name}", "one is a preset", f"give [harness.{name}] another name"
            )
        found[name] = tuple(parse_spec({"name": layer.name, **layer.params}) for layer in choice.layers)
    return _with_ablation(config, found) if config.ablate else found


def _with_ablation(config: Config, found: dict[str, tuple[LayerSpec, ...]]) -> dict[str, tuple[LayerSpec, ...]]:
    """A config's harnesses and the grid of `ablate`; a stack that is there already keeps its name and stands once."""
    from harnesslab.harness.ablate import ablation
    from harnesslab.harness.presets import PRESETS, preset

    choice = config.ablate
    assert choice is not None
    name = choice.harness
    if name not in found and name not in PRESETS:
        raise unknown_name("harness", name, [*found, *PRESETS], "name one of the config, or a preset")
    layers = found[name] if name in found else preset(name)
    for new, stack in ablation(name, layers, only=choice.layers, alone=choice.alone).items():
        if stack in found.values():
            continue
        if new in found:
            raise UserError(
                f"[harness.{new}] has other layers than the ablation's {new}", "", "give yours another name"
            )
        found[new] = stack
    return found


def _user(config: Config, scripted: bool, warnings: list[str], tasks: Sequence[TaskPlan]) -> PlayedUser | None:
    if not config.user:
        return None
    if not any(isinstance(t.task, Briefed) for t in tasks):
        raise UserError(f"no suite here has users that {config.user} could play", todo="leave user out")
    if scripted:
        warnings.append(f"the scripted engine cannot play users as {config.user} would: they speak by script")
        return None
    from harnesslab.models.registry import load_registry

    entry = load_registry().get(config.user)
    facts = {
        "model": _model_facts(entry, scripted),
        "sampling": dataclasses.asdict(entry.sampling),
        "player": _digest((Path(__file__).parent / "harness" / "model_user.py").read_text(encoding="utf-8")),
    }
    return PlayedUser(entry, facts)


def _draws(config: Config) -> list[int]:
    return [config.seed if choice.seed is None else choice.seed for choice in config.suites]


def _suite(choice: SuiteChoice, config: Config) -> tuple[Suite, list[TaskPlan]]:
    from harnesslab.suites.registry import load_suite

    seed = config.seed if choice.seed is None else choice.seed
    suite = load_suite(choice.name, seed=seed, n=None if choice.tiers else choice.n, split=choice.split)
    wanted = list(suite.tasks)
    if choice.tiers:
        tiers = {t.tier for t in suite.tasks}
        for tier in choice.tiers:
            if tier not in tiers:
                raise unknown_name(f"tier of {suite.name}", tier, tiers)
        wanted = _of_tiers(suite, choice.tiers)
        if choice.n is not None and len(wanted) < choice.n:
            # tiers take turns, so a draw this much longer holds n of them
            longer = -(-choice.n * len(suite.tasks) // len(wanted))
            suite = load_suite(choice.name, seed=seed, n=longer, split=choice.split)
            wanted = _of_tiers(suite, choice.tiers)
            if len(wanted) < choice.n:
                few = f"{len(suite.tasks)} tasks of {suite.name} hold {len(wanted)} of these tiers, not {choice.n}"
                raise UserError(few, todo="choose a smaller n, or more tiers")
    chosen = _spread(wanted)[: choice.n]
    return suite, [_task(suite, task, seed, config) for task in chosen]


def _of_tiers(suite: Suite, tiers: Sequence[str]) -> list[Task]:
    return [t for t in suite.tasks if t.tier in tiers]


def _spread(tasks: Sequence[Task]) -> list[Task]:
    """Tiers alternate, so that a sweep stopped early has seen some of each."""
    sizes: dict[str, int] = {}
    for task in tasks:
        sizes[task.tier] = sizes.get(task.tier, 0) + 1
    seen = dict.fromkeys(sizes, 0)
    placed = []
    for i, task in enumerate(tasks):
        placed.append(((seen[task.tier] + 0.5) / sizes[task.tier], i, task))
        seen[task.tier] += 1
    return [task for _, _, task in sorted(placed, key=lambda p: p[:2])]


def _task(suite: Suite, task: Task, draw: int, config: Config) -> TaskPlan:
    view = task.view
    changed = {k: v for k, v in config.budget.model_dump().items() if v is not None}
    if changed:
        view = dataclasses.replace(view, budget=dataclasses.replace(view.budget, **changed))
    key = _digest(
        [suite.name, suite.version, draw, view.id, task.variant, view.system, view.prompt],
        [dataclasses.asdict(view.budget), [c.key for c in task.oracle], task.oracle_answer],
        task.environment(config.seed, 0).digest(),
        *([task.brief] if config.user and isinstance(task, Briefed) else []),
    )
    return TaskPlan(key, suite, task, view)


# --- cells


def _cell(
    config: Config,
    entry: ModelEntry,
    harness: str,
    layers: tuple[LayerSpec, ...],
    suite: Suite,
    tasks: Sequence[TaskPlan],
    draw: int,
    scripted: bool,
    user: PlayedUser | None,
    warnings: list[str],
) -> CellPlan:
    from harnesslab.harness.registry import draws, layer_source_hash, suite_informed
    from harnesslab.suites.registry import advice_hash

    changed = {k: v for k, v in config.sampling.model_dump().items() if v is not None}
    sampling = dataclasses.replace(entry.sampling, **changed)
    greedy = sampling.greedy and not any(map(draws, layers)) and not any(_varies(t.task, config.seed) for t in tasks)
    repeats = 1 if greedy else config.repeats
    if repeats < config.repeats:
        warnings.append(f"{entry.name}/{harness} samples greedily, so its repeats would all be equal: one is run")
    facts = {
        "model": _model_facts(entry, scripted),
        "sampling": dataclasses.asdict(sampling),
        "seed": config.seed,
        "loop": _loop_source(),
        "layers": [
            {"name": s.name, "params": dict(s.params), "source": str(layer_source_hash(s.name))} for s in layers
        ],
        "suite": {"name": suite.name, "version": suite.version, "draw": draw},
        "evaluator": EVALUATOR,
    }
    if any(map(suite_informed, layers)) and any(t.view.advice != Advice() for t in tasks):
        facts["advice"] = f"{advice_hash(t.view.advice for t in tasks):016x}"
    if user is not None and any(isinstance(t.task, Briefed) for t in tasks):
        facts["user"] = user.facts
    return CellPlan(_digest(facts), entry, harness, layers, suite, sampling, repeats, greedy, facts)


@lru_cache(maxsize=1)
def _loop_source() -> str:
    """Hash of the agent loop's own source: it is a part of every harness."""
    room = Path(__file__).parent / "harness"
    return _digest(*((room / file).read_text(encoding="utf-8") for file in ("loop.py", "run.py", "compose.py")))


def _varies(task: Task, seed: int) -> bool:
    """Whether a repeat can differ although the model does not: another world, other faults, or a user's other words."""
    if isinstance(task, Varied) and task.varies:
        return True
    first, second = (task.environment(seed, repeat).digest() for repeat in (0, 1))
    return first != second or task.user(seed, 0) is not None


def _model_facts(entry: ModelEntry, scripted: bool) -> dict[str, Any]:
    """What decides a model's replies. Thread counts, batch sizes and placement only decide how fast they come."""
    if scripted:
        return {"engine": "scripted", "model": entry.name}
    facts: dict[str, Any] = {
        "engine": entry.engine,
        "template": hashlib.blake2b(_template(entry).encode(), digest_size=8).hexdigest(),
        "template_edits": [list(pair) for pair in entry.template_edits],
        "template_args": dict(entry.template_args),
        "dialect": entry.dialect,
        "reasoning": entry.reasoning,
        "n_ctx": entry.load.n_ctx,
    }
    if entry.engine == "openai":
        return facts | {"base_url": entry.base_url, "remote_model": entry.remote_model, "pinned": False}
    return facts | {
        "sha256": entry.sha256 or _own_file(entry),
        "kv_type": entry.load.kv_type,
        "flash_attn": entry.load.flash_attn,
    }


def _own_file(entry: ModelEntry) -> str:
    """sha256 of a file whose hash nobody stated: a user's own."""
    from harnesslab.models.fetch import ensure
    from harnesslab.models.verify import digest

    return digest(ensure(entry), progress=True)


def _template(entry: ModelEntry) -> str:
    """The template's text: a path would tie the cell to where it lies."""
    text = entry.chat_template
    if text and "\n" not in text and "{" not in text and Path(text).is_file():
        return Path(text).read_text(encoding="utf-8")
    return text


def _refuse_twins(cells: Sequence[CellPlan]) -> None:
    labels = [cell.label for cell in cells]
    for label in labels:
        if labels.count(label) > 1:
            raise UserError(f"two cells are called {label}", "a model or suite is listed twice", "list it once")
    by_key: dict[str, CellPlan] = {}
    for cell in cells:
        twin = by_key.setdefault(cell.key, cell)
        if twin is not cell:
            raise UserError(
                f"{twin.label} and {cell.label} are the same cell",
                "model, sampling, layers and suite are all equal",
                "leave one of them out",
            )


# --- what layers need of an engine


def missing_capabilities(needed: frozenset[str], info: EngineInfo) -> tuple[str, ...]:
    """What is needed and not offered, in order of name."""
    return tuple(sorted(needed - info.capabilities))


def refuse_unserved(cells: Sequence[CellPlan], infos: Mapping[str, EngineInfo]) -> None:
    """Raises UserError, naming all pairs, where engines cannot do what layers need.

    Args:
        infos: by model; cells of other models are passed over.
    """
    from harnesslab.harness.registry import find

    pairs: list[str] = []
    lacks: dict[str, set[str]] = {}
    for cell, layer in ((c, layer) for c in cells for layer in c.layers if c.entry.name in infos):
        info = infos[cell.entry.name]
        if lacking := missing_capabilities(find(layer.name).needs, info):
            pairs.append(f"{cell.label}: layer {layer.name} needs {', '.join(lacking)}")
            lacks.setdefault(f"{cell.entry.name} ({info.details.get('server', info.name)})", set()).update(lacking)
    if pairs:
        raise UserError(
            "; ".join(pairs),
            "; ".join(f"{model} does not offer {', '.join(sorted(names))}" for model, names in lacks.items()),
            "leave the layer or the model out",
        )


# --- trials


def _runs(
    config: Config, cells: Sequence[CellPlan], tasks: Sequence[TaskPlan]
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Blocks of tasks that rotate over the models, so that a sweep stopped at any time is paired.

    Inside a block all trials of one model come together, task by task, repeat by repeat, harness by harness: what arms
    share is then still warm. Every second block takes the models in reverse, which halves the switches.
    """
    models = list(dict.fromkeys(c.entry.name for c in cells))
    per_task = max(1, len(cells) // max(1, len(models)) // len(config.suites)) * max(c.repeats for c in cells)
    size = max(1, -(-_BLOCK_TRIALS // per_task))
    order = _interleave(tasks)
    for n, start in enumerate(range(0, len(order), size)):
        for model in models if n % 2 == 0 else reversed(models):
            for t in order[start : start + size]:
                suite = tasks[t].suite
                yield t, tuple(c for c, cell in enumerate(cells) if cell.entry.name == model and cell.suite is suite)


def _interleave(tasks: Sequence[TaskPlan]) -> list[int]:
    """Suites alternate in proportion to their size."""
    by_suite: dict[int, list[int]] = {}
    for i, task in enumerate(tasks):
        by_suite.setdefault(id(task.suite), []).append(i)
    placed = [((n + 0.5) / len(own), i) for own in by_suite.values() for n, i in enumerate(own)]
    return [i for _, i in sorted(placed)]


def _digest(*parts: Any) -> str:
    """128 bits of hexadecimal over the canonical JSON of the parts."""
    return hashlib.blake2b(canonical(list(parts)).encode(errors="surrogatepass"), digest_size=16).hexdigest()
