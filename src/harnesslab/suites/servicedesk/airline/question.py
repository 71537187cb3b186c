"""Tier "question": about a flight, which anybody may ask; one look-up, and all it needs stands in the message."""

from __future__ import annotations

from harnesslab.suites.servicedesk.airline.common import flight_seen, one_of
from harnesslab.suites.servicedesk.airline.tables import CABINS, Airline, Flight
from harnesslab.suites.servicedesk.draft import Draft, Template, call
from harnesslab.suites.servicedesk.goal import Clock
from harnesslab.suites.servicedesk.people import CITIES, TODAY
from harnesslab.suites.servicedesk.persona import Persona, Wish
from harnesslab.suites.values import Number, Value, Word


def _about(airline: Airline, flight: Flight, answer: str, says: Value, *wordings: str) -> Draft:
    """A question that names the flight's id."""
    return Draft(
        Persona(one_of(airline.random, *wordings), (Wish(wordings),)),
        (call("get_flight", flight_id=flight.id),),
        answer,
        (says,),
        (flight_seen(flight),),
    )


def minutes_late(airline: Airline) -> Draft:
    flight = airline.flight(lambda f: f.status == "delayed" and f.day >= TODAY)
    return _about(
        airline, flight, f"It is {flight.delay} minutes late.", Number(flight.delay),
        f"Please look up flight {flight.id}. How many minutes is its delay?",
        f"Look up flight {flight.id}, please. How long is its delay, in minutes?",
    )  # fmt: skip


def ticket_price(airline: Airline) -> Draft:
    flight, cabin = airline.coming(), airline.random.choice(CABINS)
    return _about(
        airline, flight, f"It costs ${flight.price(cabin)}.", Number(flight.price(cabin)),
        f"Please look up flight {flight.id}. What does a seat in {cabin} cost?",
        f"Look up flight {flight.id}, please. What is the fare in {cabin}?",
    )  # fmt: skip


def leaves_at(airline: Airline) -> Draft:
    flight = airline.coming()
    return _about(
        airline, flight, f"It leaves at {flight.departs:%H:%M}.", Clock(flight.departs),
        f"Please look up flight {flight.id}. At what time does it leave?",
        f"Look up flight {flight.id}, please. At what time does it depart?",
    )  # fmt: skip


def goes_to(airline: Airline) -> Draft:
    flight = airline.coming()
    others = tuple(city for city in CITIES if city != flight.origin)
    return _about(
        airline, flight, f"It goes to {flight.destination}.", Word(flight.destination, others),
        f"Please look up flight {flight.id}. What is its destination?",
        f"Look up flight {flight.id}, please. Which destination does it have?",
    )  # fmt: skip


QUESTION: tuple[Template[Airline], ...] = (minutes_late, leaves_at, ticket_price, goes_to)
