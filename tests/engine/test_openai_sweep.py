"""A sweep over a served model: stored like any other, and refused before the first token where it cannot work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from model_server import LLAMA_ROUTES, OLLAMA_ROUTES, PLAIN_ROUTES, ModelServer, Reply, said, serving

from harnesslab import config
from harnesslab.errors import UserError
from harnesslab.lab.sweep import Options, Result, run_sweep
from harnesslab.plan import make_plan
from harnesslab.store.sqlite import Store

GRID = """
name = "served"
models = ["served"]
suites = [{ name = "orders", n = 3 }]
[harness.arm]
layers = LAYERS
"""
Sweep = Callable[..., Result]


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    def run(server: ModelServer, *layers: str) -> Result:
        models = tmp_path / "models.toml"
        models.write_text(f'[served]\nengine = "openai"\nbase_url = "{server.url}"\nremote_model = "m"\n')
        monkeypatch.setenv("HARNESSLAB_MODELS", str(models))
        text = GRID.replace("LAYERS", json.dumps(layers))
        plan = make_plan(config.parse(text, tmp_path / "grid.toml"))
        return run_sweep(plan, tmp_path / "out", config_text=text, options=Options(show=False))

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


def test_one_bad_reply_does_not_take_the_other_trials_with_it(sweep: Sweep) -> None:
    """A failure closes the engine; trials in flight on it go on, and the failed one runs again."""
    nonsense = Reply({"choices": []})
    with serving(nonsense, Reply(said("x", prompt=2000).body, wait=0.2)) as server:
        result = sweep(server)
        assert (result.finished, result.missing) == (3, 0)
