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
            return await OpenAIEngine.start(entry, self.concurrency)
        from harnesslab.engine.llama import LlamaEngine

        self.say(f"loading {entry.name}")
        return await LlamaEngine.start(entry, self.files[entry.name], concurrency=self.concurrency, calibrate=True)


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
    for cell in cells:
        refuse_unserved(cell, infos[cell.entry.name])
    files = {name: ensure(entry, progress=progress) for name, entry in entries.items() if entry.engine == "llama"}
    return Ready(files, concurrency, say).start


def _info(entry: ModelEntry, say: Callable[[str], None]) -> EngineInfo:
    if entry.engine == "llama":
        from harnesslab.engine.llama import CAPABILITIES

        return EngineInfo("llama", entry.name, capabilities=CAPABILITIES)
    try:
        info = asyncio.run(_ask(entry))
    except EngineFailure as failure:
        raise UserError(
            f"{entry.name} cannot be used: {failure}", f"its server is {entry.base_url}", "start it, or leave it out"
        ) from failure
    for warning in info.details["warnings"]:
        say(f"warning: {warning}")
    return info


async def _ask(entry: ModelEntry) -> EngineInfo:
    from harnesslab.engine.openai import OpenAIEngine

    engine = await OpenAIEngine.start(entry)
    await engine.close()
    return engine.info
