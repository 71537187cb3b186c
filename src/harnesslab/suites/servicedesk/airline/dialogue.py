"""Tier "dialogue": the traveller tells what they are asked for, or gets it wrong first; several steps hang together."""

from __future__ import annotations

from dataclasses import replace

from harnesslab.suites.servicedesk import people
from harnesslab.suites.servicedesk.airline.common import (
    ASK_BOOKING,
    flight_seen,
    intro,
    last_name,
    one_of,
    open_booking,
    opened,
    see_flight,
    settle,
    who,
)
from harnesslab.suites.servicedesk.airline.policy import BAG_PRICE, FREE_BAGS
from harnesslab.suites.servicedesk.airline.tables import MEALS, Airline, Booking
from harnesslab.suites.servicedesk.draft import Draft, Say, Template, Try, call
from harnesslab.suites.servicedesk.goal import Clock
from harnesslab.suites.servicedesk.persona import Fact, Persona, Wish
from harnesslab.suites.values import Day, Number


def _hello(booking: Booking, words: str) -> str:
    return f"{booking.member.name} here. {words}"


def _but(facts: tuple[Fact, ...], topic: str, wrong: str) -> tuple[Fact, ...]:
    """The facts, one of them told wrong at first."""
    return tuple(replace(f, wrong=wrong) if f.topic == topic else f for f in facts)


def misread_code(airline: Airline) -> Draft:
    booking, meal = airline.booking(airline.member()), airline.random.choice(MEALS[1:])
    wrong = airline.misread(booking)
    wordings = ("I would like another meal on my flight.", "Please change the meal that I get on board.")
    return Draft(
        Persona(
            opening=_hello(booking, f"{one_of(airline.random, *wordings)} The booking code is {wrong}."),
            wishes=(Wish(wordings),),
            facts=(*_but(who(booking), "booking", wrong), Fact("meal", meal)),
            told=("booking", "name"),
        ),
        (
            Say("Under which last name is it, and which meal would you like?"),
            Try(call("find_booking", booking_code=wrong, last_name=last_name(booking))),
            Say(f"I cannot find a booking {wrong}. Please check the code."),
            open_booking(booking),
            call("set_meal", booking_code=booking.code, traveller=booking.traveller, meal=meal),
        ),
        f"The {meal} meal is booked.",
        gate=opened(booking),
    )


def former_name(airline: Airline) -> Draft:
    """Booked under a name that the traveller no longer uses."""
    random = airline.random
    booking = airline.booking(airline.member())
    now = random.choice([name for name in people.LAST if name != booking.member.last_name])
    wordings = ("At what time does my flight leave?", "When do I take off? I need the time.")
    first = booking.member.name.split()[0]
    facts = (
        Fact("booking", booking.code),
        Fact("last name", booking.member.last_name, now),
        Fact("email", booking.member.email),
    )
    return Draft(
        Persona(
            opening=f"Hello, this is {first}. {one_of(random, *wordings)} My booking is {booking.code}.",
            wishes=(Wish(wordings),),
            facts=facts,
            told=("booking",),
            temper="brisk",
        ),
        (
            Say("What is your last name?"),
            Try(call("find_booking", booking_code=booking.code, last_name=now)),
            Say("The last name does not match this booking. Could it be under another one?"),
            open_booking(booking),
            see_flight(booking),
        ),
        f"It leaves at {booking.flight.departs:%H:%M}.",
        (Clock(booking.flight.departs),),
        (opened(booking), flight_seen(booking.flight)),
    )


def add_bags(airline: Airline) -> Draft:
    member = airline.member(level=airline.random.choice(("basic", "silver")))
    booking = airline.booking(member)
    bags = airline.random.choice((2, 3))
    cost = BAG_PRICE * (bags - FREE_BAGS[member.level])
    wordings = (
        "I want to take bags with me. What will you charge me? Please add them.",
        "Please add bags to my booking, and tell me what I am charged.",
    )
    return Draft(
        Persona(
            opening=_hello(booking, one_of(airline.random, *wordings)),
            wishes=(Wish(wordings),),
            facts=(*who(booking), Fact("bags", f"{bags} bags")),
            told=("name",),
        ),
        (
            Say("Please tell me your booking code, the last name, and how many bags you will have."),
            open_booking(booking),
            call("get_member", member_id=member.id),
            call("set_bags", booking_code=booking.code, bags=bags),
            call("charge", booking_code=booking.code, amount=cost),
        ),
        f"The bags are added for ${cost}.",
        (Number(cost),),
        gate=opened(booking),
    )


