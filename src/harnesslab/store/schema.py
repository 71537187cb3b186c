"""The tables of one sweep's file. Change them and raise VERSION; an index may come and go without."""

from __future__ import annotations

APPLICATION_ID = 0x684C6162  # "hLab": tells our files from other SQLite files
VERSION = 2

TABLES = """
CREATE TABLE manifest (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    started REAL NOT NULL,
    ended REAL,
    facts TEXT NOT NULL,
    telemetry TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE cell (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    model TEXT NOT NULL,
    harness TEXT NOT NULL,
    suite TEXT NOT NULL,
    facts TEXT NOT NULL,
    UNIQUE (model, harness, suite)
);
CREATE TABLE task (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    suite TEXT NOT NULL,
    name TEXT NOT NULL,
    base TEXT NOT NULL,
    variant TEXT NOT NULL,
    tier TEXT NOT NULL,
    oracle BLOB NOT NULL,
    null_agents TEXT NOT NULL,
    facts TEXT NOT NULL
);
CREATE TABLE layer (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE trial (
    id TEXT PRIMARY KEY,
    cell INTEGER NOT NULL REFERENCES cell (id),
    task INTEGER NOT NULL REFERENCES task (id),
    repeat INTEGER NOT NULL,
    status INTEGER NOT NULL,
    ending INTEGER NOT NULL,
    seconds REAL NOT NULL,
    joules REAL,
    started REAL NOT NULL,
    run INTEGER NOT NULL REFERENCES run (id),
    facts TEXT NOT NULL,
    events BLOB NOT NULL,
    payload BLOB NOT NULL,
    measured REAL
);
CREATE INDEX missing_trial ON trial (id) WHERE status = 2;
CREATE TABLE memo (key BLOB PRIMARY KEY, reply BLOB NOT NULL) WITHOUT ROWID;
"""
