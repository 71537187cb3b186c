"""The example of docs/suites.md is a suite that holds every proof."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from harnesslab.suites.check import check_named

PAGE = Path(__file__).parents[2] / "docs" / "suites.md"


def test_the_example_works_and_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "my_suite.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert [f for f in check_named("my_suite:load", seed=1) if not f.ok] == []
    assert code.count("\n") <= 70
