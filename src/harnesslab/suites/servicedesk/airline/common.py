"""What airline templates share: how a booking is opened, and the shape of a refusal."""

from __future__ import annotations

from random import Random

from harnesslab.suites.servicedesk.airline.policy import CODES
from harnesslab.suites.servicedesk.airline.tables import Booking, Flight
from harnesslab.suites.servicedesk.draft import Draft, Say, Step, call, looked
from harnesslab.suites.servicedesk.goal import Looked
from harnesslab.suites.servicedesk.persona import Fact, Persona
from harnesslab.suites.values import Word
from harnesslab.types import ToolCall

ASK_BOOKING = Say("Please tell me your booking code and the last name it is under.")
TOLD_BOOKING = ("booking", "last name")


def one_of(random: Random, *wordings: str) -> str:
    return random.choice(wordings)


def last_name(booking: Booking) -> str:
    return booking.traveller.split()[-1]


def who(booking: Booking) -> tuple[Fact, ...]:
    """What a traveller knows of their booking."""
    return (
        Fact("booking", booking.code),
        Fact("last name", last_name(booking)),
        Fact("name", booking.member.name),
        Fact("traveller", booking.traveller),
        Fact("email", booking.member.email),
    )


def intro(random: Random, booking: Booking) -> str:
    name = last_name(booking)
    return one_of(
        random,
        f"My booking is {booking.code}, last name {name}.",
        f"Booking code {booking.code}, under {name}.",
        f"(Booking {booking.code}, the last name is {name}.)",
    )


def open_booking(booking: Booking) -> ToolCall:
    return call("find_booking", booking_code=booking.code, last_name=last_name(booking))


def opened(booking: Booking) -> Looked:
    """The booking was opened with its last name."""
    return looked(("find_booking", booking.code))


def flight_seen(flight: Flight) -> Looked:
    """The flight's times, price and status were seen."""
    return looked(
        ("get_flight", flight.id), ("search_flights", flight.origin, flight.destination, flight.day.isoformat())
    )


def see_flight(booking: Booking) -> ToolCall:
    return call("get_flight", flight_id=booking.flight.id)


def settle(code: str, difference: int) -> ToolCall:
    """Charges what is owed, or pays back what is too much."""
    return (
        call("charge", booking_code=code, amount=difference)
        if difference > 0
        else call("refund", booking_code=code, amount=-difference)
    )


def refusal(code: str, persona: Persona, booking: Booking, script: tuple[Step, ...], *reads: Looked) -> Draft:
    """A request that one rule forbids; a stubborn traveller hears it twice."""
    answer = f"I am sorry, rule {code} forbids that."
    told = (Say(answer),) if persona.temper == "stubborn" else ()
    return Draft(persona, (*script, *told), answer, (Word(code, CODES),), (opened(booking), *reads))
