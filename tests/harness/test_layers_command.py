"""`harnesslab layers` and docs/layers.md say the same as the code."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from toy_desk import TOOLBOX, call, play

from harnesslab.cli import run
from harnesslab.harness.near_miss import near_misses
from harnesslab.harness.registry import LAYERS, layer_names
from harnesslab.harness.wording import one_call
from harnesslab.types import EventKind, Status

DOCS = Path(__file__).parents[2] / "docs" / "layers.md"


def test_list_shows_every_layer_in_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["layers", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, entry in LAYERS.items():
        assert any(line.startswith(name) and entry.port in line for line in lines)
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("name", layer_names())
def test_info_shows_parameters_with_defaults_source_and_limits(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["layers", "info", name]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    out = "\n".join(" ".join(line.split()) for line in printed.split("\n"))
    assert all(word in out for word in ("port: ", "parameters", "Source: ", "Cost: ", "Cannot: "))
    assert ("suite-informed: " in out) is LAYERS[name].layer.suite_informed
    needs = ", ".join(sorted(LAYERS[name].needs))
    assert (f"needs an engine with: {needs}\n" in out) is bool(needs)
    for key, field in LAYERS[name].params.model_fields.items():
        assert f"\n  {key} = " in printed
        assert field.description
        assert " ".join(field.description.split()) in " ".join(printed.split())


def test_an_unknown_layer_exits_2_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["layers", "info", "validat"]) == 2
    assert "did you mean 'validate'" in capsys.readouterr().err


def test_the_docs_have_an_entry_per_layer_with_its_parameters() -> None:
    sections = dict(re.findall(r"^### `([a-z-]+)`\n(.*?)(?=^##|\Z)", DOCS.read_text(), flags=re.M | re.S))
    assert set(sections) == set(layer_names())
    for name, text in sections.items():
        for key in LAYERS[name].params.model_fields:
            assert f"`{key}`" in text, (name, key)
        assert LAYERS[name].port in text


def shown(text: str) -> str:
    """A text as docs/layers.md shows what a model reads."""
    return textwrap.indent(text, "      ") + "\n"


def test_the_docs_show_what_the_model_reads() -> None:
    docs = DOCS.read_text()
    missing = call("get_order", order_id="O-9")
    stopped = play([missing, missing, missing, "Done."], ["breaker"])
    assert shown(stopped.requests[-1].prompt.messages[-1].content) in docs
    rescued = near_misses("Let me see. ```json {'tool': 'get_order', 'args': {'order_id': 'O-1',},} ```", TOOLBOX.tools)
    assert rescued is not None
    assert f"{rescued.content}   with the call {one_call(rescued.calls[0])}" in docs.replace('": "', '":"')


def test_the_docs_example_of_a_layer_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = DOCS.read_text()
    code = text[text.index("    from pydantic import Field") : text.index("The five ports")]
    (tmp_path / "my_layers.py").write_text("from __future__ import annotations\n" + textwrap.dedent(code))
    monkeypatch.syspath_prepend(tmp_path)
    assert len([line for line in code.splitlines() if line.strip()]) <= 30
    played = play([call("flaky"), "Done."], [{"name": "my_layers:Patience", "times": 1}])
    assert [result.ok for _, result in played.desk.log] == [False, True]
    assert [e.layer for e in played.of(EventKind.EXEC)] == ["", "patience"]
    assert played.of(EventKind.CALL)[0].status is Status.OK
