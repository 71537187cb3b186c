"""The service desks: what their tasks are, that their oracles hold the dialogue, and that nothing less passes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time
from typing import Any

import pytest

from harnesslab.errors import UserError
from harnesslab.suites.environment import WorldEnvironment
from harnesslab.suites.registry import load_suite
from harnesslab.suites.servicedesk.airline.policy import CODES as AIRLINE_CODES
from harnesslab.suites.servicedesk.dialogue import Dialogue, Speaker, converse, oracle, repeating
from harnesslab.suites.servicedesk.draft import Say, Try
from harnesslab.suites.servicedesk.goal import Clock, Looked, plain, was_told
from harnesslab.suites.servicedesk.people import TODAY
from harnesslab.suites.servicedesk.retail.policy import CODES as RETAIL_CODES
from harnesslab.suites.servicedesk.retail.policy import RETURN_DAYS
from harnesslab.suites.servicedesk.suite import load, load_airline, load_retail
from harnesslab.suites.servicedesk.task import DeskTask
from harnesslab.suites.values import Number, Word
from harnesslab.suites.world import World
from harnesslab.types import BREAK, Environment, ToolCall, stable_hash

LOADS = {"retail": load_retail, "airline": load_airline}
EVERY = {"retail": 250, "airline": 270}


def tasks_of(desk: str, **more: Any) -> list[DeskTask]:
    return [t for t in LOADS[desk](**{"seed": 1, **more}).tasks if isinstance(t, DeskTask)]


def one(desk: str, template: str) -> DeskTask:
    return next(t for t in tasks_of(desk, n=EVERY[desk]) if t.base == f"{desk}.{template}")


def talk(task: DeskTask, speaker: Speaker, repeat: int = 0) -> Dialogue:
    return asyncio.run(converse(task, speaker, repeat=repeat))


def made_by(task: DeskTask) -> WorldEnvironment:
    environment = task.environment(0, 0)
    assert isinstance(environment, WorldEnvironment)
    return environment


# --- what there is


@pytest.mark.parametrize("desk", LOADS)
def test_a_desk_has_three_tiers_many_templates_tools_and_rows(desk: str) -> None:
    tasks = tasks_of(desk)
    assert Counter(t.tier for t in tasks) == {"question": 15, "direct": 15, "dialogue": 15, "policy": 15}
    assert len({t.base for t in tasks}) >= 14
    assert len({t.view.id for t in tasks}) == len({t.view.prompt for t in tasks}) == 60
    for task in tasks:
        if task.tier == "question":
            assert not any(tool.writes for tool in task.kit.toolbox)
            assert not task.view.advice.compounds, "their tools are not at the counter"
        else:
            assert len(task.kit.toolbox) >= 12
    assert sum(len(tasks[0].rows.ids(table)) for table in tasks[0].rows.tables) > 4000
    assert len({(t.tier == "question", t.view.system) for t in tasks}) == 2
    assert len({id(t.rows) for t in tasks}) == 1


def test_both_desks_take_turns_in_one_suite() -> None:
    suite = load(seed=1)
    assert len(suite.tasks) == 120
    assert Counter(t.base.split(".")[0] for t in suite.tasks[:10]) == {"retail": 5, "airline": 5}
    assert load_suite("servicedesk-airline", seed=1, n=3).tasks == load_airline(seed=1).tasks[:3]


@pytest.mark.parametrize("more", [{"n": 5}, {"n": 100}])
def test_a_task_is_the_same_however_many_are_drawn(more: dict[str, Any]) -> None:
    every = {t.view.id: t for t in tasks_of("retail", n=250)}
    assert all(every[t.view.id] == t for t in tasks_of("retail", **more))


def test_splits_and_seeds_draw_other_tasks() -> None:
    draws = [{t.view.prompt for t in tasks_of("airline", seed=s, split=p)} for s in (1, 2) for p in ("eval", "dev")]
    shared = [len(a & b) for i, a in enumerate(draws) for b in draws[i + 1 :]]
    assert max(shared) <= 2, "a name and a wording may recur"


@pytest.mark.parametrize(("more", "word"), [({"n": 0}, "1 to"), ({"n": 999}, "1 to")])
def test_bad_choices_answer_with_the_good_ones(more: dict[str, Any], word: str) -> None:
    with pytest.raises(UserError, match=word):
        load_retail(seed=1, **more)


# --- the oracle


@pytest.mark.parametrize("desk", LOADS)
def test_the_oracle_holds_every_dialogue(desk: str) -> None:
    """It says what its script says, and no customer leaves before or talks on after: whatever words they use."""
    for task in tasks_of(desk, n=EVERY[desk]):
        says = 1 + sum(isinstance(step, Say) for step in task.script)
        for repeat in range(3):
            dialogue = talk(task, oracle, repeat)
            assert dialogue.grade.passed, (task.view.id, dialogue)
            assert dialogue.ended, (task.view.id, dialogue)
            assert len(dialogue.told) == says, (task.view.id, dialogue)
        steps = says + sum(not isinstance(step, Say) for step in task.script)
        assert steps <= task.view.budget.turns // 2, "twice the turns that are needed"


@pytest.mark.parametrize("desk", LOADS)
def test_the_oracle_uses_only_what_it_was_told_or_found(desk: str) -> None:
    """Every text it writes into a call stood in the policy, the tools, the customer's words or a tool's answer."""
    for task in tasks_of(desk):
        known = [task.view.system, str([t.parameters for t in task.kit.toolbox])]
        for call, heard in _calls(task):
            known += heard
            texts = [v for v in call.arguments.values() if isinstance(v, str)]
            assert all(any(plain(t) in k.casefold() for k in known) for t in texts), (task.view.id, call)


def _calls(task: DeskTask) -> Iterator[tuple[ToolCall, list[str]]]:
    """The script's calls, each with what was heard and read since the one before."""
    environment, user = task.environment(0, 0), task.user(0, 0)
    assert user is not None
    heard = [task.view.prompt]
    for step in task.script:
        if isinstance(step, Say):
            heard.append(asyncio.run(user.reply(step.text)) or "")
            continue
        call = step.call if isinstance(step, Try) else step
        yield call, heard
        heard = [environment.call(call).content]


