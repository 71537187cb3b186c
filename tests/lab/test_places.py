"""As many trials are at work as keep the engine busy; who waits for another's reply does not count."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sweeping import GRID, contents, sweep

from harnesslab import config
from harnesslab.engine.scripted import ScriptedEngine
from harnesslab.lab.demo import demo_engine
from harnesslab.lab.places import Places
from harnesslab.lab.sweep import Options, run_sweep
from harnesslab.models.entry import ModelEntry
from harnesslab.plan import make_plan
from harnesslab.types import Completion, Engine, Request

FREE = GRID.replace("concurrency = 4\n", "").replace("repeats = 2", "repeats = 4")


async def _settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_lent_place_lets_one_more_in_and_is_had_back_at_once() -> None:
    async def go() -> None:
        places, done, inside = Places(1), asyncio.Event(), list[str]()

        async def first() -> None:
            async with places:
                inside.append("first")
                with places.lent():
                    await done.wait()
                inside.append("first again")
                await asyncio.sleep(0)

        async def other(name: str) -> None:
            async with places:
                inside.append(name)
                await done.wait()
                await _settled()

        tasks = [asyncio.ensure_future(c) for c in (first(), other("second"), other("third"))]
        await _settled()
        assert inside == ["first", "second"]
        done.set()
        await asyncio.gather(*tasks)
        assert inside == ["first", "second", "first again", "third"]

    asyncio.run(go())


def test_who_gives_up_waiting_takes_no_place() -> None:
    async def go() -> None:
        places = Places(1)

        async def hold() -> None:
            async with places:
                await asyncio.sleep(3600)

        holding, waiting = asyncio.ensure_future(hold()), asyncio.ensure_future(hold())
        await _settled()
        waiting.cancel()
        holding.cancel()
        await asyncio.gather(holding, waiting, return_exceptions=True)
        async with asyncio.timeout(1):
            async with places:
                pass

    asyncio.run(go())


class _Crowded(ScriptedEngine):
    """Counts the requests that it computes at the same time."""

    most = 0
    now = 0

    async def complete(self, request: Request) -> Completion:
        _Crowded.now += 1
        _Crowded.most = max(_Crowded.most, _Crowded.now)
        try:
            await asyncio.sleep(0.002)
            return await super().complete(request)
        finally:
            _Crowded.now -= 1


def test_a_sweep_asks_for_little_more_than_the_engine_computes_at_once(tmp_path: Path) -> None:
    plan = make_plan(config.parse(FREE, Path("grid.toml")), scripted=True)

    async def start(entry: ModelEntry) -> Engine:
        policy = demo_engine(entry.name, (t.task for t in plan.tasks))._policy
        return _Crowded(policy, model=entry.name, concurrency=8)

    for memo, bound in ((False, 10), (True, 3 * 10)):
        _Crowded.most = 0
        done = run_sweep(plan, tmp_path / str(memo), options=Options(show=False, start=start, memo=memo))
        assert done.missing == 0
        assert done.finished == len(plan.trials)
        assert 8 <= _Crowded.most <= bound  # three arms wait for one reply, and may then ask for one each
    sweep(tmp_path / "usual", FREE)
    assert contents(tmp_path / "usual") == contents(tmp_path / "True")
