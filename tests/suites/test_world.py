"""The overlay against the obvious thing: a deep copy of everything, hashed from scratch."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harnesslab.suites.world import Base, Snapshot, World, row_hash
from harnesslab.types import stable_hash

IDS = ["a", "b", "c", "d"]
TABLES: dict[str, dict[str, dict[str, Any]]] = {
    "t": {"a": {"x": 1}, "b": {"x": 2, "tags": {"p", "q"}}},
    "u": {"a": {"x": 1}},
}
ROWS = st.fixed_dictionaries({"x": st.integers(0, 2)}, optional={"tags": st.sets(st.sampled_from("pqr"))})
WRITES = st.tuples(st.just("write"), st.sampled_from(["t", "u"]), st.sampled_from(IDS), st.none() | ROWS)
STEPS = st.lists(
    st.one_of(
        WRITES, st.tuples(st.just("snapshot")), st.tuples(st.just("restore"), st.integers(0, 5)), st.tuples(st.just(""))
    ),
    max_size=30,
)


def naive_digest(tables: dict[str, dict[str, dict[str, Any]]]) -> int:
    total = 0
    for table, rows in tables.items():
        for id, row in rows.items():
            total += row_hash((table, id), {k: frozenset(v) if isinstance(v, set) else v for k, v in row.items()})
    return stable_hash("world", total % 2**64)


@given(STEPS)
@settings(max_examples=60, deadline=None)
def test_a_world_behaves_like_a_copy_of_the_whole_database(steps: list[tuple[Any, ...]]) -> None:
    world = World(Base(TABLES))
    plain = {t: dict(rows) for t, rows in TABLES.items()}
    saved: list[tuple[Snapshot, dict[str, dict[str, dict[str, Any]]]]] = []
    for step in steps:
        if step[0] == "write":
            _, table, id, row = step
            if row is None:
                world.delete(table, id)
                plain[table].pop(id, None)
            else:
                world.put(table, id, row)
                plain[table][id] = row
        elif step[0] == "snapshot":
            saved.append((world.snapshot(), {t: dict(rows) for t, rows in plain.items()}))
        elif step[0] == "restore" and saved:
            snapshot, copy = saved[step[1] % len(saved)]
            world.restore(snapshot)
            plain = {t: dict(rows) for t, rows in copy.items()}
        assert world.digest() == naive_digest(plain)
    for table, rows in plain.items():
        assert list(world.ids(table)) == sorted(rows)
        for x in range(3):
            assert [id for id, _ in world.where(table, "x", x)] == sorted(i for i, r in rows.items() if r["x"] == x)
    for snapshot, copy in saved:
        other = World(Base(TABLES), snapshot)
        assert other.digest() == naive_digest(copy)


def test_writing_back_the_old_value_gives_the_untouched_digest_and_is_remembered() -> None:
    base = Base(TABLES)
    world, untouched = World(base), World(base).digest()
    world.update("t", "a", x=9)
    assert world.digest() != untouched
    world.update("t", "a", x=1)
    assert world.digest() == untouched
    assert world.touched == {("t", "a")}


def test_writing_what_is_there_already_is_no_write() -> None:
    world = World(Base(TABLES))
    start = world.snapshot()
    world.update("t", "a", x=1)
    world.delete("t", "d")
    assert world.is_at(start)
    assert world.touched == frozenset()


def test_the_digest_is_of_the_state_and_not_of_how_it_came_about() -> None:
    written = World(Base({"t": {}, "u": {}}))
    for table in reversed(TABLES):
        for id in reversed(TABLES[table]):
            written.put(table, id, dict(reversed(TABLES[table][id].items())))
    assert written.digest() == World(Base(TABLES)).digest()


def test_the_order_of_a_list_counts_and_that_of_a_set_does_not() -> None:
    def digest(value: Any) -> int:
        return World(Base({"t": {"a": {"v": value}}})).digest()

    assert digest(["p", "q"]) != digest(["q", "p"])
    assert digest({"p", "q"}) == digest({"q", "p"})
    assert digest({"p"}) != digest(["p"])


def test_trials_share_a_base_and_nothing_else() -> None:
    base = Base(TABLES)
    one, two = World(base), World(base)
    one.put("t", "a", {"x": 7})
    assert two.get("t", "a") == {"x": 1}


def test_rows_cannot_be_changed_in_place() -> None:
    world = World(Base({"t": {"a": {"list": [1], "dict": {"k": 1}}}}))
    row: Any = world.get("t", "a")
    with pytest.raises(TypeError):
        row["list"] = []
    with pytest.raises(TypeError):
        row["dict"]["k"] = 2
    assert row["list"] == (1,)


def test_a_row_holds_json_like_values_only() -> None:
    with pytest.raises(TypeError, match="object"):
        Base({"t": {"a": {"v": object()}}})


def test_writes_after_a_snapshot_leave_it_alone() -> None:
    world = World(Base(TABLES))
    world.put("t", "c", {"x": 5})
    snapshot = world.snapshot()
    world.put("t", "c", {"x": 6})
    world.delete("t", "a")
    world.restore(snapshot)
    assert world.get("t", "c") == {"x": 5}
    assert world.get("t", "a") == {"x": 1}
    assert world.touched == {("t", "c")}