# --- agents that must fail

EMPTY_WORDS = (
    "I am sorry, I cannot help with that.",
    "Done. Your request has been completed successfully.",
    "I am transferring you to a human agent. Please hold on.",
    "Please tell me your email, your postcode, your booking code and your last name.",
    "How can I help you?",
    "Let me check that for you.",
    "",
)


@pytest.mark.parametrize("desk", LOADS)
@pytest.mark.parametrize("words", EMPTY_WORDS)
def test_words_alone_pass_nothing_and_tire_the_customer(desk: str, words: str) -> None:
    for task in tasks_of(desk):
        dialogue = talk(task, repeating(words))
        assert not dialogue.grade.passed
        assert dialogue.ended
        assert len(dialogue.told) <= 12


@pytest.mark.parametrize(("desk", "codes"), [("retail", RETAIL_CODES), ("airline", AIRLINE_CODES)])
def test_guessing_a_rule_passes_nothing(desk: str, codes: tuple[str, ...]) -> None:
    for task in [t for t in tasks_of(desk, n=120) if t.tier == "policy"]:
        for code in codes:
            assert not talk(task, repeating(f"Rule {code} forbids that.")).grade.passed


@pytest.mark.parametrize("desk", LOADS)
def test_handing_everything_over_passes_nothing(desk: str) -> None:
    """Even for one who identifies the customer first: a transfer is right only after the case was looked at."""

    def speaker(task: DeskTask, environment: Environment) -> Iterator[str]:
        gate, _, transfer = task.kit.toolbox.tools[0], None, "transfer_to_human"
        identify = next((s for s in task.script if isinstance(s, ToolCall) and s.name == gate.name), None)
        if identify is not None:
            found = environment.call(identify).content
            id = found.split('"')[3]
            who = {"customer_id": id} if desk == "retail" else {"booking_code": identify.arguments["booking_code"]}
            environment.call(ToolCall(transfer, {**who, "topic": "fraud" if desk == "retail" else "medical"}))
        yield "I have transferred your case to a colleague, who will contact you."

    assert not [t.view.id for t in tasks_of(desk, n=EVERY[desk]) if talk(t, speaker).grade.passed]


