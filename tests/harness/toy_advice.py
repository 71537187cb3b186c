"""What a suite's author might write for the toy desk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from toy_desk import TOOLBOX

from harnesslab.types import ActionResult, Advice, Compound, ToolCall, ToolSpec

Run = Callable[[ToolCall], Awaitable[ActionResult]]


async def _look_and_ship(arguments: Mapping[str, Any], run: Run) -> ActionResult:
    order = {"order_id": arguments["order_id"]}
    seen = await run(ToolCall("get_order", order))
    if not seen.ok:
        return seen
    shipped = await run(ToolCall("ship_order", {**order, "speed": "normal"}))
    return ActionResult(shipped.status, f"{seen.content}; {shipped.content}")


LOOK = TOOLBOX.tools[0]
LOOK_AND_SHIP = ToolSpec("look_and_ship", "Reads an order and ships it.", LOOK.parameters, writes=True)
ADVICE = Advice(compounds=(Compound(LOOK_AND_SHIP, ("get_order", "ship_order"), _look_and_ship),))
