"""A sweep runs what is planned, once; resumes; shares replies without changing any; and survives engines that die."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from sweeping import GRID, contents, plan_of, sweep

from harnesslab.engine.scripted import ScriptedEngine
from harnesslab.errors import EngineFailure, UserError
from harnesslab.lab.demo import demo_engine
from harnesslab.lab.folders import find_sweep, only_one
from harnesslab.lab.sweep import Options, run_sweep
from harnesslab.models.entry import ModelEntry
from harnesslab.score.unfinished import unfinished
from harnesslab.store.columns import TrialStatus
from harnesslab.store.sqlite import Store
from harnesslab.types import Completion, Engine, Message, Prompt, Request, ToolSpec


def test_a_sweep_stores_every_planned_trial_and_resuming_computes_nothing(tmp_path: Path) -> None:
    plan = plan_of()
    first = sweep(tmp_path)
    assert (first.planned, first.stored_before, first.finished) == (72, 0, 72)
    before = contents(tmp_path)
    assert before.keys() == {t.id for t in plan.trials}
    second = sweep(tmp_path)
    assert (second.stored_before, second.finished, second.stopped) == (72, 0, "")
    assert contents(tmp_path) == before
    with Store.open(tmp_path) as store:
        assert len(store.runs()) == 1
        statuses = Counter(store.columns().trials["status"].tolist())
        assert statuses[TrialStatus.PASSED] > 10
        assert statuses[TrialStatus.FAILED] > 5
        assert statuses[TrialStatus.MISSING] == 0


def test_columns_match_the_plan(tmp_path: Path) -> None:
    plan = plan_of()
    sweep(tmp_path)
    with Store.open(tmp_path, readonly=True) as store:
        columns = store.columns()
    assert [c.label for c in columns.cells] == [c.label for c in plan.cells]
    assert len(columns.tasks) == 6
    assert all(len(t.oracle) for t in columns.tasks)
    assert all(t.null == () for t in columns.tasks)  # the suite lets no do-nothing agent pass
    passed = columns.trials["status"] == TrialStatus.PASSED
    for i in passed.nonzero()[0]:
        own = columns.events[columns.offsets[i] : columns.offsets[i + 1]]
        assert (own["oracle"] >= 0).any()


def test_the_memo_changes_no_trial(tmp_path: Path) -> None:
    sweep(tmp_path / "with")
    sweep(tmp_path / "without", memo=False)
    assert contents(tmp_path / "with") == contents(tmp_path / "without")


def test_the_memo_computes_what_arms_share_once(tmp_path: Path) -> None:
    def replies(folder: Path) -> tuple[int, int]:
        with Store.open(folder, readonly=True) as store:
            events = store.columns().events
        said = events[events["kind"] == 1]
        return len(said), int((said["flags"] & 32 == 0).sum())

    sweep(tmp_path / "with")
    sweep(tmp_path / "without", memo=False)
    total, computed = replies(tmp_path / "with")
    assert replies(tmp_path / "without") == (total, total)
    assert computed < 0.6 * total


def test_a_sweep_grows_and_the_new_trials_alone_are_run(tmp_path: Path) -> None:
    sweep(tmp_path, GRID.replace(', "qwen2.5-coder-1.5b"', ""))
    more = sweep(tmp_path, GRID.replace("repeats = 2", "repeats = 3"))
    assert (more.stored_before, more.finished) == (36, 108 - 36)
    fresh = tmp_path / "fresh"
    sweep(fresh, GRID.replace("repeats = 2", "repeats = 3"))
    assert contents(tmp_path) == contents(fresh)


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("repeats = 2", "repeats = 2\nseed = 9", "seed|suite"),
        ('"retry"', '{ name = "retry", budget = 1 }', r"layers\[1\].params.budget"),
        ("concurrency = 4", "concurrency = 4\nsampling = { temperature = 0.1 }", "sampling.temperature"),
    ],
)
def test_a_changed_cell_under_an_old_name_is_refused(tmp_path: Path, old: str, new: str, changed: str) -> None:
    sweep(tmp_path)
    with pytest.raises(UserError, match=changed) as error:
        sweep(tmp_path, GRID.replace(old, new))
    assert "\n" not in str(error.value)
    assert sweep(tmp_path).finished == 0


def test_two_sweeps_in_one_folder_are_refused(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(UserError, match="another sweep"):
        sweep(tmp_path)
    assert sweep(tmp_path).finished == 72


def test_another_build_is_refused_unless_asked_for(tmp_path: Path) -> None:
    with Store.create(tmp_path, {}) as store:
        store.begin_run({"build": "llama-cpp-python 0.0.1"})
    with pytest.raises(UserError, match=r"0\.0\.1"):
        sweep(tmp_path)
    assert sweep(tmp_path, allow_other_build=True).finished == 72


class Dying:
    """An engine that dies with every `every`-th reply, and for good with any request that `poison` is true of."""

    def __init__(self, inner: ScriptedEngine, every: int = 0, poison: str = "\0") -> None:
        self.inner, self.every, self.poison, self.asked, self.dead = inner, every, poison, 0, False
        self.info = inner.info

    async def render(self, messages: list[Message], tools: list[ToolSpec]) -> Prompt:
        if self.dead:
            raise EngineFailure("worker-died", "it is dead")
        return await self.inner.render(messages, tools)

    async def complete(self, request: Request) -> Completion:
        await asyncio.sleep(0)
        self.asked += 1
        if self.poison in request.prompt.text or (self.every and self.asked >= self.every):
            self.dead = True
        if self.dead:
            raise EngineFailure("worker-died", "signal SIGSEGV")
        return await self.inner.complete(request)

    async def close(self) -> None:
        self.dead = True


def test_engines_that_die_cost_no_trial(tmp_path: Path) -> None:
    plan = plan_of()
    started: list[str] = []

    async def start(entry: ModelEntry) -> Engine:
        started.append(entry.name)
        return Dying(demo_engine(entry.name, (t.task for t in plan.tasks)), every=20)  # type: ignore[return-value]

    result = run_sweep(plan, tmp_path / "dying", scripted=True, options=Options(show=False, start=start))
    assert (result.finished, result.missing) == (72, 0)
    assert len(started) > 2
    sweep(tmp_path / "sound")
    assert contents(tmp_path / "dying") == contents(tmp_path / "sound")


def test_a_trial_that_kills_its_engine_is_missing_and_takes_no_other_with_it(tmp_path: Path) -> None:
    plan = plan_of(GRID.replace(', "qwen2.5-coder-1.5b"', "").replace("repeats = 2", "repeats = 1"))
    poison = plan.tasks[2].view.prompt

    async def start(entry: ModelEntry) -> Engine:
        return Dying(demo_engine(entry.name, (t.task for t in plan.tasks)), poison=poison)  # type: ignore[return-value]

    result = run_sweep(plan, tmp_path, scripted=True, options=Options(show=False, start=start))
    bad = {t.id for t in plan.trials if t.task == 2}
    with Store.open(tmp_path, readonly=True) as store:
        assert store.missing().keys() == bad
        assert all("SIGSEGV" in cause for cause in store.missing().values())
        assert store.done() == {t.id for t in plan.trials} - bad
    assert result.missing == len(bad) == 3
    # a later run, with a sound engine, fills the gap
    again = run_sweep(plan, tmp_path, scripted=True, options=Options(show=False))
    assert (again.finished, again.missing) == (3, 0)


def test_a_model_that_does_not_start_is_left_out_and_the_others_run(tmp_path: Path) -> None:
    plan = plan_of()

    async def start(entry: ModelEntry) -> Engine:
        if "0.5b" in entry.name:
            raise EngineFailure("bad-gguf", "no tensors")
        return demo_engine(entry.name, (t.task for t in plan.tasks))

    result = run_sweep(plan, tmp_path, scripted=True, options=Options(show=False, start=start))
    assert result.finished == 36
    assert len(result.problems) == 1
    assert "no tensors" in result.problems[0]


def test_a_worker_killed_while_it_loads_is_started_again(tmp_path: Path) -> None:
    plan = plan_of()
    started: list[str] = []

    async def start(entry: ModelEntry) -> Engine:
        started.append(entry.name)
        if len(started) == 1:
            raise EngineFailure("worker-died", "signal SIGKILL")
        return demo_engine(entry.name, (t.task for t in plan.tasks))

    result = run_sweep(plan, tmp_path, scripted=True, options=Options(show=False, start=start))
    assert (result.finished, result.missing, result.problems) == (72, 0, [])


def test_a_fault_of_ours_is_missing_not_failed_and_leaves_its_traceback(tmp_path: Path) -> None:
    plan = plan_of()

    async def start(entry: ModelEntry) -> Engine:
        def policy(request: Request) -> str:
            raise KeyError("a bug")

        return ScriptedEngine(policy, model=entry.name)

    result = run_sweep(plan, tmp_path, scripted=True, options=Options(show=False, start=start))
    assert result.missing == 72
    with Store.open(tmp_path, readonly=True) as store:
        assert set(store.missing().values()) == {"lab-error: KeyError: 'a bug'"}
    assert "Traceback" in (tmp_path / "faults.log").read_text()


def test_reading_while_the_sweep_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harnesslab.score.tables import summarise

    monkeypatch.setenv("HARNESSLAB_SCRIPTED_DELAY", "0.02")
    running = threading.Thread(target=sweep, args=(tmp_path,))
    running.start()
    seen = []
    while running.is_alive():
        if Store.exists(tmp_path):
            with Store.open(tmp_path, readonly=True) as store:
                columns = store.columns()
            seen.append(len(columns.trials))
            if seen[-1] > 20 and len(seen) % 10 == 0:
                assert sum(c.trials for c in summarise(columns).cells) == seen[-1]
        time.sleep(0.02)
    assert seen == sorted(seen)
    assert len({n for n in seen if 0 < n < 72}) > 3
    with Store.open(tmp_path, readonly=True) as store:
        assert len(store.done()) == 72


def lacking(folder: Path) -> str:
    with Store.open(folder, readonly=True) as store:
        return unfinished(store.columns())


def test_time_is_up_ends_with_whole_trials_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESSLAB_SCRIPTED_DELAY", "0.02")
    result = sweep(tmp_path, max_hours=0.3 / 3600)
    assert result.stopped == "time"
    assert 0 < result.finished < 72
    assert f"{result.finished} of 72 trials" in lacking(tmp_path)
    monkeypatch.setenv("HARNESSLAB_SCRIPTED_DELAY", "0")
    assert sweep(tmp_path).finished == 72 - result.finished
    assert lacking(tmp_path) == ""
    sweep(tmp_path / "whole")
    assert contents(tmp_path) == contents(tmp_path / "whole")


def test_sweeps_are_found_by_name_by_folder_and_by_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no sweeps"):
        find_sweep(None)
    for name in ("old", "new"):
        Store.create(Path("sweeps") / name, {}).close()
        time.sleep(0.02)
    assert find_sweep(None) == Path("sweeps/new")
    assert find_sweep("old") == Path("sweeps/old")
    assert find_sweep(str(tmp_path / "sweeps" / "old")) == tmp_path / "sweeps" / "old"
    with pytest.raises(UserError, match="did you mean 'old'"):
        find_sweep("odl")
