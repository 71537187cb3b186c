"""From entries to tasks: each is tried with its own solution, and a fault names file, line and what to do."""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from harnesslab.errors import UserError, unknown_name
from harnesslab.suites.environment import WorldEnvironment
from harnesslab.suites.files import clean_path
from harnesslab.suites.folder.command import Command
from harnesslab.suites.folder.read import CallEntry, Entry, read_folder
from harnesslab.suites.folder.worlds import WORLDS, BuiltIn
from harnesslab.suites.task import Goal, Read, TaskSuite, WorldTask
from harnesslab.suites.tools import ToolError
from harnesslab.suites.values import Day, Number, Percent, Value, Word
from harnesslab.suites.world import Base
from harnesslab.types import Budget, Environment, Grade, Task, TaskView, ToolCall

_PERCENT = re.compile(r"(-?\d+(?:\.\d+)?)\s?%")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_SKIPPED = {"__pycache__"}


@dataclass(frozen=True, slots=True)
class CommandTask(WorldTask):
    """A task whose world is judged by a command."""

    command: Command | None = None
    world: str = "files"

    def check(self, environment: Environment, answer: str) -> Grade:
        grade = WorldTask.check(self, environment, answer)
        if self.command is None:
            return grade
        assert isinstance(environment, WorldEnvironment)
        fault = self.command.run(WORLDS[self.world].as_files(environment.world), answer)
        return Grade(grade.passed and not fault, (*grade.reasons, fault) if fault else grade.reasons)

    def mutated(self) -> Iterator[tuple[str, Task]]:
        for name, goal in self.goal.mutated():
            yield name, replace(self, goal=goal)
        if self.command is not None:
            yield "without the command", replace(self, command=None)


def load_folder(name: str, *, n: int | None = None, split: str = "eval") -> TaskSuite:
    """The suite that a folder is. Its tasks are the same for every seed; its version is a hash of all its files.

    Raises:
        UserError: anything wrong with the folder, in one line.
    """
    folder = Path(name).expanduser()
    if split != "eval":
        raise UserError(f"{name} has no {split!r} draw", "the tasks of a folder are the same ones always", "drop split")
    tasks: list[Task] = []
    for entry in read_folder(folder):
        task = _task(entry, folder.resolve())
        if any(task.view.id == other.view.id for other in tasks):
            raise entry.place.error(f"a second task {task.view.id!r}", "ids name tasks", "choose another id", key="id")
        tasks.append(task)
    if n is not None and not 1 <= n <= len(tasks):
        raise UserError(f"{name} has {len(tasks)} tasks, not {n}", todo="choose another n")
    title = folder.resolve().name
    return TaskSuite(title, content_hash(folder), tuple(tasks[:n]), f"Tasks of the folder {folder}.")


def content_hash(folder: Path) -> str:
    """12 hexadecimal digits over the paths and bytes of all files but hidden ones."""
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        inside = path.relative_to(folder)
        if any(part.startswith(".") or part in _SKIPPED for part in inside.parts):
            continue
        for data in (inside.as_posix().encode(), path.read_bytes()):
            digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def _task(entry: Entry, folder: Path) -> WorldTask:
    written, place = entry.task, entry.place
    world = WORLDS[written.world]
    id = written.id or f"{place.file.stem}-{entry.number}"
    rows = Base(_tables(entry, folder, world))
    says = tuple(_value(said) for said in _listed(written.answer))
    oracle = tuple(_call(entry, call, world, "solution") for call in written.solution)
    command = _command(entry, folder)
    environment = WorldEnvironment(world.kit, rows)
    for number, call in enumerate(oracle, 1):
        result = environment.call(call)
        if not result.ok:
            what = f"call {number} of the solution, {call.name}, fails"
            raise place.error(what, result.content, "mend the call, or what the world starts with", key="solution")
    if not (says or command or environment.touched):
        why = "it has no answer, no check, and no solution that changes the world"
        raise place.error("nothing says when this task is solved", why, "add one of the three")
    judged = command is None and any(tool.writes for tool in world.kit.toolbox)
    goal = Goal(
        environment.digest() if judged else None,
        environment.touched,
        says,
        tuple(Read((_call(entry, call, world, "reads"),)) for call in written.reads),
    )
    stated = written.solution_answer or ", ".join(map(str, _listed(written.answer))) or "Done."
    return CommandTask(
        TaskView(id, written.system or world.system, written.prompt, Budget(turns=written.turns)),
        base=written.base or id,
        variant="",
        tier=written.tier,
        oracle=oracle,
        oracle_answer=stated,
        goal=goal,
        kit=world.kit,
        rows=rows,
        command=command,
        world=written.world,
    )


