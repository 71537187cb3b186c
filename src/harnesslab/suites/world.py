"""A world of rows: a copy-on-write overlay over an immutable base that all trials of a suite share.

It knows nothing of tools and tasks. A trial costs what it writes: a snapshot or a restore is O(1), the first write
after one copies the overlay (the rows written so far, never the base), and a digest hashes the written rows only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from harnesslab.types import canonical, stable_hash

Row = Mapping[str, Any]
Key = tuple[str, str]  # table, id

_MASK = (1 << 64) - 1


def freeze(value: Any) -> Any:
    """The immutable twin of a JSON-like value; sets are allowed, for lists whose order has no meaning.

    Raises:
        TypeError: for anything but mappings, lists, tuples, sets, strings, numbers, booleans and None.
    """
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Mapping):
        return MappingProxyType({str(k): freeze(v) for k, v in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple(freeze(v) for v in value)
    if isinstance(value, (set, frozenset)):
        return frozenset(freeze(v) for v in value)
    raise TypeError(f"a row cannot hold a {type(value).__name__}")


def row_hash(key: Key, row: Row) -> int:
    """64-bit hash of one row, equal in every process; the order of fields and of set members does not count."""
    text = canonical([*key, _plain(row)])
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "little")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, frozenset):
        return {"<set>": sorted(canonical(_plain(v)) for v in value)}
    return value


class _Tables(dict[str, dict[str, Row]]):
    def __missing__(self, name: str) -> dict[str, Row]:
        raise KeyError(f"no table {name!r}; there are {', '.join(self)}")


class Base:
    """Immutable tables: name -> id -> row. Hashes and indexes are computed on first use, once for all trials."""

    def __init__(self, tables: Mapping[str, Mapping[str, Row]]) -> None:
        self._tables = _Tables(
            {name: {str(id): freeze(row) for id, row in rows.items()} for name, rows in tables.items()}
        )
        self._hashes: dict[Key, int] = {}
        self._indexes: dict[tuple[str, str], dict[Any, tuple[str, ...]]] = {}
        self._total: int | None = None

    @property
    def tables(self) -> tuple[str, ...]:
        return tuple(self._tables)

    def get(self, table: str, id: str) -> Row | None:
        return self._tables[table].get(id)

    def ids(self, table: str) -> tuple[str, ...]:
        return tuple(self._tables[table])

    def hash(self, key: Key) -> int:
        """The row's hash, 0 where there is no such row."""
        if key not in self._hashes:
            row = self.get(*key)
            self._hashes[key] = 0 if row is None else row_hash(key, row)
        return self._hashes[key]

    @property
    def total(self) -> int:
        """Sum of all rows' hashes, modulo 2**64."""
        if self._total is None:
            self._total = sum(self.hash((table, id)) for table in self._tables for id in self._tables[table]) & _MASK
        return self._total

    def index(self, table: str, field: str) -> Mapping[Any, tuple[str, ...]]:
        """Ids by the value of one (hashable) field."""
        if (table, field) not in self._indexes:
            found: dict[Any, list[str]] = {}
            for id, row in self._tables[table].items():
                found.setdefault(row.get(field), []).append(id)
            self._indexes[table, field] = {value: tuple(ids) for value, ids in found.items()}
        return self._indexes[table, field]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A world's state: written rows (None: deleted) and every row written since the start, even if written back.

    It fits any world over the same base, and stays valid whatever is restored or written meanwhile.
    """

    rows: Mapping[Key, Row | None]
    touched: frozenset[Key] = frozenset()


EMPTY = Snapshot(MappingProxyType({}))


class World:
    """Tables that can be written. Rows are immutable: change one with `update`."""

    __slots__ = ("_base", "_rows", "_shared", "_touched")

    def __init__(self, base: Base, start: Snapshot = EMPTY) -> None:
        self._base = base
        self._rows, self._touched, self._shared = start.rows, start.touched, True

    @property
    def base(self) -> Base:
        return self._base

    def get(self, table: str, id: str) -> Row | None:
        key = (table, id)
        return self._rows[key] if key in self._rows else self._base.get(table, id)

    def ids(self, table: str) -> Iterator[str]:
        """All ids of a table, sorted."""
        written = {id: row for (name, id), row in self._rows.items() if name == table}
        kept = {id for id in self._base.ids(table) if id not in written}
        return iter(sorted(kept | {id for id, row in written.items() if row is not None}))

    def where(self, table: str, field: str, value: Any) -> list[tuple[str, Row]]:
        """Rows whose `field` equals `value`, with their ids, sorted by id; costs what it finds and what was written."""
        found: dict[str, Row] = {}
        for id in self._base.index(table, field).get(value, ()):
            row = self.get(table, id)
            if row is not None and row.get(field) == value:
                found[id] = row
        for (name, id), row in self._rows.items():
            if name == table and row is not None and row.get(field) == value:
                found[id] = row
        return sorted(found.items())

    def put(self, table: str, id: str, row: Row) -> None:
        """Writes a whole row. Writing what is there already is no write."""
        self._write((table, id), freeze(row))

    def update(self, table: str, id: str, **fields: Any) -> None:
        """Writes some fields of a row. Raises KeyError where there is no such row."""
        row = self.get(table, id)
        if row is None:
            raise KeyError(f"{table} {id}")
        self.put(table, id, {**row, **fields})

    def delete(self, table: str, id: str) -> None:
        self._write((table, id), None)

    def _write(self, key: Key, row: Row | None) -> None:
        if self.get(*key) == row:
            return
        rows = dict(self._rows) if self._shared else self._rows
        assert isinstance(rows, dict)
        if self._base.get(*key) == row:
            del rows[key]
        else:
            rows[key] = row
        self._rows, self._shared = rows, False
        self._touched |= {key}

    @property
    def touched(self) -> frozenset[Key]:
        """Rows written since the start, even if written back to what they were."""
        return self._touched

    def snapshot(self) -> Snapshot:
        self._shared = True
        return Snapshot(self._rows, self._touched)

    def restore(self, snapshot: Snapshot) -> None:
        self._rows, self._touched, self._shared = snapshot.rows, snapshot.touched, True

    def is_at(self, snapshot: Snapshot) -> bool:
        """Whether the rows are those of `snapshot`."""
        return self._rows is snapshot.rows or self._rows == snapshot.rows

    def digest(self) -> int:
        """64-bit hash of all rows, a function of the state alone: neither base, history nor order of writing counts."""
        total = self._base.total
        for key, row in self._rows.items():
            total += (0 if row is None else row_hash(key, row)) - self._base.hash(key)
        return stable_hash("world", total & _MASK)
