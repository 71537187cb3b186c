"""docs/metrics.md is run: every `>>>` of it gives what stands below."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import example_traces
import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
NAMES = {
    "np": np,
    "approx": pytest.approx,
    **{name: getattr(example_traces, name) for name in ("call", "count", "reply", "scanned")},
}


def test_the_worked_examples_of_the_page_come_out():
    found = doctest.testfile(str(PAGE), module_relative=False, extraglobs=NAMES)
    assert found.failed == 0
    assert found.attempted > 60


@pytest.mark.parametrize(
    "title",
    [
        *("pass^k and pass@k", "The ladder, and first-attempt accuracy", "Pass rate", "Recovery", "First departure"),
        *("Budget", "Energy", "Two ledgers", "Intervals", "Paired differences"),
    ],
)
def test_each_formula_has_an_example(title):
    (section,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## )", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert ">>>" in section
