"""What retail templates share: how a customer is known, and the two shapes that most tasks have."""

from __future__ import annotations

from random import Random

from harnesslab.suites.servicedesk.draft import Draft, Say, Step, call, looked
from harnesslab.suites.servicedesk.goal import Looked
from harnesslab.suites.servicedesk.persona import Fact, Persona
from harnesslab.suites.servicedesk.retail.policy import CODES
from harnesslab.suites.servicedesk.retail.shop import Customer, Order
from harnesslab.suites.values import Word
from harnesslab.types import ToolCall

ASK_WHO = Say("Please tell me your email and your postcode.")
TOLD_WHO = ("email", "postcode")


def one_of(random: Random, *wordings: str) -> str:
    return random.choice(wordings)


def who(customer: Customer) -> tuple[Fact, ...]:
    """What a customer knows of themselves."""
    return (
        Fact("email", customer.email),
        Fact("postcode", customer.postcode),
        Fact("name", customer.name),
    )


def intro(random: Random, customer: Customer) -> str:
    return one_of(
        random,
        f"My email is {customer.email}, my postcode {customer.postcode}.",
        f"I am {customer.name}, email {customer.email}, postcode {customer.postcode}.",
        f"(Email {customer.email}, postcode {customer.postcode}.)",
    )


def identify(customer: Customer) -> ToolCall:
    return call("identify_customer", email=customer.email, postcode=customer.postcode)


def known(customer: Customer) -> Looked:
    """The customer was identified."""
    return looked(("identify_customer", customer.email))


def seen(order: Order) -> Looked:
    """The order's status was seen."""
    return looked(("get_order", order.id), ("list_orders", order.customer.id))


def refusal(code: str, persona: Persona, customer: Customer, script: tuple[Step, ...], *reads: Looked) -> Draft:
    """A request that one rule forbids; a stubborn customer hears it twice."""
    answer = f"I am sorry, rule {code} forbids that."
    told = (Say(answer),) if persona.temper == "stubborn" else ()
    return Draft(persona, (*script, *told), answer, (Word(code, CODES),), (known(customer), *reads))
