"""A sweep over a served model: stored like any other, and refused before the first token where it cannot work."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from model_server import LLAMA_ROUTES, OLLAMA_ROUTES, PLAIN_ROUTES, ModelServer, Reply, said, serving

from harnesslab import config
from harnesslab.engine.openai import OpenAIEngine
from harnesslab.engine.openai_http import Patience
from harnesslab.errors import UserError
from harnesslab.lab.estimate import print_estimate
from harnesslab.lab.sweep import Options, Result, run_sweep
from harnesslab.models.entry import ModelEntry
from harnesslab.plan import Plan, make_plan
from harnesslab.store.columns import TrialStatus
from harnesslab.store.sqlite import Store
from harnesslab.types import Engine

GRID = """
name = "served"
models = ["served"]
suites = [{ name = "orders", n = 3 }]
[harness.arm]
layers = LAYERS
"""
Sweep = Callable[..., Result]


@pytest.fixture
def plan_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    def plan(server: ModelServer, *layers: str) -> Plan:
        models = tmp_path / "models.toml"
        models.write_text(f'[served]\nengine = "openai"\nbase_url = "{server.url}"\nremote_model = "m"\n')
        monkeypatch.setenv("HARNESSLAB_MODELS", str(models))
        return make_plan(config.parse(GRID.replace("LAYERS", json.dumps(layers)), tmp_path / "grid.toml"))

    return plan


@pytest.fixture
def sweep(tmp_path: Path, plan_of: Callable[..., Plan]) -> Sweep:
    def run(server: ModelServer, *layers: str) -> Result:
        return run_sweep(plan_of(server, *layers), tmp_path / "out", options=Options(show=False))

    return run


def test_trials_of_a_served_model_are_stored(sweep: Sweep, tmp_path: Path) -> None:
    with serving(said("I cannot do that.", prompt=2000)) as server:
        result = sweep(server)
        assert (result.finished, result.missing, result.problems) == (3, 0, [])
        assert len(server.chats) == 3
        assert all(a.body["tools"] for a in server.chats)
    with Store.open(tmp_path / "out", readonly=True) as store:
        (cell,) = store.cells()
        assert cell.facts["model"]["pinned"] is False
        assert store.columns().events["prompt"].max() == 2000


def test_a_layer_that_the_server_cannot_serve_is_refused_before_the_first_token(sweep: Sweep) -> None:
    with serving(said("x"), routes=OLLAMA_ROUTES) as server:
        with pytest.raises(UserError, match=r"served/arm/orders: layer .*Needy needs constrain") as error:
            sweep(server, "needy_layer:Needy")
        assert "ollama" in error.value.why
        assert server.chats == []
    with serving(said("x", prompt=2000), routes=LLAMA_ROUTES) as server:
        assert sweep(server, "needy_layer:Needy").finished == 3


def test_compact_is_refused_where_nobody_tells_the_context_or_counts_tokens(sweep: Sweep) -> None:
    with serving(said("x"), routes=PLAIN_ROUTES) as server:
        with pytest.raises(UserError, match=r"served/arm/orders: layer compact needs context, tokens\."):
            sweep(server, "compact")
        assert server.chats == []
    with serving(said("x")) as server, pytest.raises(UserError, match=r"layer compact needs tokens\. .*llama-server"):
        sweep(server, "compact")


def test_a_dry_run_asks_the_server_what_it_offers_and_names_every_refused_pair(
    tmp_path: Path, plan_of: Callable[..., Plan], capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(said("x"), routes=OLLAMA_ROUTES) as server:
        plan = plan_of(server, "compact", "needy_layer:Needy")
        with pytest.raises(UserError) as error:
            print_estimate(plan, tmp_path / "out", scripted=False)
        assert server.chats == []
    assert error.value.what == (
        "served/arm/orders: layer compact needs tokens; served/arm/orders: layer needy_layer:Needy needs constrain"
    )
    assert error.value.why == "served (ollama) does not offer constrain, tokens"
    lines = capsys.readouterr().out.splitlines()
    assert f"served: served by ollama 0.40.12 at {server.url}, 4 requests at once" in lines
    assert "  constrain  json_schema" in lines
    assert "  context    6144 tokens" in lines
    assert [line.split()[0] for line in lines if line.startswith("  ")] == [
        "constrain", "rewind", "seeds", "context", "usage", "warning:"
    ]  # fmt: skip
    with serving(said("x")) as server:
        plan = plan_of(server)
        print_estimate(plan, tmp_path / "out", scripted=False)
    assert "  usage      prompt, cached, generated" in capsys.readouterr().out
    print_estimate(plan, tmp_path / "out", scripted=False)  # it is gone
    assert "which cannot be asked now (server-gone: " in capsys.readouterr().out


def test_a_server_that_is_not_there_is_said_before_the_first_trial(sweep: Sweep) -> None:
    with serving() as server:
        pass
    with pytest.raises(UserError, match="server-gone"):
        sweep(server)


def test_cut_prompts_are_missing_and_never_scored(sweep: Sweep, tmp_path: Path) -> None:
    with serving(said("x", prompt=12), routes=OLLAMA_ROUTES) as server:
        result = sweep(server)
        assert result.missing == 3
        assert "truncated-prompt" in result.problems[0]
    with Store.open(tmp_path / "out", readonly=True) as store:
        assert store.done() == set()
        assert all(cause.startswith("truncated-prompt") for cause in store.missing().values())


def run_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: ModelServer, other: ModelServer) -> Result:
    """A sweep of two served models, one trial at a time, that waits about a second for a server."""
    models = tmp_path / "models.toml"
    models.write_text(
        "".join(
            f'[{name}]\nengine = "openai"\nbase_url = "{s.url}"\nremote_model = "m"\nload = {{ concurrency = 1 }}\n'
            for name, s in (("served", server), ("other", other))
        )
    )
    monkeypatch.setenv("HARNESSLAB_MODELS", str(models))
    text = GRID.replace('["served"]', '["served", "other"]').replace("LAYERS", "[]")

    async def start(entry: ModelEntry) -> Engine:
        return await OpenAIEngine.start(entry, patience=Patience(attempts=5, pause=0.1, connect=2.0, read=5.0))

    plan = make_plan(config.parse(text, tmp_path / "grid.toml"))
    return run_sweep(plan, tmp_path / "out", options=Options(show=False, start=start))


def ended(folder: Path, model: str) -> list[tuple[TrialStatus, str]]:
    with Store.open(folder, readonly=True) as store:
        trials = [store.trial(i) for i in store.columns_and_ids()[1]]
    return [(t.status, t.facts.get("cause", "")) for t in trials if t.label.startswith(f"{model}/")]


def test_a_server_that_goes_away_and_comes_back_costs_no_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fine = said("I cannot do that.", prompt=2000)
    back: list[ModelServer] = []

    def vanish(_: object) -> Reply:
        server.stop()
        threading.Timer(0.3, lambda: back.append(ModelServer([fine], LLAMA_ROUTES, server.port))).start()
        return Reply(cut=True)

    server = ModelServer([fine, vanish, fine], LLAMA_ROUTES)
    with serving(fine) as other:
        result = run_two(tmp_path, monkeypatch, server, other)
    assert (result.finished, result.missing, result.problems) == (6, 0, [])
    assert len(back[0].chats) == 2
    back[0].stop()


def test_a_server_that_stays_away_is_missing_with_its_cause_and_the_other_model_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = said("I cannot do that.", prompt=2000)

    def vanish(_: object) -> Reply:
        server.stop()
        return Reply(cut=True)

    server = ModelServer([fine, vanish, fine], LLAMA_ROUTES)
    with serving(fine) as other:
        result = run_two(tmp_path, monkeypatch, server, other)
    (problem,) = result.problems
    assert problem.startswith("served does not start: server-gone")
    (first, _), (second, cause) = ended(tmp_path / "out", "served")  # the third is left for another run
    assert first is TrialStatus.FAILED
    assert second is TrialStatus.MISSING
    assert cause.startswith("server-gone: ")
    assert [status for status, _ in ended(tmp_path / "out", "other")] == [TrialStatus.FAILED] * 3


def test_one_bad_reply_does_not_take_the_other_trials_with_it(sweep: Sweep) -> None:
    """A failure closes the engine; trials in flight on it go on, and the failed one runs again."""
    nonsense = Reply({"choices": []})
    with serving(nonsense, Reply(said("x", prompt=2000).body, wait=0.2)) as server:
        result = sweep(server)
        assert (result.finished, result.missing) == (3, 0)
