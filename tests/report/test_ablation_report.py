"""The tables of a harness taken apart, in the terminal, on the page and in the export."""

from __future__ import annotations

import io
import json
import re

import pytest
from grids import both, grid
from rich.console import Console

from harnesslab.report.ablation import ablation_grids
from harnesslab.report.export import to_json
from harnesslab.report.html import to_html
from harnesslab.report.terminal import render
from harnesslab.score import summarise

ARMS = {
    "abort": (["abort"], 0.2),
    "loop": ([], 0.3),
    "best-of-n": (["best-of-n"], 0.4),
    "full": (["rewind", "prerequisites", "told"], 0.9),
    "full-rewind": (["prerequisites", "told"], 0.3),
    "full-prerequisites": (["rewind", "told"], 0.9),
    "full-told": (["rewind", "prerequisites"], 0.5),
    "full-advice": (["rewind", "prerequisites", "told!"], 0.5),
    "loop+prerequisites": (["prerequisites"], 0.3),
}


@pytest.fixture(scope="module")
def summary():
    big = {k: ARMS[k] for k in ("abort", "loop", "best-of-n")}
    return summarise(both(grid(ARMS, bases=30, repeats=2), grid(big, model="big", bases=30, repeats=2)))


def shown(summary):
    out = io.StringIO()
    render(summary, Console(file=out, width=80, force_terminal=False))
    return out.getvalue()


def test_the_terminal_says_plainly_what_each_layer_does(summary):
    text = shown(summary)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    part = " ".join(text[text.index("What each layer does") : text.index("Gains over")].split())
    assert "small · orders · taken out of full" in part
    assert "small · orders · alone over loop" in part
    assert re.search(r"rewind \+\d\d \[\+\d\d,\+\d\d\] <?\.\d+ [+-]", part)
    assert "told * " in part
    assert re.search(
        r"taken out of full: Help: rewind \+\d\d.*Nothing seen \(in brackets .*\): prerequisites \(\d+\)", part
    )
    assert re.search(r"together, rewind and told add \S+ \[\S+\] points to what each adds without the other", part)


def test_what_the_sweep_lacks_for_an_interaction_is_named():
    few = summarise(grid({k: v for k, v in ARMS.items() if "+" not in k}, bases=12, repeats=1))
    assert "is not known; it takes full without rewind and told." in " ".join(ablation_grids(few)[0].says)


def test_gains_are_shown_with_and_without_what_the_author_wrote(summary):
    text = shown(summary)
    part = " ".join(text[text.index("Gains over") : text.index("Success within")].split())
    assert re.search(r"full \* \+\d\d \[\S+\] \+\d\d \[\S+\] \+\d\d \[\S+\] 2\.\d+k", part)
    assert re.search(
        r"full uses what the suite's author wrote \(told\): \+\d\d .* over loop; without it \(full-advice\)", part
    )


def test_success_within_five_budgets_only_ever_grows(summary):
    grids = {g.title: g for g in ablation_grids(summary)}
    ((heading, rows),) = grids["Success within a token budget"].groups
    assert heading == "small · orders"
    assert [r[0] for r in rows] == ["(tokens)", *ARMS]
    for row in rows[1:]:
        shares = [float(cell.strip("<>%")) for cell in row[1:]]
        assert shares == sorted(shares)


def test_the_chosen_harness_is_judged_against_every_baseline(summary):
    text = shown(summary)
    part = text[text.index("The harness chosen on half") : text.index("Harness effect")]
    assert "best of 9 on 15 templates" in part
    for name in ("small/abort", "small/loop", "small/best-of-n", "big/abort", "big/loop", "big/best-of-n"):
        assert re.search(rf"^{name} +\+", part, flags=re.M)
    assert re.search(r"small/full\S* beats: ", part)


def test_the_page_draws_budgets_without_the_arms_and_lists_what_tables_say(summary):
    page = to_html(summary)
    assert page.count("<polyline") == 5 + 3
    assert "Help: rewind" in page
    assert "<li>small · orders, taken out of full" in page


def test_the_export_holds_every_effect(summary):
    data = json.loads(json.dumps(to_json(summary), allow_nan=False))
    (one,) = data["ablations"]
    assert [e["layer"] for e in one["effects"]] == ["rewind", "prerequisites", "told", "prerequisites"]
    assert one["effects"][0]["verdict"] == "helps"
    assert one["effects"][0]["points"]["difference"]["value"] > 0.3
    assert len(one["interactions"][0]["cells"]) == 4
    assert {g["cell"] for g in one["gains"]} == {f"small/{h}/orders" for h in ARMS}
    assert data["choices"][0]["chosen"].startswith("small/full")
    assert len(data["choices"][0]["confirmed"]) == 6


def test_a_sweep_without_such_cells_has_none_of_these(summary):
    plain = summarise(grid({k: ARMS[k] for k in ("abort", "loop", "full")}, bases=12, repeats=1))
    assert ablation_grids(plain) == []
    assert to_json(plain)["ablations"] == []
    assert "taken out" not in to_html(plain)
