"""Gets models ready before the first trial, and starts their engines: a grid should not find out after hours that a
file is not there, a server does not answer, or an engine cannot do what a layer asks for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harnesslab.errors import EngineFailure, UserError
from harnesslab.lab.engines import StartEngine
from harnesslab.lab.fit import chosen
from harnesslab.models.entry import ModelEntry
from harnesslab.plan import CellPlan, refuse_unserved
from harnesslab.types import Engine, EngineInfo


@dataclass(frozen=True, slots=True)
class Ready:
    """Models that can be started; `start` is a `StartEngine`."""

    files: dict[str, Path]  # of those that run here, by name
    concurrency: int
    say: Callable[[str], None]

    async def start(self, entry: ModelEntry) -> Engine:
        if entry.engine == "openai":
            from harnesslab.engine.openai import OpenAIEngine

            self.say(f"asking {entry.base_url}")
            served = await OpenAIEngine.start(entry, self.concurrency)
            self.say(f"{entry.name}: {at_once(served.info)}")
            return served
        from harnesslab.engine.llama import LlamaEngine

        self.say(f"loading {entry.name}")
        path = self.files[entry.name]
        engine = await LlamaEngine.start(entry, path, concurrency=self.concurrency, calibrate=True)
        self.say(f"{entry.name}: {chosen(engine.info.details)}")
        return engine


def make_ready(
    cells: Sequence[CellPlan],
    players: Sequence[ModelEntry] = (),
    *,
    concurrency: int,
    progress: bool,
    say: Callable[[str], None],
) -> StartEngine:
    """Fetches the files and asks the servers of these cells, and of the models that play users.

    Raises:
        UserError: a file cannot be had, a server does not answer, or an engine cannot serve a layer.
    """
    from harnesslab.models.fetch import ensure

    entries = {entry.name: entry for entry in (*(cell.entry for cell in cells), *players)}
    infos = {name: _info(entry, say) for name, entry in entries.items()}
    refuse_unserved(cells, infos)
    files = {name: ensure(entry, progress=progress) for name, entry in entries.items() if entry.engine == "llama"}
    return Ready(files, concurrency, say).start


def _info(entry: ModelEntry, say: Callable[[str], None]) -> EngineInfo:
    if entry.engine == "llama":
        return info_of_llama(entry)
    try:
        info = ask(entry)
    except EngineFailure as failure:
        raise UserError(
            f"{entry.name} cannot be used: {failure}", f"its server is {entry.base_url}", "start it, or leave it out"
        ) from failure
    for warning in info.details["warnings"]:
        say(f"warning: {warning}")
    return info


def info_of_llama(entry: ModelEntry) -> EngineInfo:
    """What any model of the `llama` engine offers to layers; nothing is loaded."""
    from harnesslab.engine.llama import CAPABILITIES

    return EngineInfo("llama", entry.name, capabilities=CAPABILITIES)


def ask(entry: ModelEntry, concurrency: int = 0, *, attempts: int = 5) -> EngineInfo:
    """What the server of an entry says of itself.

    Raises:
        EngineFailure: it does not answer, or not as a server does.
    """
    from harnesslab.engine.openai import OpenAIEngine
    from harnesslab.engine.openai_http import Patience

    async def asked() -> EngineInfo:
        engine = await OpenAIEngine.start(entry, concurrency, patience=Patience(attempts=attempts))
        await engine.close()
        return engine.info

    return asyncio.run(asked())


def at_once(info: EngineInfo) -> str:
    """What was chosen for a server, in one line."""
    return "1 request at once" if info.concurrency == 1 else f"{info.concurrency} requests at once"
