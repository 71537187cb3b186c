"""The scripted customer: tells what is asked, corrects what is wrong, changes their mind, and leaves in time."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from harnesslab.suites.servicedesk.brief import brief
from harnesslab.suites.servicedesk.persona import Change, Fact, Persona, Wish
from harnesslab.suites.servicedesk.scripted_user import PATIENCE, ScriptedUser
from harnesslab.types import LEAVE

EMAIL, POSTCODE = Fact("email", "ada.novak7@post.example"), Fact("postcode", "KT402")
ADA = Persona(
    opening="Please cancel my order.",
    wishes=(Wish(("Please cancel my order.",)),),
    facts=(EMAIL, POSTCODE, Fact("order", "H12345")),
)


def hear(persona: Persona, *said: str, key: int = 1) -> list[str | None]:
    """What the customer answers to each of these messages."""

    async def dialogue() -> list[str | None]:
        user = ScriptedUser(persona, key)
        return [await user.reply(text) for text in said]

    return asyncio.run(dialogue())


def test_only_what_is_asked_for_is_told() -> None:
    (first, second) = hear(ADA, "What is your email?", "And the postcode and the order number, please?")
    assert first is not None
    assert EMAIL.value in first
    assert POSTCODE.value not in first
    assert second is not None
    assert EMAIL.value not in second
    assert POSTCODE.value in second
    assert "H12345" in second


def test_who_asks_for_an_identity_gets_all_that_proves_it() -> None:
    (said,) = hear(ADA, "Please verify your identity.")
    assert said is not None
    assert EMAIL.value in said
    assert POSTCODE.value in said
    assert "H12345" not in said


def test_who_asks_vaguely_gets_one_fact_at_a_time() -> None:
    said = hear(ADA, *["Please give me more details."] * 3)
    facts = [f.value for f in ADA.facts]
    assert sorted(next(v for v in facts if v in (text or "")) for text in said) == sorted(facts)


@pytest.mark.parametrize(
    "told", ["I cannot find order H12354.", "Please check the order number.", "What was the order number again?"]
)
def test_a_slip_is_corrected_once_it_shows(told: str) -> None:
    persona = replace(ADA, facts=(EMAIL, Fact("order", "H12345", "H12354")))
    first, second = hear(persona, "Which order?", told)
    assert first is not None
    assert "H12354" in first
    assert second is not None
    assert "H12345" in second
    assert "H12354" not in second


def test_a_slip_of_the_opening_is_corrected_too() -> None:
    persona = replace(ADA, told=("order",), facts=(Fact("order", "H12345", "H12354"),))
    (said,) = hear(persona, "There is no such order.")
    assert said is not None
    assert "H12345" in said


def test_the_right_one_of_two_facts_is_corrected() -> None:
    facts = (Fact("email", "a@new.example", "a@old.example"), Fact("postcode", "KT402", "KT204"))
    persona = replace(ADA, told=("email", "postcode"), facts=facts)
    (said,) = hear(persona, "The postcode KT204 does not match.")
    assert said is not None
    assert "KT402" in said
    assert "a@new.example" not in said


def test_a_mistaken_id_is_noticed_before_it_is_used() -> None:
    persona = replace(ADA, told=("order",))
    wrong, right = hear(persona, "Shall I cancel order H99999?", "Shall I cancel order H12345?")
    assert wrong is not None
    assert wrong.startswith("No.")
    assert "H12345" in wrong
    assert right is not None
    assert "H12345" not in right


def test_a_mistaken_booking_is_noticed_and_other_ids_are_not_taken_for_one() -> None:
    persona = replace(ADA, told=("booking",), facts=(Fact("booking", "K7Q2M4"),))
    wrong, right = hear(persona, "Shall I cancel booking H3B2C4?", "Shall I move it to flight L1234 of order H12345?")
    assert wrong is not None
    assert "K7Q2M4" in wrong
    assert right is not None
    assert "K7Q2M4" not in right


def test_a_change_of_mind_comes_with_the_fact_it_hangs_on() -> None:
    persona = replace(ADA, change=Change("postcode", ("Actually, make it one piece.",)))
    email, postcode, lost = hear(persona, "Your email?", "Your postcode?", "How can I help you?")
    assert email is not None
    assert "one piece" not in email
    assert postcode is not None
    assert postcode.endswith("Actually, make it one piece.")
    assert lost == "Actually, make it one piece.", "from now on that is what they want"


def test_a_stubborn_customer_doubts_the_first_refusal_only() -> None:
    persona = replace(ADA, temper="stubborn")
    first, second = hear(persona, *["Rule S1 forbids that."] * 2)
    assert first
    assert second is None


def test_a_refusal_brings_up_what_is_wanted_instead() -> None:
    persona = replace(ADA, wishes=(Wish(("Cancel it.",), ("Then send it elsewhere.",)),))
    assert hear(persona, "I cannot do that, sorry.", "Done.") == ["Then send it elsewhere.", None]
    assert hear(persona, "Your order is cancelled.") == [None]


def test_the_second_wish_follows_the_first() -> None:
    persona = replace(ADA, wishes=(Wish(("Cancel it.",)), Wish(("And when is the other one due?",))))
    said = hear(persona, "It is cancelled. Is there anything else?", "It is due on 2026-05-20.")
    assert said == ["And when is the other one due?", None]


@pytest.mark.parametrize(
    "done", ["Order H12345 is cancelled.", "Done! Anything else I can do?", "Your order was cancelled."]
)
def test_they_leave_when_all_is_dealt_with(done: str) -> None:
    assert hear(ADA, done) == [None]


@pytest.mark.parametrize("temper", PATIENCE)
@pytest.mark.parametrize(
    "said",
    [
        "Let me check that.",
        "How can I help you?",
        "```json\n{}```",
        "What is your shoe size?",
        "I want to cancel my order.",
    ],
)
def test_they_lose_patience(temper: str, said: str) -> None:
    answers = hear(replace(ADA, temper=temper), *[said] * 12)
    assert answers[0]
    assert answers[PATIENCE[temper] + 1] is None


def test_yes_is_said_to_what_is_wanted() -> None:
    (said,) = hear(ADA, "Do you want me to cancel it?")
    assert said is not None
    assert said.startswith(("Yes", "Please"))


def test_a_proposal_about_what_was_told_is_agreed_to() -> None:
    told = replace(ADA, told=("address",), facts=(Fact("address", "5 Mill Lane in Graz"),))
    (said,) = hear(told, "Do you also want to change the address of your open order?")
    assert said is not None
    assert "Mill Lane" not in said
    (again,) = hear(told, "Could you tell me the address again?")
    assert again is not None
    assert "Mill Lane" in again


@pytest.mark.parametrize("said", ["Would you like to choose a seat?", "Which one would you prefer?"])
def test_what_they_did_not_ask_for_is_answered_with_what_they_want(said: str) -> None:
    assert hear(ADA, said) == ["Please cancel my order."]


def test_an_alternative_to_what_is_refused_is_not_agreed_to() -> None:
    assert hear(ADA, "I can't do that. Would you like me to change the address instead?") == [None]


def test_what_they_do_not_know_they_say() -> None:
    (said,) = hear(ADA, "What is your booking code?")
    assert said is not None
    assert said.endswith("Please cancel my order.")
    assert len(said) > 30


def test_a_brisk_customer_uses_few_words() -> None:
    (said,) = hear(replace(ADA, temper="brisk"), "Email?")
    assert said == f"{EMAIL.value}."


def test_words_and_order_vary_with_the_key_alone() -> None:
    ask = "Your email, your postcode and the order number, please?"
    assert hear(ADA, ask, key=3) == hear(ADA, ask, key=3)
    said = {hear(ADA, ask, key=key)[0] for key in range(40)}
    assert len(said) > 15
    assert len({tuple((s or "").find(f.value) < 30 for f in ADA.facts) for s in said}) == 3


def test_the_brief_says_all_that_the_customer_knows() -> None:
    persona = replace(
        ADA,
        wishes=(Wish(("Cancel it.",), ("Send it elsewhere.",)), Wish(("And the other one?",))),
        facts=(EMAIL, Fact("order", "H12345", "H12354")),
        change=Change("email", ("Or rather: make it one piece.",)),
    )
    text = brief(persona)
    for words in (
        "Cancel it.",
        "Send it elsewhere.",
        "And the other one?",
        EMAIL.value,
        "H12345",
        "H12354",
        "one piece",
    ):
        assert words in text
    assert text.endswith(f"write {LEAVE} and nothing else.")