def other_flight(airline: Airline) -> Draft:
    booking = airline.booking(airline.member(), airline.movable(), fare="flex")
    day = airline.random.choice(airline.other_days(booking.flight))
    new = airline.first_of(booking.flight, day)
    difference = new.price(booking.cabin) - booking.paid
    wordings = (
        "I have to fly on another day, with the first flight of that day. Please rebook me.",
        "Please move me to another day. I want the earliest flight of that day.",
    )
    return Draft(
        Persona(
            opening=_hello(booking, one_of(airline.random, *wordings)),
            wishes=(Wish(wordings),),
            facts=(*who(booking), Fact("day", day.isoformat())),
            told=("name",),
        ),
        (
            Say("Please tell me your booking code, the last name, and the new day."),
            open_booking(booking),
            see_flight(booking),
            call("search_flights", origin=new.origin, destination=new.destination, day=day.isoformat()),
            call("rebook", booking_code=booking.code, flight_id=new.id),
            settle(booking.code, difference),
        ),
        f"You are on flight {new.id} now; the difference of ${abs(difference)} is settled.",
        (),
        gate=opened(booking),
    )


def misspelt(airline: Airline) -> Draft:
    member = airline.member()
    first, last = member.name.split()
    i = airline.random.randrange(1, len(first) - 1)
    wrong = f"{first[:i]}{first[i + 1]}{first[i]}{first[i + 2 :]} {last}"
    if wrong == member.name:
        wrong = f"{first}{first[-1]} {last}"
    booking = airline.booking(member, traveller=wrong)
    wordings = (
        "My first name is misspelt in my booking. Please correct it.",
        "There is a slip in my first name in the booking.",
    )
    return Draft(
        Persona(
            opening=f"{one_of(airline.random, *wordings)} {intro(airline.random, booking)}",
            wishes=(Wish(wordings),),
            facts=(*who(replace(booking, traveller=member.name)), Fact("right name", member.name)),
            told=("booking", "last name"),
        ),
        (
            Say("What is the correct spelling of your name?"),
            open_booking(booking),
            call("correct_name", booking_code=booking.code, traveller=wrong, new_name=member.name),
        ),
        f"Your name now reads {member.name}.",
        gate=opened(booking),
    )


def upgrade(airline: Airline) -> Draft:
    booking = airline.booking(airline.member())
    difference = booking.flight.price("business") - booking.paid
    wordings = (
        "I would like to fly in the better cabin. Please change that and tell me what I am charged.",
        "Can I sit in business instead of economy? Please change it, and say what you charge.",
    )
    return Draft(
        Persona(
            opening=_hello(booking, one_of(airline.random, *wordings)),
            wishes=(Wish(wordings),),
            facts=(*who(booking), Fact("cabin", "business")),
            told=("name",),
            temper="brisk",
        ),
        (
            ASK_BOOKING,
            open_booking(booking),
            see_flight(booking),
            call("set_cabin", booking_code=booking.code, cabin="business"),
            call("charge", booking_code=booking.code, amount=difference),
        ),
        f"You fly in business for ${difference} more.",
        (Number(difference),),
        gate=opened(booking),
    )


def other_trip(airline: Airline) -> Draft:
    """Asks about a booking whose code they do not have at hand."""
    member = airline.member()
    here, there = airline.booking(member), airline.booking(member)
    while there.flight.destination == here.flight.destination:
        del airline.bookings[there.code]
        there = airline.booking(member)
    city = there.flight.destination
    wordings = (
        f"On which day do I fly to {city}? I only have the code of my other booking here.",
        f"I have two bookings and forgot the day of the one to {city}. I only know the other one's code.",
    )
    return Draft(
        Persona(
            opening=_hello(here, one_of(airline.random, *wordings)),
            wishes=(Wish(wordings),),
            facts=who(here),
            told=("name",),
        ),
        (
            ASK_BOOKING,
            open_booking(here),
            call("list_bookings", member_id=member.id),
            call("get_flight", flight_id=there.flight.id),
        ),
        f"You fly to {city} on {there.flight.day.isoformat()}.",
        (Day(there.flight.day),),
        (opened(here), flight_seen(there.flight)),
    )


DIALOGUE: tuple[Template[Airline], ...] = (
    misread_code,
    add_bags,
    former_name,
    upgrade,
    other_flight,
    misspelt,
    other_trip,
)
