"""What an agent's message means to a customer, over many wordings; small models' own manners among them."""

from __future__ import annotations

import pytest

from harnesslab.suites.servicedesk.listening import Heard, listen


def topics(said: str) -> set[str]:
    return set(listen(said).topics)


@pytest.mark.parametrize(
    "said",
    [
        "Please tell me your email and your postcode.",
        "Could you share the e-mail and postal code on your account?",
        "To get started I need your email address and ZIP code.",
        "I'll need your email and postcode first.",
        "I can do that. What's your email? And your post code?",
        "Before I can help you, please provide the following:\n1. Email\n2. Postcode",
        "Sure! I need some information:\n- your email address\n- your postal code",
        "May I have your email and zip, please?",
        "In order to identify you I require your email and postcode.",
        "Kindly provide your email as well as your postcode so I can identify you",
        "You need to provide your email and your postcode.",
        "Your email and postcode are required.",
        "Let me know your email and postcode.",
    ],
)
def test_email_and_postcode_are_asked_for(said: str) -> None:
    assert topics(said) == {"email", "postcode"}
    assert not listen(said).refusal


@pytest.mark.parametrize(
    ("said", "topic"),
    [
        ("Could you please provide your booking code?", "booking"),
        ("What is your reservation number?", "booking"),
        ("Please share your booking reference.", "booking"),
        ("What is the last name on the booking?", "last name"),
        ("And your surname?", "last name"),
        ("Please give me the family name.", "last name"),
        ("Which order would you like to cancel?", "order"),
        ("What's the order number?", "order"),
        ("Please provide the order ID.", "order"),
        ("Can you double-check the order number?", "order"),
        ("Which colour would you like?", "colour"),
        ("What color do you prefer?", "colour"),
        ("How many pieces do you need?", "pieces"),
        ("Please specify the quantity.", "pieces"),
        ("What is the new address?", "address"),
        ("Where should it be sent?", "address"),
        ("Which day would you like to fly?", "day"),
        ("Please tell me the new date.", "day"),
        ("Which meal would you like?", "meal"),
        ("How many bags will you take?", "bags"),
        ("What is the reason for the return?", "condition"),
        ("Why do you want to return it?", "condition"),
        ("Which cabin would you like?", "cabin"),
        ("What is the correct spelling of your name?", "right name"),
        ("How should your name be spelled?", "right name"),
        ("Which item would you like to return?", "item"),
        ("Would you like the refund to your gift card or the original payment?", "payout"),
    ],
)
def test_a_fact_is_asked_for(said: str, topic: str) -> None:
    assert topic in topics(said)


@pytest.mark.parametrize(
    "said",
    [
        "Order H12345 is cancelled.",
        "I have cancelled your order H12345. You will get an email confirmation shortly.",
        "Your order H12345 has been cancelled. Is there anything else I can help you with?",
        "The delivery address of order H12345 is now 5 Mill Lane, Graz.",
        "Your order number H12345 was sent to 5 Mill Lane.",
        "You paid $45 for order H12345. Let me know if you need any further assistance.",
        "The bags are added for $60. Have a nice day!",
        "Your flight leaves at 14:05 on the day you booked.",
        "Done! If you need anything else, please let me know.",
        "It is done. Please do not hesitate to write again.",
        "There are 34 pieces in stock.",
        "Your seat is 14C now and the meal is vegan.",
        "Sure, the price is $45.",
        "Thank you for waiting. Your order is cancelled.",
        "I found your booking, and it leaves at 14:05. It was paid with $45.",
        "I have cancelled order H12345 and you will get $45 back.",
    ],
)
def test_a_report_asks_nothing_and_refuses_nothing(said: str) -> None:
    heard = listen(said)
    assert heard.topics == ()
    marks = ("refusal", "trouble", "confirm", "details", "identity", "garbled", "stalling")
    assert [mark for mark in marks if getattr(heard, mark)] == []


@pytest.mark.parametrize(
    "said",
    [
        "I am sorry, rule S1 forbids that.",
        "Unfortunately, I can't cancel this order because it was sent already.",
        "I cannot do this: A3.",
        "This booking is not eligible for a change.",
        "We are not able to take back sale items.",
        "Sale items may not be returned.",
        "It isn't possible to move a saver booking.",
        "That is against our policy.",
        "I won't be able to help with this request.",
        "I must decline. Would you like another colour instead?",
        "The order can’t be changed any more.",
        "According to S2, returns are accepted for 30 days only.",
    ],
)
def test_a_refusal_is_heard(said: str) -> None:
    assert listen(said).refusal


