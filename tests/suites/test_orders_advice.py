"""What layers are told about the order desk is true, and stands in nobody's way."""

from __future__ import annotations

import asyncio
import json
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from harnesslab.engine import dialects
from harnesslab.engine.scripted import ScriptedEngine
from harnesslab.harness.compose import Harness
from harnesslab.harness.loop import run_trial
from harnesslab.suites.orders.advice import PREREQUISITES, advice_for
from harnesslab.suites.orders.policy import SYSTEM
from harnesslab.suites.orders.suite import load
from harnesslab.suites.orders.tools import KIT
from harnesslab.trace.recorder import LayerTable, TrialRecorder
from harnesslab.types import Action, ActionResult, EndReason, Request, Sampling, Status, Task, ToolCall

MESSAGE = "My email is ada.brown12@mail.com. Cancel order O1234."
VALIDATORS = advice_for(MESSAGE).validators
DOCS = Path(__file__).parents[2] / "docs"
HERMES = dialects.get("hermes")


def said(call: ToolCall, *read: str) -> str:
    actions = [Action(ToolCall("get_order", {}), ActionResult(Status.OK, text)) for text in read]
    return "; ".join(filter(None, (validator(call, actions) for validator in VALIDATORS)))


@pytest.mark.parametrize(
    ("name", "arguments", "read", "complaint"),
    [
        ("cancel_order", {"order_id": "O1234"}, (), ""),
        ("cancel_order", {"order_id": "O12345"}, (), "O and four digits"),
        ("cancel_order", {"order_id": "O1235"}, (), "neither in the customer's message nor in a result"),
        ("cancel_order", {"order_id": "O123"}, (), "O and four digits"),
        ("cancel_order", {"order_id": "O1235"}, ('[{"id": "O1235", "item": "lamp"}]',), ""),
        ("get_customer", {"customer": "ada.brown12@mail.com"}, (), ""),
        ("get_customer", {"customer": "Ada.Brown12@mail.com"}, (), ""),
        ("get_customer", {"customer": "brown12@mail.com"}, (), "neither"),
        ("get_customer", {"customer": "Ada Brown"}, (), "an email, or C and three digits"),
        ("get_customer", {"customer": "C101"}, ('{"id": "O1234", "customer": "C101"}',), ""),
        ("list_orders", {"customer_id": "C101"}, (), "neither"),
        ("list_orders", {"customer_id": "ada.brown12@mail.com"}, (), "get_customer finds it by email"),
        ("get_item", {"item": "lamp"}, (), ""),
    ],
)
def test_ids_must_look_like_ids_and_come_from_somewhere(
    name: str, arguments: dict[str, str], read: tuple[str, ...], complaint: str
) -> None:
    found = said(ToolCall(name, arguments), *read)
    assert complaint in found
    assert bool(found) is bool(complaint)


def test_what_failed_is_no_source() -> None:
    call = ToolCall("get_order", {"order_id": "O9999"})
    failed = Action(call, ActionResult(Status.TOOL_ERROR, "Error: no order O9999"))
    assert any(validator(call, [failed]) for validator in VALIDATORS)


def test_advice_rests_on_the_message_and_the_policy_alone() -> None:
    for task in load(seed=1, n=48).tasks:
        assert task.view.advice == advice_for(task.view.prompt)
    for rule in PREREQUISITES:
        needed, tool = KIT.toolbox.get(rule.needs), KIT.toolbox.get(rule.tool)
        assert tool is not None
        assert tool.writes
        assert needed is not None
        assert not needed.writes
        assert all(code in SYSTEM for code in re.findall(r"\bR\d\b", rule.why))


def test_no_oracle_is_found_fault_with() -> None:
    for split in ("eval", "dev"):
        for task in load(seed=1, n=240, split=split).tasks:
            environment, actions = task.environment(0, 0), list[Action]()
            for call in task.oracle:
                complaints = [v(call, actions) for v in task.view.advice.validators]
                assert complaints == ["", ""], (task.view.id, call)
                actions.append(Action(call, environment.call(call)))


def obedient(task: Task) -> Callable[[Request], str]:
    """Makes the oracle's calls, and first any call that it is asked for."""

    def policy(request: Request) -> str:
        last = request.prompt.messages[-1]
        asked = re.search(r"^Expected: (\w+)\((\{.*?\})\), then", last.content, re.MULTILINE)
        if asked:
            return HERMES.format_call(ToolCall(asked[1], json.loads(asked[2])))
        ran = {call.key for call in _ran(request)}
        left = [call for call in task.oracle if call.key not in ran]
        return HERMES.format_call(left[0]) if left else task.oracle_answer

    return policy


def _ran(request: Request) -> list[ToolCall]:
    """Calls that were answered without error."""
    answers = {m.tool_call_id: m.content for m in request.prompt.messages if m.role == "tool"}
    calls = [c for m in request.prompt.messages for c in m.tool_calls]
    return [c for c in calls if not answers[c.id].startswith("Error")]


def test_who_obeys_passes_every_task_within_its_budget() -> None:
    harness = Harness.parse("advised", ["breaker", "validate", "prerequisites"])
    for task in load(seed=1, n=48).tasks:
        environment, recorder = task.environment(1, 0), TrialRecorder(LayerTable())
        engine = ScriptedEngine(obedient(task))
        answer = asyncio.run(run_trial(task.view, environment, None, engine, harness, Sampling(), recorder, 1))
        assert answer.reason is EndReason.ANSWERED, task.view.id
        assert task.check(environment, answer.text).passed, task.view.id


@pytest.mark.parametrize(("layer", "order_id"), [("prerequisites", "O1042"), ("validate", "O9999")])
def test_the_docs_of_layers_show_what_the_model_reads_at_this_desk(layer: str, order_id: str) -> None:
    task = load(seed=1, n=1).tasks[0]
    requests: list[Request] = []

    def policy(request: Request) -> str:
        requests.append(request)
        return HERMES.format_call(ToolCall("cancel_order", {"order_id": order_id})) if len(requests) == 1 else "Done."

    harness, recorder = Harness.parse("one", [layer]), TrialRecorder(LayerTable())
    environment, engine = task.environment(1, 0), ScriptedEngine(policy)
    asyncio.run(run_trial(task.view, environment, None, engine, harness, Sampling(), recorder, 1))
    answer = requests[1].prompt.messages[-1].content
    assert textwrap.indent(answer, "      ") + "\n" in (DOCS / "layers.md").read_text()
