"""Tier "direct": the first message says everything, and one look-up or one change is asked for."""

from __future__ import annotations

from harnesslab.suites.servicedesk.airline.common import (
    TOLD_BOOKING,
    flight_seen,
    intro,
    one_of,
    open_booking,
    opened,
    see_flight,
    who,
)
from harnesslab.suites.servicedesk.airline.tables import CABINS, MEALS, Airline, Booking
from harnesslab.suites.servicedesk.draft import Draft, Template, call, looked
from harnesslab.suites.servicedesk.goal import Clock
from harnesslab.suites.servicedesk.people import TODAY
from harnesslab.suites.servicedesk.persona import Persona, Wish
from harnesslab.suites.values import Number


def _asking(airline: Airline, booking: Booking, *wordings: str) -> Persona:
    """Which booking, and what they want, in one message."""
    return Persona(
        opening=f"{one_of(airline.random, *wordings)} {intro(airline.random, booking)}",
        wishes=(Wish(wordings),),
        facts=who(booking),
        told=TOLD_BOOKING,
    )


def minutes_late(airline: Airline) -> Draft:
    flight = airline.flight(lambda f: f.status == "delayed" and f.day >= TODAY)
    wordings = (
        f"By how many minutes is flight {flight.id} delayed?",
        f"I hear that flight {flight.id} is late. How many minutes?",
    )
    return Draft(
        Persona(one_of(airline.random, *wordings), (Wish(wordings),)),
        (call("get_flight", flight_id=flight.id),),
        f"It is {flight.delay} minutes late.",
        (Number(flight.delay),),
        (looked(("get_flight", flight.id)),),
    )


def ticket_price(airline: Airline) -> Draft:
    flight, cabin = airline.coming(), airline.random.choice(CABINS)
    wordings = (
        f"What does a seat in {cabin} cost on flight {flight.id}?",
        f"I am thinking of flight {flight.id}. What is the price in {cabin}?",
    )
    return Draft(
        Persona(one_of(airline.random, *wordings), (Wish(wordings),)),
        (call("get_flight", flight_id=flight.id),),
        f"It costs ${flight.price(cabin)}.",
        (Number(flight.price(cabin)),),
        (flight_seen(flight),),
    )


def departure(airline: Airline) -> Draft:
    booking = airline.booking(airline.member())
    return Draft(
        _asking(
            airline, booking, "At what time does my flight leave?", "I forgot when my flight leaves. At what time?"
        ),
        (open_booking(booking), see_flight(booking)),
        f"It leaves at {booking.flight.departs:%H:%M}.",
        (Clock(booking.flight.departs),),
        (
            opened(booking),
            flight_seen(booking.flight),
        ),
    )


def amount_paid(airline: Airline) -> Draft:
    booking = airline.booking(airline.member(), cabin=airline.random.choice(CABINS))
    return Draft(
        _asking(airline, booking, "How much did I pay for my booking?", "I need to know what I paid for this booking."),
        (open_booking(booking), call("get_payment", code=booking.code)),
        f"You paid ${booking.paid}.",
        (Number(booking.paid),),
        (opened(booking), looked(("get_payment", booking.code))),
    )


def change_meal(airline: Airline) -> Draft:
    booking, meal = airline.booking(airline.member()), airline.random.choice(MEALS[1:])
    name = booking.traveller
    wordings = (f"Please book the {meal} meal for me, {name}.", f"I am {name} and want the {meal} meal.")
    return Draft(
        _asking(airline, booking, *wordings),
        (open_booking(booking), call("set_meal", code=booking.code, traveller=name, meal=meal)),
        f"The {meal} meal is booked.",
        gate=opened(booking),
    )


def choose_seat(airline: Airline) -> Draft:
    booking = airline.booking(airline.member())
    seat, name = airline.random.choice(booking.flight.free), booking.traveller
    wordings = (f"Please give me ({name}) seat {seat}, it is free.", f"I am {name} and would like seat {seat}.")
    return Draft(
        _asking(airline, booking, *wordings),
        (open_booking(booking), call("set_seat", code=booking.code, traveller=name, seat=seat)),
        f"You have seat {seat}.",
        gate=opened(booking),
    )


DIRECT: tuple[Template[Airline], ...] = (
    minutes_late,
    change_meal,
    departure,
    ticket_price,
    choose_seat,
    amount_paid,
)