def test_identifying_comes_before_writing() -> None:
    task = one("retail", "cancel-open")
    identify, cancel = task.oracle
    late = made_by(task)
    late.call(cancel)
    late.call(identify)
    assert task.check(late, "").reasons == (f"wrote before {task.goal.gate}",)
    right = made_by(task)
    right.call(replace(identify, arguments={k: str(v).upper() for k, v in identify.arguments.items()}))
    right.call(replace(cancel, arguments={"order_id": f"#{cancel.arguments['order_id']}".lower()}))
    assert task.check(right, "").passed, "ids count by value"


def test_what_was_told_counts_over_the_whole_dialogue() -> None:
    task = one("retail", "amount-paid")
    environment = made_by(task)
    for call in task.oracle:
        environment.call(call)
    assert task.check(environment, BREAK.join((task.oracle_answer, "Is there anything else?"))).passed
    assert not task.check(environment, "Is there anything else?").passed


def test_the_last_word_on_a_subject_counts() -> None:
    open_, sent = Word("open", ("open", "sent")), Word("sent", ("open", "sent"))
    told = ("It is open.", "Sorry, it was sent.", "Anything else?")
    assert was_told(sent, told)
    assert not was_told(open_, told)
    assert was_told(Number(5), ("It is 5.", "Bye"))


def test_a_time_may_be_written_in_any_usual_form() -> None:
    assert all(Clock(time(14, 5)).said_in(said) for said in ("14:05", "at 2:05 pm.", "2:05PM", "14.05 h", "14:05:00"))
    assert not any(Clock(time(14, 5)).said_in(said) for said in ("4:05", "14:055", "2:05", "2:05 am", "1405"))
    assert Clock(time(9, 30)).said_in("9:30 am")


def test_a_look_up_needs_all_its_values() -> None:
    environment = made_by(tasks_of("airline")[0])
    id = next(environment.world.ids("flights"))
    flight = environment.world.get("flights", id) or {}
    arguments = {"origin": flight["origin"], "destination": flight["destination"], "day": flight["day"]}
    call = ToolCall("search_flights", arguments)
    result = environment.call(call)
    assert result.ok
    assert Looked((("search_flights", flight["origin"].lower(), flight["day"]),)).done_by(call, result)
    assert not Looked((("search_flights", "Nowhere", flight["day"]),)).done_by(call, result)
    assert Looked((("search_flights", flight["day"]),), shows=(id,)).done_by(call, result)
    assert not Looked((("search_flights", flight["day"]),), shows=("L0000",)).done_by(call, result)


# --- the policy


def retail_violations(world: World, call: ToolCall, customer_id: str) -> list[str]:
    """What the retail policy's text says about one write, on the state before it."""
    a = call.arguments
    order = world.get("orders", str(a.get("order_id")))
    found = []
    if order is None:
        return found
    customer = world.get("customers", order["customer"]) or {}
    changes = ("cancel_order", "set_delivery_address", "set_pieces", "swap_item")
    if call.name in changes and order["status"] != "open":
        found.append("S1")
    if call.name == "return_item":
        if (TODAY - date.fromisoformat(order["delivered"])).days > RETURN_DAYS[customer["level"]]:
            found.append("S2")
        if (world.get("items", str(a["item_id"])) or {})["sale"]:
            found.append("S5")
    if order["customer"] != customer_id:
        found.append("S3")
    if call.name == "swap_item":
        kinds = {(world.get("items", str(a[name])) or {})["kind"] for name in ("item_id", "new_item_id")}
        found += ["S4"] if len(kinds) > 1 else []
    if call.name == "refund" and order["status"] == "sent":
        late = (TODAY - date.fromisoformat((world.get("parcels", str(a["order_id"])) or {})["due"])).days
        found += ["S6"] if late <= 5 else []
    return found


