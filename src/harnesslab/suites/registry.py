"""Suites by name, and anyone's own: a folder of tasks by its path, or Python by import path "package.module:factory".

A factory is `factory(*, seed: int, n: int | None, split: str) -> Suite`; split is "eval", or "dev" for the draw that
difficulty was calibrated on. Equal arguments give equal tasks, in every process.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from harnesslab.errors import UserError, unknown_name
from harnesslab.suites.task import TaskSuite
from harnesslab.suites.tools import raised
from harnesslab.types import Advice, Suite, Task, canonical, stable_hash

_DESKS = "harnesslab.suites.servicedesk.suite"
SUITES = {
    "format": "harnesslab.suites.format.suite:load",
    "orders": "harnesslab.suites.orders.suite:load",
    "servicedesk": f"{_DESKS}:load",
    "servicedesk-retail": f"{_DESKS}:load_retail",
    "servicedesk-airline": f"{_DESKS}:load_airline",
    "workflow": "harnesslab.suites.workflow.suite:load",
    "workflow-calm": "harnesslab.suites.workflow.suite:load_calm",
}
SPLITS = ("eval", "dev")
_TASK = "see Task in harnesslab.types, and docs/suites.md"


def suite_names() -> tuple[str, ...]:
    return tuple(SUITES)


def load_suite(name: str, *, seed: int, n: int | None = None, split: str = "eval") -> Suite:
    """A suite of ours by name, a folder of tasks by path ("./my-tasks"), or a foreign suite by import path.

    The folder the user stands in is importable, and paths start from it.

    Args:
        n: how many tasks; None leaves it to the suite.

    A foreign suite's version has a hash of its source at its end: a sweep over another source is another sweep.

    Raises:
        UserError: nothing has that name, or the factory is missing, fails, or returns no suite.
    """
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    if name.startswith((".", "~")) or "/" in name or os.sep in name:
        from harnesslab.suites.folder import load_folder

        return load_folder(name, n=n, split=split)
    path = SUITES.get(name, name)
    if ":" not in path:
        todo = 'a suite of your own is "./folder" or "package.module:factory"'
        raise unknown_name("suite", name, SUITES, todo=todo)
    factory = _factory(path)
    try:
        suite = factory(seed=seed, n=n, split=split)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"suite {name!r} cannot be drawn",
            raised(error),
            "mend that line; a factory takes seed, n and split, and its tasks are made when it is called",
        ) from error
    if not isinstance(suite, Suite):
        raise UserError(
            f"{name!r} gave a {type(suite).__name__}, not a suite",
            "a suite has name, version and tasks",
            "see docs/suites.md",
        )
    if not suite.tasks:
        raise UserError(f"suite {name!r} has no tasks", todo="choose another n or split")
    for i, task in enumerate(suite.tasks):
        if not isinstance(task, Task):
            raise UserError(f"task {i} of suite {name!r} is a {type(task).__name__}, not a task", "", _TASK)
    if name in SUITES:
        return suite
    version = f"{suite.version}.{_source_hash(path.partition(':')[0]):08x}"
    return TaskSuite(suite.name, version, tuple(suite.tasks), getattr(suite, "summary", ""))


def _source_hash(module: str) -> int:
    """32 bits over a module's file and, if it lies in a package, over all Python files of that package's folder."""
    file = getattr(sys.modules[module], "__file__", None)
    if not file:
        return 0
    home = Path(file).parent
    files = sorted(home.rglob("*.py")) if (home / "__init__.py").exists() else [Path(file)]
    return stable_hash(*(part for p in files for part in (str(p.relative_to(home)), p.read_bytes()))) & 0xFFFFFFFF


def _factory(path: str) -> Callable[..., Any]:
    module_name, _, attribute = path.partition(":")
    if (here := os.getcwd()) not in sys.path and "" not in sys.path:
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise UserError(f"cannot import suite {path!r}", why, "check the path, and that it imports") from error
    factory = getattr(module, attribute, None)
    if not callable(factory):
        raise unknown_name(f"factory in {module_name}", attribute, [k for k, v in vars(module).items() if _draws(v)])
    return factory  # type: ignore[no-any-return]


def _draws(value: Any) -> bool:
    """Whether this is a factory, by what it takes."""
    return inspect.isfunction(value) and "seed" in inspect.signature(value).parameters


def advice_hash(advices: Iterable[Advice]) -> int:
    """64-bit hash of what suites' authors wrote for layers: data, and the source of the modules of its functions.

    A module without source counts by its name.
    """
    data: set[str] = set()
    modules: set[str] = set()
    for advice in advices:
        data.update(canonical(["prerequisite", p.tool, p.needs, p.match, p.why]) for p in advice.prerequisites)
        for spec, replaces in ((c.spec, c.replaces) for c in advice.compounds):
            data.add(canonical(["compound", spec.name, spec.description, spec.parameters, spec.writes, replaces]))
        functions = (*advice.validators, *(c.run for c in advice.compounds), *advice.checks)
        modules.update(map(_home, functions))
    return stable_hash(*sorted(data), *map(_source, sorted(modules)))


def _home(function: Any) -> str:
    """The module that a function, a partial of one, or a callable object comes from."""
    while isinstance(function, partial):
        function = function.func
    return str(function.__module__)


def _source(module: str) -> str:
    try:
        return inspect.getsource(sys.modules[module])
    except (KeyError, OSError, TypeError):
        return module
