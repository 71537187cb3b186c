"""The `Environment` of every suite whose world is rows: a world, the tools that act on it, and the log of what ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harnesslab.suites.tools import Toolkit
from harnesslab.suites.world import EMPTY, Base, Key, Snapshot, World
from harnesslab.types import ActionResult, Status, Toolbox, ToolCall


class WorldEnvironment:
    """One trial's world. The log lies outside snapshots: a restore takes back writes, never what was read."""

    __slots__ = ("_kit", "_log", "world")

    def __init__(self, kit: Toolkit, base: Base, start: Snapshot = EMPTY) -> None:
        self._kit = kit
        self._log: list[tuple[ToolCall, ActionResult]] = []
        self.world = World(base, start)

    @property
    def toolbox(self) -> Toolbox:
        return self._kit.toolbox

    @property
    def bugs(self) -> Mapping[str, str]:
        """See `Toolkit.bugs`; of all trials with these tools."""
        return self._kit.bugs

    @property
    def log(self) -> Sequence[tuple[ToolCall, ActionResult]]:
        return self._log

    @property
    def touched(self) -> frozenset[Key]:
        """Rows this trial has written and not rewound, even if written back to what they were."""
        return self.world.touched

    def call(self, call: ToolCall) -> ActionResult:
        result = self._run(call)
        if result.status in (Status.OK, Status.TOOL_ERROR, Status.TIMEOUT):
            self._log.append((call, result))
        return result

    def _run(self, call: ToolCall) -> ActionResult:
        return self._kit.run(self.world, call)

    def may_pass(self, call: ToolCall, result: ActionResult) -> bool:
        """Whether this result of a call is no good, and the same call may give a better one later."""
        return result.transient

    def snapshot(self) -> Snapshot:
        return self.world.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        self.world.restore(snapshot)

    def digest(self) -> int:
        return self.world.digest()

    def with_log(self, log: Sequence[tuple[ToolCall, ActionResult]]) -> WorldEnvironment:
        twin = WorldEnvironment(self._kit, self.world.base, self.world.snapshot())
        twin._log = list(log)
        return twin