def airline_violations(world: World, call: ToolCall) -> list[str]:
    """What the airline policy's text says about one write, on the state before it."""
    a = call.arguments
    booking = world.get("bookings", str(a.get("booking_code")))
    if booking is None:
        return []
    flight = world.get("flights", booking["flight"]) or {}
    found = []
    money = ("charge", "refund", "transfer_to_human")
    if call.name not in money and date.fromisoformat(flight["day"]) < TODAY:
        found.append("A1")
    if call.name == "rebook" and booking["fare"] != "flex":
        found.append("A2")
    fresh = (TODAY - date.fromisoformat(booking["booked"])).days <= 1
    if call.name == "cancel_booking" and not (booking["fare"] == "flex" or fresh or flight["status"] == "cancelled"):
        found.append("A3")
    if call.name == "set_bags" and int(a["bags"]) > 3:
        found.append("A6")
    return found


@pytest.mark.parametrize("desk", LOADS)
def test_no_oracle_breaks_the_policy(desk: str) -> None:
    for task in tasks_of(desk, n=EVERY[desk]):
        environment, customer = made_by(task), ""
        for call in task.oracle:
            if desk == "retail":
                broken = retail_violations(environment.world, call, customer) if customer else []
            else:
                broken = airline_violations(environment.world, call)
            spec = environment.toolbox.get(call.name)
            assert spec is not None
            assert not (spec.writes and broken), (task.view.id, broken)
            content = environment.call(call).content
            customer = content.split('"')[3] if call.name == "identify_customer" else customer


REFUSED = {
    "cancel-sent": ("S1", "cancel_order", {}),
    "return-late": ("S2", "return_item", {}),
    "return-sale": ("S5", "return_item", {}),
    "not-yours": ("S3", "cancel_order", {}),
    "late-too-little": ("S6", "refund", {"amount": 15, "to": "gift_card"}),
}


@pytest.mark.parametrize("template", REFUSED)
def test_what_is_refused_breaks_exactly_the_rule_that_is_named(template: str) -> None:
    """The tools would do it: an agent that does fails."""
    code, tool, more = REFUSED[template]
    for task in (t for t in tasks_of("retail", n=250) if t.base == f"retail.{template}"):
        environment = made_by(task)
        customer = environment.call(task.oracle[0]).content.split('"')[3]
        order = next(str(c.arguments["order_id"]) for c in task.oracle if "order_id" in c.arguments)
        item = environment.world.where("lines", "order", order)
        wanted = {"item_id": str(next(r["item"] for _, r in item if _named(environment.world, r["item"], task)))}
        call = ToolCall(tool, {"order_id": order, **(wanted if tool == "return_item" else {}), **more})
        assert retail_violations(environment.world, call, customer) == [code], task.view.id
        assert environment.call(call).wrote
        for look in task.oracle[1:]:
            environment.call(look)
        assert not task.check(environment, task.oracle_answer).passed
        assert code in task.oracle_answer


def _named(world: World, item: str, task: DeskTask) -> bool:
    row = world.get("items", item) or {}
    named = task.persona.fact("item")
    return named is None or named.value == f"{row['colour']} {row['kind']}"


@pytest.mark.parametrize("desk", LOADS)
def test_the_prefix_is_short(desk: str) -> None:
    """Characters, at about four and a half per token: policy and tools are at most 2,000 tokens."""
    task = tasks_of(desk)[0]
    tools = sum(len(f"{t.name}{t.description}{t.parameters}") for t in task.kit.toolbox)
    assert len(task.view.system) + tools < 7500


FROZEN = {
    ("retail", "eval"): 10235760645828298471,
    ("retail", "dev"): 11576081724961259790,
    ("airline", "eval"): 7078688141556259103,
    ("airline", "dev"): 16171382968932750986,
}


@pytest.mark.parametrize(("desk", "split"), FROZEN)
def test_the_draw_is_frozen(desk: str, split: str) -> None:
    """Whoever changes a task, a table, a tool or a policy changes VERSION and these."""
    kits = [task.kit.toolbox for task in tasks_of(desk)[:2]]  # at the counter, and with the policy
    parts: list[str | int] = [repr([(t.name, t.description, t.parameters) for kit in kits for t in kit])]
    for task in tasks_of(desk, split=split):
        parts += [task.view.system, repr(task.persona), repr(task.script), task.oracle_answer, task.tier]
        parts += [task.environment(0, 0).digest(), task.goal.digest, repr(task.goal.says), repr(task.goal.reads)]
    assert stable_hash(*parts) == FROZEN[desk, split]
