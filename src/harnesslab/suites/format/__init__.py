"""Answers in forms that a pipeline can read: JSON, CSV, YAML, dates, labels, calls; see docs/suites.md."""
