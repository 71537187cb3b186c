"""A stored trial, replayed: its own harness goes the same way to the end; another departs where it steps in."""

from __future__ import annotations

from pathlib import Path

import pytest
from sweeping import GRID, sweep

from harnesslab.engine.replay import Departure
from harnesslab.errors import UserError
from harnesslab.harness.compose import Harness
from harnesslab.lab.replay import replay
from harnesslab.store.records import TrialText
from harnesslab.store.sqlite import Store
from harnesslab.trace.events import unpack_events, unpack_payloads
from harnesslab.types import EventKind

TIGHT = GRID.replace("[harness.abort]", "[budget]\ntokens = 1500\n[harness.abort]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("grid")
    sweep(made)
    return made


def trials(store: Store, harness: str) -> list[TrialText]:
    _, ids = store.columns_and_ids()
    texts = [store.trial(i) for i in ids]
    return [t for t in texts if t.label.split("/")[1] == harness]


@pytest.mark.parametrize("harness", ["abort", "loop", "guarded"])
def test_an_unchanged_harness_never_departs(folder: Path, harness: str) -> None:
    with Store.open(folder, readonly=True) as store:
        found = {trial.id: replay(store, trial.id) for trial in trials(store, harness)}
    assert len(found) == 24
    assert set(found.values()) == {None}


def test_a_token_budget_ends_the_replay_where_it_ended_the_trial(tmp_path: Path) -> None:
    sweep(tmp_path, TIGHT)
    with Store.open(tmp_path, readonly=True) as store:
        ended = [t for t in trials(store, "loop") if t.facts["end"] == "token-budget"]
        assert ended
        assert {replay(store, t.id) for t in ended} == {None}


@pytest.mark.parametrize("budget", ["", "[budget]\ntokens = 3000\n"])
def test_a_layer_that_measures_prompts_is_told_the_stored_lengths(tmp_path: Path, budget: str) -> None:
    """A replay renders nothing, yet `compact` leaves out what it left out then, down to where a budget ended it."""
    layers = 'layers = ["retry", { name = "compact", budget = 1000 }]'
    sweep(tmp_path, GRID.replace("[harness.abort]", f"{budget}[harness.abort]").replace('layers = ["abort"]', layers))
    with Store.open(tmp_path, readonly=True) as store:
        compacting = trials(store, "abort")
        acted = [t for t in compacting if any(p.get("left_out") for p in unpack_payloads(t.payload))]
        assert acted
        assert {replay(store, t.id) for t in compacting} == {None}
        assert replay(store, acted[0].id, Harness.parse("bare", ["retry"])) is not None


def test_a_harness_with_another_layer_departs_where_that_layer_acts(folder: Path) -> None:
    """`guarded` has `validate` and `retry`; without them the first of their interventions is missing."""
    seen: list[tuple[Departure, EventKind]] = []
    with Store.open(folder, readonly=True) as store:
        for trial in trials(store, "guarded"):
            events, payloads = unpack_events(trial.events), unpack_payloads(trial.payload)
            departure = replay(store, trial.id, Harness.parse("bare", []))
            acted = [i for i, e in enumerate(events) if e["layer"]]
            if not acted:
                assert departure is None
                continue
            assert departure is not None
            assert departure.event <= acted[0]
            kind = EventKind(int(events[departure.event]["kind"]))
            assert kind.name in departure.expected or kind is EventKind.REPLY
            assert departure.turn == events[departure.event]["turn"]
            assert payloads[departure.event] is not None
            seen.append((departure, kind))
    assert len(seen) > 5


def test_replay_says_what_happened_instead(folder: Path) -> None:
    with Store.open(folder, readonly=True) as store:
        departures = [replay(store, t.id, Harness.parse("aborting", ["abort"])) for t in trials(store, "loop")]
    lines = [str(d) for d in departures if d is not None]
    assert lines
    assert all(line.startswith("event ") and ", where the trace has " in line for line in lines)


def test_a_trial_of_another_suite_version_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(folder, readonly=True) as store:
        trial = trials(store, "loop")[0]
        changed = {**trial.task_facts, "system": "Something else."}
        monkeypatch.setattr(Store, "trial", lambda _self, _id: _with_facts(trial, changed))
        with pytest.raises(UserError, match="is no longer what it was"):
            replay(store, trial.id)


def _with_facts(trial: TrialText, facts: dict[str, object]) -> TrialText:
    from dataclasses import replace

    return replace(trial, task_facts=facts)
