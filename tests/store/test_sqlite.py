"""A finished trial is there once and whole, and a file that cannot be used is said in one line."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from harnesslab.errors import UserError
from harnesslab.report.export import to_json
from harnesslab.score.tables import summarise
from harnesslab.store.columns import ORACLE, CellRow, TaskRow, TrialStatus
from harnesslab.store.records import TrialRecord
from harnesslab.store.sqlite import FILE, Store
from harnesslab.trace.recorder import LayerTable, TrialRecorder
from harnesslab.types import EventKind, Weights


def blobs(n: int) -> tuple[bytes, bytes]:
    recorder = TrialRecorder(LayerTable())
    for turn in range(n):
        recorder.event(EventKind.REPLY, turn=turn)
    return recorder.finish([])


def record(
    id: str, *, cell: int = 1, task: int = 1, repeat: int = 0, n: int = 2, status: TrialStatus = TrialStatus.PASSED
) -> TrialRecord:
    events, payload = blobs(n)
    return TrialRecord(id, cell, task, repeat, status, 0, 1.5, math.nan, 1e9, {"reasons": ["x"]}, events, payload)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store.create(tmp_path, {"name": "t", "nested": {"a": [1, 2]}})
    made.begin_run({"build": "b1"})
    made.add_cell(CellRow("k1", "m", "loop", "orders", {"seed": 1}))
    made.add_cell(CellRow("k2", "m", "abort", "orders"))
    oracle = np.zeros(2, dtype=ORACLE)
    oracle["action"] = [7, 8]
    made.add_tasks(
        [
            ("t1", TaskRow("orders", "a", "base", "", "easy", oracle, ("refuse",)), {"prompt": "do"}),
            ("t2", TaskRow("orders", "b", "base", "", "hard", oracle[:0]), {}),
        ]
    )
    return made


def test_columns_are_ordered_and_joined(store: Store) -> None:
    store.add_trial(record("cc", cell=2, task=1, n=1))
    store.add_trial(record("bb", cell=1, task=2, n=3))
    store.add_trial(record("aa", cell=1, task=1, repeat=1, n=0))
    store.add_trial(record("dd", cell=1, task=1, repeat=0, n=2))
    columns, ids = store.columns_and_ids()
    assert ids == ["dd", "aa", "bb", "cc"]
    assert columns.trials["cell"].tolist() == [0, 0, 0, 1]
    assert columns.trials["task"].tolist() == [0, 0, 1, 0]
    assert columns.offsets.tolist() == [0, 2, 2, 5, 6]
    assert columns.events["turn"].tolist() == [0, 1, 0, 1, 2, 0]
    assert np.isnan(columns.trials["joules"]).all()
    assert [t.null for t in columns.tasks] == [("refuse",), ()]
    assert columns.tasks[0].oracle["action"].tolist() == [7, 8]
    assert columns.cells[0].facts == {"seed": 1}
    assert columns.layers == ("",)


def test_columns_without_ids_are_in_the_files_order_and_score_the_same(store: Store) -> None:
    for id, cell, task, repeat in (("cc", 2, 1, 0), ("bb", 1, 2, 0), ("ee", 1, 1, 2), ("dd", 1, 1, 0), ("aa", 1, 1, 1)):
        seconds = 0.1 * (1 + repeat)  # 0.1 + 0.2 + 0.3 depends on the order of adding
        status = TrialStatus.MISSING if id == "bb" else TrialStatus(repeat % 2)
        store.add_trial(
            replace(record(id, cell=cell, task=task, repeat=repeat, n=repeat), status=status, seconds=seconds)
        )
    stored, (ordered, _) = store.columns(), store.columns_and_ids()
    assert stored.trials["repeat"].tolist() == [0, 0, 2, 0, 1]
    assert stored.offsets.tolist() == [0, 0, 0, 2, 2, 3]
    assert ordered.trials["repeat"].tolist() == [0, 1, 2, 0, 0]
    assert to_json(summarise(stored)) == to_json(summarise(ordered))


def test_the_ceiling_is_of_cells_whose_layers_may_choose(store: Store) -> None:
    chosen = {"attempts": {"passed": [False, True], "chosen": 0, "any": True}}
    failed = {"attempts": {"passed": [False, False], "chosen": 1, "any": False}}
    layers = {"best": "best-of-n", "own": "my_layers:Choose", "plain": "retry"}
    for name, layer in layers.items():
        cell = store.add_cell(CellRow(name, "m", name, "orders", {"layers": [{"name": layer, "params": {}}]}))
        for task, repeat, facts in ((1, 0, chosen), (1, 1, failed), (2, 0, chosen)):
            kept = facts if name != "plain" else {"answer": 'it has "attempts"'}
            made = record(f"{cell:x}{task}{repeat}", cell=cell, task=task, repeat=repeat)
            store.add_trial(replace(made, facts=kept))
    found = {cell.key: cell.ceiling for cell in store.columns().cells}
    assert found == {"k1": None, "k2": None, "best": 0.75, "own": 0.75, "plain": None}


def test_an_empty_sweep_has_empty_columns(tmp_path: Path) -> None:
    columns = Store.create(tmp_path, {}).columns()
    assert len(columns.trials) == len(columns.events) == 0
    assert columns.offsets.tolist() == [0]


def test_none_is_stored_twice(store: Store) -> None:
    assert store.add_trial(record("aa", n=1))
    assert not store.add_trial(record("aa", n=5))
    assert len(store.columns().events) == 1


def test_a_missing_trial_is_run_again_and_replaced(store: Store) -> None:
    lost = TrialRecord("aa", 1, 1, 0, TrialStatus.MISSING, 255, 0, math.nan, 0, {"cause": "worker-died"})
    store.add_trial(lost)
    assert store.done() == set()
    assert store.missing() == {"aa": "worker-died"}
    assert store.add_trial(record("aa"))
    assert store.done() == {"aa"}
    assert store.missing() == {}


def test_a_runs_books_come_back_with_the_cheapest_calibration_of_each_model(store: Store) -> None:
    store.add_trial(replace(record("ab"), measured=2.5))
    store.add_trial(record("cd", repeat=1))
    dear, cheap = (Weights(0.0, prefill, 0.03, 1e-4, 1e-5, 0.0) for prefill in (0.02, 0.01))
    store.note_run({"engines": {"m": {"weights": [asdict(dear), asdict(cheap)]}}})
    store.note_run({"meter": {"wall": 4.0, "rows": {"trials": 2.5, "lab": 1.5}}})
    assert store.runs()[0]["facts"].keys() == {"build", "engines", "meter"}
    store.begin_run({"build": "b1"})
    store.note_run({"engines": {"m": {"weights": [asdict(dear)]}, "server": {"weights": []}}})
    columns = store.columns()
    assert columns.weights == {"m": cheap}
    assert columns.meter == {"trials": 2.5, "lab": 1.5}
    assert columns.unmetered_runs == 1
    assert columns.trials["measured"].tolist() == pytest.approx([2.5, math.nan], nan_ok=True)


def test_everything_is_there_after_reopening(store: Store, tmp_path: Path) -> None:
    store.add_trial(record("ab"), ["", "retry"])
    store.memo_put(b"k", b"v")
    store.end_run({"seconds": 1.0})
    store.close()
    assert [p.name for p in tmp_path.iterdir()] == [FILE]  # one plain file, no log beside it
    with Store.open(tmp_path) as again:
        assert again.manifest() == {"name": "t", "nested": {"a": [1, 2]}}
        assert again.done() == {"ab"}
        assert again.layers() == ("", "retry")
        assert again.memo_get(b"k") == b"v"
        assert again.memo_get(b"other") is None
        assert again.runs()[0]["telemetry"] == {"seconds": 1.0}
        shown = again.trial("a")
        assert (shown.label, shown.task, shown.facts) == ("m/loop/orders", "a", {"reasons": ["x"]})
        assert shown.task_facts == {"prompt": "do"}


def test_an_uncommitted_memo_goes_with_the_next_trial(store: Store, tmp_path: Path) -> None:
    store.memo_put(b"k", b"v")
    with Store.open(tmp_path, readonly=True) as reader:
        assert reader.memo_get(b"k") is None
        store.add_trial(record("aa"))
        assert reader.memo_get(b"k") == b"v"


def test_a_reader_sees_what_is_committed_while_the_sweep_runs(store: Store, tmp_path: Path) -> None:
    store.add_trial(record("aa"))
    with Store.open(tmp_path, readonly=True) as reader:
        assert reader.done() == {"aa"}
        store.add_trial(record("bb", repeat=1))
        assert reader.done() == {"aa", "bb"}


def test_a_trial_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    store.add_trial(record("abc1"))
    store.add_trial(record("abd2", repeat=1))
    assert store.trial("abd").id == "abd2"
    for bad in ("ab", "ff", "xyz'; DROP TABLE trial"):
        with pytest.raises(UserError):
            store.trial(bad)


def test_a_full_disk_loses_nothing(store: Store, tmp_path: Path) -> None:
    store.add_trial(record("aa"))
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    store.memo_put(b"k", b"v" * 100_000)
    with pytest.raises(UserError, match="no room"):
        store.add_trial(record("bb", repeat=1))
    with Store.open(tmp_path, readonly=True) as reader:
        assert reader.done() == {"aa"}


def test_a_locked_file_is_one_line(store: Store) -> None:
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store._db.execute("PRAGMA busy_timeout = 10")
    with pytest.raises(UserError, match="locked"):
        store.add_trial(record("aa"))
    other.execute("ROLLBACK")
    assert store.add_trial(record("aa"))


def test_files_that_are_not_ours_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no sweep"):
        Store.open(tmp_path)
    (tmp_path / FILE).write_bytes(b"not a database, not at all" * 100)
    with pytest.raises(UserError, match="damaged"):
        Store.open(tmp_path)
    (tmp_path / FILE).unlink()
    foreign = sqlite3.connect(tmp_path / FILE)
    foreign.execute("CREATE TABLE theirs (x)")
    foreign.close()
    with pytest.raises(UserError, match="not a sweep"):
        Store.open(tmp_path)


def test_another_format_is_refused(store: Store, tmp_path: Path) -> None:
    store.close()
    db = sqlite3.connect(tmp_path / FILE)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(UserError, match="format 99"):
        Store.open(tmp_path)


def test_a_cut_file_is_one_line(store: Store, tmp_path: Path) -> None:
    for i in range(50):
        store.add_trial(record(f"{i:02x}", repeat=i, n=20))
    store.close()
    data = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="damaged"):
        Store.open(tmp_path, readonly=True).columns()


def test_a_file_that_a_crash_left_empty_does_not_count(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    assert not Store.exists(tmp_path)
    with Store.create(tmp_path, {}):
        pass
    assert Store.exists(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot use"):
        Store.create(tmp_path / "file" / "below", {})
