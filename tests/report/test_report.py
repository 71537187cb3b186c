from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from rich.console import Console
from synthetic import sweep

from harnesslab.report.export import FORMAT, to_json
from harnesslab.report.figures import amount, amount_with_interval, counted, percent, signed, with_interval
from harnesslab.report.grids import tiers
from harnesslab.report.html import to_html
from harnesslab.report.terminal import render
from harnesslab.score import Figure, summarise
from harnesslab.types import Weights

ARMS = {
    ("qwen2.5-coder-0.5b", "abort"): 0.0,
    ("qwen2.5-coder-0.5b", "guarded"): 0.3,
    ("qwen2.5-coder-1.5b", "abort"): 0.5,
    ("qwen2.5-coder-1.5b", "guarded"): 1.0,
}


@pytest.fixture(scope="module")
def summary():
    weights = Weights(batch=0.1, prefill=0.01, decode=0.03, context=7e-5, context_tiled=5e-6, draw=1e-4)
    columns = sweep(ARMS, bases=12, repeats=3, missing=0.05, null=(1,), weights=weights)
    rows = {"trials": 900.0, "dropped": 0.0, "scheduling": 20.0, "idle": 8.5, "loading": 12.0, "unread": 0.0, "lab": 3}
    return summarise(replace(columns, meter=rows, unmetered_runs=1))


def shown(summary, width=80):
    out = io.StringIO()
    render(summary, Console(file=out, width=width, force_terminal=False))
    return out.getvalue()


def test_the_terminal_report_fits_80_columns_and_names_every_cell(summary):
    text = shown(summary)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    for model, harness in ARMS:
        assert f"{model} · orders · 12 tasks x 3" in text
        assert harness in text
    assert "abort → guarded" in text
    assert "…" not in text


def test_the_terminal_report_shows_what_must_not_be_missed(summary):
    text = " ".join(shown(summary).split())
    for said in ("Missing trials", "agents that do nothing score: idle 8 %", "No success", "Energy was not measured"):
        assert said in text


def test_the_terminal_report_shows_both_ledgers_and_the_meter(summary):
    text = shown(summary)
    costs = text[text.index("Two ledgers of cost") : text.index("Where the time went")]
    assert costs.count("guarded") == 2
    assert "all cells" in costs
    said = " ".join(text[text.index("Where the time went") :].split())
    assert "replies of trials 900 95%" in said
    assert "wall time 944 100%" in said
    assert "1 run did not end" in said


def test_every_share_and_cost_has_interval_and_n(summary):
    text = shown(summary)
    calls = text[text.index("How calls went") : text.index("Cost per success")]
    assert len(re.findall(r"\] n\d+", calls)) >= 2 * len(ARMS)
    costs = text[text.index("Cost per success, with intervals") : text.index("Where calls fail")]
    assert re.search(r"guarded +[\d.]+k?[ ~]\[[\d.]+k?,[\d.]+k?\] n12", costs)


def test_every_tier_of_every_cell_has_a_row(summary):
    cell = summary.cells[0]
    many = replace(cell, tiers=tuple(replace(cell.tiers[0], tier=f"tier {i}") for i in range(7)))
    rows = [row for _, group in tiers(replace(summary, cells=(many, *summary.cells[1:]))).groups for row in group]
    assert [row[1] for row in rows[:7]] == [f"tier {i}" for i in range(7)]
    assert len(rows) == 7 + sum(len(c.tiers) for c in summary.cells[1:])


def test_effects_rankings_and_interactions_say_what_is_noise_and_what_was_corrected(summary):
    text = " ".join(shown(summary).split())
    for said in ("Benjamini-Hochberg among these 2 comparisons", "for these levels", "Interaction"):
        assert said in text
    three = " ".join(shown(summarise(sweep({("m", h): 0.5 for h in ("one", "two", "three")}))).split())
    assert "Harnesses by pass^1, and which differences are noise" in three
    assert "all others" in three


def test_two_arms_need_no_ranking():
    text = shown(summarise(sweep({("m", "a"): 0.5, ("m", "b"): 0.6})))
    assert "which differences are noise" not in text
    assert "Harness effect" in text


def test_a_sweep_without_trials_says_so():
    assert "No trial has finished" in shown(summarise(sweep({("m", "h"): 0.5}, missing=1.0)))


