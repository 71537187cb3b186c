"""One SQLite file per sweep, and the columns that scoring reads from it."""