def _listed(answer: Any) -> list[str | int | float]:
    return [] if answer is None else answer if isinstance(answer, list) else [answer]


def _value(said: str | int | float) -> Value:
    if not isinstance(said, str):
        return Number(float(said))
    if _DAY.fullmatch(said):
        try:
            return Day(date.fromisoformat(said))
        except ValueError:
            pass
    if share := _PERCENT.fullmatch(said):
        return Percent(float(share[1]))
    return Word(said)


def _call(entry: Entry, call: CallEntry, world: BuiltIn, key: str) -> ToolCall:
    if world.kit.toolbox.get(call.tool) is None:
        error = unknown_name("tool", call.tool, world.kit.toolbox.names)
        raise entry.place.error(error.what, error.why, f"mend the call under {key}", key=key)
    return ToolCall(call.tool, call.arguments)


# --- what the world starts with


def _tables(entry: Entry, folder: Path, world: BuiltIn) -> dict[str, dict[str, Mapping[str, Any]]]:
    written, place = entry.task, entry.place
    for key in ("start", "files") if written.world != "files" else ("rows",):
        if getattr(written, key):
            raise place.error(f"{key} has no place in world {written.world!r}", "", f"drop {key}", key=key)
    if written.world == "files":
        return {"files": {path: {"text": text} for path, text in _texts(entry, folder).items()}}
    tables: dict[str, dict[str, Mapping[str, Any]]] = {table: {} for table in world.tables}
    for table, rows in written.rows.items():
        if table not in world.tables:
            error = unknown_name("table", table, world.tables)
            raise place.error(error.what, error.why, "mend rows", key="rows")
        for id, row in rows.items():
            for name, kind in world.tables[table].items():
                if type(row.get(name)) is not kind:
                    why = f"{table} need {', '.join(world.tables[table])}"
                    raise place.error(f"rows.{table}.{id} has no {kind.__name__} {name!r}", why, "add it", key="rows")
            tables[table][id] = row
    return tables


def _texts(entry: Entry, folder: Path) -> dict[str, str]:
    """The start files: those of the folder `start`, then those written in the task itself."""
    written, place = entry.task, entry.place
    texts: dict[str, str] = {}
    if written.start:
        root = (folder / written.start).resolve()
        if not root.is_dir() or not root.is_relative_to(folder) or root == folder:
            why = f"there is no folder {written.start} in {folder}"
            raise place.error("bad start", why, "give a folder beside this file", key="start")
        for file in sorted(p for p in root.rglob("*") if p.is_file()):
            try:
                texts[file.relative_to(root).as_posix()] = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                raise place.error(f"{file} is no text", "the world holds text files", "drop it", key="start") from None
    texts.update(written.files)
    for path in texts:
        try:
            clean = clean_path(path)
        except ToolError as e:
            raise place.error(str(e), e.expected, "mend that path", key="files") from None
        if clean != path or any(other.startswith(f"{path}/") for other in texts):
            raise place.error(f"bad path {path!r}", "it is no plain path of a file", "mend it", key="files")
    return texts


# --- the check command


def _command(entry: Entry, folder: Path) -> Command | None:
    """The command with names of the folder's own files as full paths; "python" is the one that runs this."""
    written, place = entry.task, entry.place
    try:
        arguments = shlex.split(written.check) if isinstance(written.check, str) else written.check
    except ValueError as e:
        raise place.error("check is no command", str(e), "write it as a list of words", key="check") from None
    if not arguments:
        return None
    full = [str(folder / word) if _is_own(word, folder) else word for word in arguments]
    if full[0] in ("python", "python3"):
        full[0] = sys.executable
    if shutil.which(full[0]) is None:
        why = "it is no file of the folder that may be run, and no command on the PATH"
        raise place.error(f"cannot run {arguments[0]!r}", why, "mend check, or install it", key="check")
    return Command(tuple(full), str(folder), written.timeout)


def _is_own(word: str, folder: Path) -> bool:
    try:
        path = (folder / word).resolve()
        return path.is_file() and path.is_relative_to(folder)
    except (OSError, ValueError):
        return False
