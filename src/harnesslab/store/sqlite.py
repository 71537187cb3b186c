"""One sweep's file: SQLite in WAL mode. A finished trial is one transaction; a crash loses only trials in flight."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harnesslab.errors import UserError
from harnesslab.store.columns import CellRow, Columns, TaskRow, TrialStatus
from harnesslab.store.faults import one_line
from harnesslab.store.records import TrialRecord, TrialText
from harnesslab.store.schema import APPLICATION_ID, TABLES, VERSION
from harnesslab.trace.events import dumps, loads

FILE = "trials.sqlite"

_ADD_TRIAL = f"""
INSERT INTO trial VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    status = excluded.status, ending = excluded.ending, seconds = excluded.seconds, joules = excluded.joules,
    started = excluded.started, run = excluded.run, facts = excluded.facts, events = excluded.events,
    payload = excluded.payload, measured = excluded.measured
WHERE trial.status = {int(TrialStatus.MISSING)}
"""


class Store:
    """One sweep's file. One thread writes; any number of processes may read meanwhile.

    Raises (from every method): UserError, one line, where the file is damaged, foreign, locked or the disk is full.
    """

    def __init__(self, path: Path, db: sqlite3.Connection, *, writable: bool) -> None:
        self.path = path
        self._db = db
        self._writable = writable
        self._run = 0
        self._facts: dict[str, Any] = {}  # of the run in progress
        self._memos: list[tuple[bytes, bytes]] = []
        self._n_layers = 0

    # --- opening and closing

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether `folder` holds a file worth opening; one that a crash left empty is not."""
        path = folder / FILE
        if not path.is_file():
            return False
        try:
            db = _connect(path, readonly=True)
            try:
                return bool(db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
            finally:
                db.close()
        except sqlite3.Error:
            return True

    @classmethod
    def create(cls, folder: Path, manifest: Mapping[str, Any]) -> Store:
        """A new, empty file in `folder`, which is made if it does not exist."""
        path = folder / FILE
        with one_line(path):
            folder.mkdir(parents=True, exist_ok=True)
            db = _connect(path)
            db.execute("PRAGMA journal_mode = WAL")
            facts = [(k, _json(v)) for k, v in manifest.items()]
            with _transaction(db):
                for statement in filter(str.strip, TABLES.split(";")):
                    db.execute(statement)
                db.executemany("INSERT INTO manifest VALUES (?, ?)", facts)
                db.execute("INSERT INTO layer VALUES (0, '')")
                db.execute(f"PRAGMA user_version = {VERSION}")
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        return cls._ready(path, db, writable=True)

    @classmethod
    def open(cls, folder: Path, *, readonly: bool = False) -> Store:
        """The file that a sweep made in `folder`."""
        path = folder / FILE
        if not path.is_file():
            raise UserError(f"no sweep in {folder}", f"{FILE} is not there", "harnesslab sweep CONFIG makes one")
        with one_line(path):
            db = _connect(path, readonly=readonly)
            _check_ours(path, db)
            if not readonly:
                db.execute("PRAGMA journal_mode = WAL")
        return cls._ready(path, db, writable=not readonly)

    @classmethod
    def _ready(cls, path: Path, db: sqlite3.Connection, *, writable: bool) -> Store:
        store = cls(path, db, writable=writable)
        store._n_layers = len(store.layers())
        return store

    def close(self) -> None:
        """Writes what is pending and leaves one plain file, unless somebody is reading it."""
        if self._writable:
            self.flush()
            try:
                self._db.execute("PRAGMA busy_timeout = 0")
                self._db.execute("PRAGMA journal_mode = DELETE")
            except sqlite3.Error:
                pass  # a reader has it open: SQLite folds the log in when the last one closes
        self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- what a sweep is made of

    def manifest(self) -> dict[str, Any]:
        return {k: loads(v) for k, v in self._read("SELECT key, value FROM manifest")}

    def begin_run(self, facts: Mapping[str, Any]) -> int:
        """Notes that one invocation starts; its trials carry the number."""
        with one_line(self.path), _transaction(self._db):
            row = self._db.execute("INSERT INTO run (started, facts) VALUES (?, ?)", (time.time(), _json(facts)))
            self._run = int(row.lastrowid or 0)
        self._facts = dict(facts)
        return self._run

    def note_run(self, facts: Mapping[str, Any]) -> None:
        """Adds facts to those of the run in progress, in place of earlier ones of the same name."""
        self._facts = {**self._facts, **facts}
        with one_line(self.path), _transaction(self._db):
            self._db.execute("UPDATE run SET facts = ? WHERE id = ?", (_json(self._facts), self._run))

    def end_run(self, telemetry: Mapping[str, Any]) -> None:
        with one_line(self.path), _transaction(self._db):
            self._db.execute(
                "UPDATE run SET ended = ?, telemetry = ? WHERE id = ?", (time.time(), _json(telemetry), self._run)
            )

    def runs(self) -> list[dict[str, Any]]:
        """Every invocation that worked on this sweep: `started` and `ended` in seconds since the epoch."""
        rows = self._read("SELECT id, started, ended, facts, telemetry FROM run ORDER BY id")
        return [{"id": i, "started": s, "ended": e, "facts": loads(f), "telemetry": loads(t)} for i, s, e, f, t in rows]

    def add_cell(self, cell: CellRow) -> int:
        """Stores a cell once and returns its row number."""
        values = (cell.key, cell.model, cell.harness, cell.suite, _json(cell.facts))
        with one_line(self.path), _transaction(self._db):
            self._db.execute(
                "INSERT OR IGNORE INTO cell (key, model, harness, suite, facts) VALUES (?, ?, ?, ?, ?)", values
            )
        return self._row("cell", cell.key)

    def add_tasks(self, tasks: Iterable[tuple[str, TaskRow, Mapping[str, Any]]]) -> dict[str, int]:
        """Stores (key, row, facts for people) once each; returns row numbers by key."""
        values = [
            (key, t.suite, t.id, t.base, t.variant, t.tier, t.oracle.tobytes(), _json(list(t.null)), _json(facts))
            for key, t, facts in tasks
        ]
        with one_line(self.path), _transaction(self._db):
            self._db.executemany(
                "INSERT OR IGNORE INTO task (key, suite, name, base, variant, tier, oracle, null_agents, facts) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
        return dict(self._read("SELECT key, id FROM task"))

    def cells(self) -> tuple[CellRow, ...]:
        rows = self._read("SELECT key, model, harness, suite, facts FROM cell ORDER BY id")
        return tuple(CellRow(k, m, h, s, loads(f)) for k, m, h, s, f in rows)

    def layers(self) -> tuple[str, ...]:
        return tuple(name for (name,) in self._read("SELECT name FROM layer ORDER BY id"))

    def _row(self, table: str, key: str) -> int:
        found = self._read(f"SELECT id FROM {table} WHERE key = ?", key)
        if not found:
            raise UserError(
                f"{self.path} holds another {table} under the same name",
                "its content changed since",
                "give the config another name",
            )
        return int(found[0][0])

    # --- trials

    def add_trial(self, trial: TrialRecord, layers: Sequence[str] = ()) -> bool:
        """Commits one trial, the memo entries that came up since, and layer names not yet stored, in one transaction.

        Returns:
            Whether it was new. A trial that is already there stays as it is, unless it was MISSING.
        """
        joules = None if math.isnan(trial.joules) else trial.joules
        values = (
            trial.id,
            trial.cell,
            trial.task,
            trial.repeat,
            int(trial.status),
            trial.end,
            trial.seconds,
            joules,
            trial.started,
            self._run,
            _json(trial.facts),
            trial.events,
            trial.payload,
            None if math.isnan(trial.measured) else trial.measured,
        )
        with one_line(self.path), _transaction(self._db):
            for i in range(self._n_layers, len(layers)):
                self._db.execute("INSERT OR IGNORE INTO layer VALUES (?, ?)", (i, layers[i]))
            added = self._db.execute(_ADD_TRIAL, values).rowcount > 0
            self._write_memos()
        self._memos.clear()
        self._n_layers = max(self._n_layers, len(layers))
        return added

    def done(self) -> set[str]:
        """Ids of finished trials. A MISSING one is not finished: a resume runs it again."""
        # Two looks into indexes: no trial is read, however many there are.
        missing = f"SELECT id FROM trial WHERE status = {int(TrialStatus.MISSING)}"
        with one_line(self.path):
            stored = {i for (i,) in self._db.execute("SELECT id FROM trial")}
            return stored.difference(i for (i,) in self._db.execute(missing))

    def missing(self) -> dict[str, str]:
        """Ids of MISSING trials with their cause."""
        rows = self._read(f"SELECT id, facts FROM trial WHERE status = {int(TrialStatus.MISSING)}")
        return {i: str(loads(f).get("cause", "")) for i, f in rows}

    def columns(self) -> Columns:
        """Everything stored so far, for scoring, in the file's order: one pass, and one copy of the events."""
        from harnesslab.store.load import load_columns

        with one_line(self.path):
            return load_columns(self._db)[0]

    def columns_and_ids(self) -> tuple[Columns, list[str]]:
        """The same ordered by (cell, task, repeat), for people and exports, and the id of each trial."""
        from harnesslab.store.load import load_columns

        with one_line(self.path):
            return load_columns(self._db, ids=True)

    def trial(self, trial_id: str) -> TrialText:
        """One trial by its id or the beginning of it."""
        if trial_id.strip("0123456789abcdef"):
            raise UserError(f"{trial_id!r} is no trial", "ids are hexadecimal", "harnesslab trace lists them")
        rows = self._read(
            "SELECT trial.id, model || '/' || harness || '/' || cell.suite, task.name, repeat, status, ending, seconds,"
            " joules, trial.facts, task.facts, events, payload FROM trial JOIN cell ON cell.id = trial.cell"
            " JOIN task ON task.id = trial.task WHERE trial.id >= ? AND trial.id < ? LIMIT 2",
            trial_id,
            trial_id + "g",
        )
        if len(rows) != 1:
            why = "several trials begin like that" if rows else f"{self.path.parent} has none that begins like that"
            raise UserError(f"no single trial {trial_id!r}", why, "harnesslab trace lists them")
        i, label, task, repeat, status, end, seconds, joules, facts, task_facts, events, payload = rows[0]
        return TrialText(
            id=i,
            label=label,
            task=task,
            repeat=repeat,
            status=TrialStatus(status),
            end=end,
            seconds=seconds,
            joules=math.nan if joules is None else joules,
            facts=loads(facts),
            task_facts=loads(task_facts),
            events=events,
            payload=payload,
        )

    # --- the memo

    def memo_get(self, key: bytes) -> bytes | None:
        found = self._read("SELECT reply FROM memo WHERE key = ?", key)
        return found[0][0] if found else None

    def memo_put(self, key: bytes, reply: bytes) -> None:
        """Kept until the next trial is committed, and written with it."""
        self._memos.append((key, reply))

    def flush(self) -> None:
        if self._memos:
            with one_line(self.path), _transaction(self._db):
                self._write_memos()
            self._memos.clear()

    def _write_memos(self) -> None:
        if self._memos:
            self._db.executemany("INSERT OR IGNORE INTO memo VALUES (?, ?)", self._memos)

    def _read(self, sql: str, *values: Any) -> list[Any]:
        with one_line(self.path):
            return self._db.execute(sql, values).fetchall()


class _transaction:
    """BEGIN IMMEDIATE ... COMMIT, or ROLLBACK when anything is raised inside."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._db.execute("COMMIT")
        elif self._db.in_transaction:
            self._db.execute("ROLLBACK")


def _connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode={'ro' if readonly else 'rwc'}"
    db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10.0)
    if not readonly:
        db.execute("PRAGMA synchronous = NORMAL")
    return db


def _check_ours(path: Path, db: sqlite3.Connection) -> None:
    application = db.execute("PRAGMA application_id").fetchone()[0]
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise UserError(f"{path} is not a sweep", "it is some other program's database", "give another folder")
    if version != VERSION:
        raise UserError(
            f"{path} has format {version}",
            f"this harnesslab reads format {VERSION}",
            "use the harnesslab that made it, or run the sweep again under another name",
        )


def _json(value: Any) -> str:
    return dumps(value).decode()
