"""A `Summary` for people and for other programs: terminal tables, one HTML page, JSON."""