def test_what_is_unfinished_comes_before_all_figures(summary):
    part = replace(summary, unfinished="Not finished: 5 of 6 trials have ended.")
    assert shown(part).startswith("Not finished: 5 of 6 trials")
    page = to_html(part)
    assert page.index("Not finished: 5 of 6") < page.index("<svg")
    assert to_json(part)["unfinished"] == part.unfinished
    assert "Not finished" not in shown(summary) + to_html(summary)


def test_one_repeat_shows_no_pass_k_column():
    text = shown(summarise(sweep({("m", "h"): 0.5}, repeats=1)))
    assert "pass^1" in text
    assert "pass^2" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0%"), (1e-16, "0%"), (0.001, "<1%"), (0.385, "38%"), (0.999, ">99%"), (1.0, "100%")],
)
def test_shares_never_round_to_certainty(value, text):
    assert percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0, "0"),
        (1e-13, "0"),
        (0.4321, "0.432"),
        (9.331, "9.33"),
        (118.2, "118"),
        (999.9, "1k"),
        (5287, "5.29k"),
        (1.25e6, "1.25M"),
    ],
)
def test_amounts_keep_three_digits(value, text):
    assert amount(value) == text


def test_intervals_and_differences_as_text():
    assert counted(Figure(0.38, 0.26, 0.52, 12)) == "38% [26,52] n12"
    assert amount_with_interval(Figure(5287, 4123, 99_960, 12)) == "5.3k [4.1k,100k] n12"
    assert amount_with_interval(Figure(5287, None, None, 1)) == "5.3k n1"
    assert with_interval(Figure(0.38, 0.26, 0.52)) == "38% [26,52]"
    assert with_interval(Figure(0.38, 0.26, 0.52, unreliable=True)) == "38%~[26,52]"
    assert signed(Figure(0.17, -0.004, 0.27)) == "+17 [0,+27]"


def test_the_export_is_plain_json_with_the_documented_names(summary):
    data = json.loads(json.dumps(to_json(summary), allow_nan=False))
    assert data["format"] == FORMAT == "harnesslab-report/1"
    cell = data["cells"][1]
    assert len(cell["pass_k"]) == len(cell["pass_k_figures"]) == cell["repeats"] == 3
    assert cell["pass_k"][0] == cell["pass_k_figures"][0]["value"]
    assert set(cell["pass_k_figures"][0]) == {"value", "low", "high", "n", "method", "unreliable"}
    assert data["cells"][0]["budget"]["tokens_per_success"]["value"] is None
    assert cell["budget"]["joules_per_success"]["value"] is None
    assert cell["budget"]["standalone_seconds_per_success"]["value"] > 0
    assert set(cell["ledger"]) == set(data["ledger"]) == {"tokens", "seconds"}
    assert set(cell["ledger"]["tokens"]) == {"measured", "standalone", "saved_by_lab"}
    assert sum(data["meter"].values()) == pytest.approx(943.5)
    assert data["unmetered_runs"] == 1
    assert {c["kind"] for c in data["comparisons"]} == {"harness", "model"}
    assert {c["test"] for c in data["comparisons"]} == {"sign-flip"}
    assert len(data["interactions"]) == 1
    harnesses, models = data["rankings"][0], data["model_rankings"][0]
    assert set(harnesses["best"]) == set(harnesses["alike"]) == {"abort", "guarded"}
    assert models["harness"] == "abort"


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.urls = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "br", "line", "circle", "polyline"):
            self.open.append(tag)
        self.urls += [v for k, v in attrs if k in ("src", "href")]

    def handle_startendtag(self, tag, attrs):
        self.urls += [v for k, v in attrs if k in ("src", "href")]

    def handle_endtag(self, tag):
        if tag != "circle":
            assert self.open.pop() == tag


def test_the_page_is_well_formed_and_loads_nothing(summary):
    page = to_html(summary, title="a <b> & c")
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.urls == []
    assert not re.search(r"https?://|@import|url\(|<script", page)
    assert "a &lt;b&gt; &amp; c" in page
    assert page.count("<svg") == 4
    assert "nan" not in re.sub(r"[a-z]*nan[a-z]+|[a-z]+nan[a-z]*", "", page.lower())
