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
        (open_booking(booking), call("get_payment", booking_code=booking.code)),
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
        (open_booking(booking), call("set_meal", booking_code=booking.code, traveller=name, meal=meal)),
        f"The {meal} meal is booked.",
        gate=opened(booking),
    )


def choose_seat(airline: Airline) -> Draft:
    booking = airline.booking(airline.member())
    seat, name = airline.random.choice(booking.flight.free), booking.traveller
    wordings = (f"Please give me ({name}) seat {seat}, it is free.", f"I am {name} and would like seat {seat}.")
    return Draft(
        _asking(airline, booking, *wordings),
        (open_booking(booking), call("set_seat", booking_code=booking.code, traveller=name, seat=seat)),
        f"You have seat {seat}.",
        gate=opened(booking),
    )


DIRECT: tuple[Template[Airline], ...] = (
    change_meal,
    departure,
    choose_seat,
    amount_paid,
)