@pytest.mark.parametrize(
    "said",
    [
        "I cannot find order H12345.",
        "I can't find it.",
        "I can’t find that booking, sorry.",
        "I couldn't find a booking with this code. Please check it.",
        "There is no order with this number.",
        "No customer with this email and postcode was found.",
        "The postcode does not match our records.",
        "The last name doesn't match the booking.",
        "It seems that the order number is incorrect.",
        "I was unable to locate your account.",
        "There was an error while looking up your order.",
        "I am not able to verify your identity with these details.",
        "Order H12345 does not exist.",
        "The booking code you gave is invalid.",
    ],
)
def test_trouble_is_no_refusal(said: str) -> None:
    heard = listen(said)
    assert heard.trouble
    assert not heard.refusal


@pytest.mark.parametrize(
    "said",
    [
        "Shall I cancel order H12345?",
        "Would you like me to proceed?",
        "Do you want me to swap it for the green one?",
        "I will refund $45 to your card. Is that correct?",
        "I'm going to cancel it. Please confirm.",
        "Can I go ahead?",
        "Please confirm that you want to cancel order H12345.",
        "Do you want to proceed with the cancellation? (yes/no)",
        "Reply yes to proceed.",
        "Are you sure?",
        "By S1 your order may be cancelled. Shall I do that?",
        "Refunds do not include postage. Would you like to proceed?",
        "This cannot be undone. Do you want me to cancel it?",
    ],
)
def test_a_yes_is_wanted(said: str) -> None:
    heard = listen(said)
    assert heard.confirm
    assert not heard.refusal
    assert heard.topics == ()


@pytest.mark.parametrize(
    "said",
    [
        "One moment please.",
        "Let me check that for you.",
        "Sure, I can help you with that.",
        "I will look up your order now.",
        "Certainly! I'll cancel the order right away.",
        "I am looking into it.",
        "I'm happy to help.",
        "Please hold on while I check.",
        "I have found your booking K4H7F6. Let me look at the flight.",
        "Thank you, Ms Dumont. I've found your booking K4H7F6.",
        "You are identified. I will now cancel order H12345 and refund $45.",
        "Your identity has been verified.",
        "I'll refund $45 to your card.",
        "Great, thanks!",
        "To find its price, you would call `get_flight` with the code L1234.",
        "To get the flight, use get_flight with the code L1234 and the cabin business.",
    ],
)
def test_a_promise_is_no_deed(said: str) -> None:
    heard = listen(said)
    assert heard.stalling
    assert [mark for mark in ("refusal", "confirm", "topics") if getattr(heard, mark)] == []


@pytest.mark.parametrize("said", ["Which one would you prefer?", "At what time do you want to fly?"])
def test_a_choice_is_not_answered_by_yes(said: str) -> None:
    assert listen(said).question
    assert not listen(said).confirm


@pytest.mark.parametrize(
    "said", ["May I know the reason for the return?", "Could you confirm your postcode?", "Can I have your email?"]
)
def test_nor_is_a_request_for_a_fact(said: str) -> None:
    assert topics(said)
    assert not listen(said).confirm


@pytest.mark.parametrize(
    "said", ["I can't proceed without your order number.", "I am unable to help you until you tell me your email."]
)
def test_a_condition_is_no_refusal(said: str) -> None:
    assert not listen(said).refusal


@pytest.mark.parametrize(
    "said", ["How can I help you today?", "Hello! How may I assist you?", "What can I do for you?"]
)
def test_a_greeting_is_heard(said: str) -> None:
    assert listen(said).greeting


@pytest.mark.parametrize(
    "said",
    [
        "I am transferring you to a human agent. Please hold on.",
        "I have handed your case over to a colleague.",
        "A specialist will contact you.",
        "I will connect you with our support team.",
    ],
)
def test_a_transfer_is_heard(said: str) -> None:
    assert listen(said).handed


@pytest.mark.parametrize(
    "said",
    [
        '{"name": "get_order", "arguments": {"order_id": "H1"}}',
        "```json\n{}\n```",
        "<tool_call>",
        "get_order(H12345)",
        "I want to cancel my order H12345.",
        "My email is a@b.example and my postcode is AB123.",
    ],
)
def test_what_is_not_for_a_customer_is_noise(said: str) -> None:
    assert listen(said).garbled


@pytest.mark.parametrize(
    ("said", "mark"),
    [
        ("Could you give me more details?", "details"),
        ("Please provide more information about your request.", "details"),
        ("Can you be more specific?", "details"),
        ("Please verify your identity.", "identity"),
        ("I need to identify you first.", "identity"),
        ("May I have your customer ID?", "identity"),
        ("Please share your account details.", "identity"),
        ("Is there anything else I can do for you?", "closing"),
    ],
)
def test_vague_questions_are_heard(said: str, mark: str) -> None:
    heard = listen(said)
    assert getattr(heard, mark)
    assert heard.topics == ()


def test_nothing_said_means_nothing() -> None:
    assert listen("") == Heard()
