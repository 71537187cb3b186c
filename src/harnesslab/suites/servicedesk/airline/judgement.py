"""Tier "policy": refusals that are right, requests that change, and steps that depend on the policy."""

from __future__ import annotations

from typing import Any

from harnesslab.suites.servicedesk import people
from harnesslab.suites.servicedesk.airline.common import (
    ASK_BOOKING,
    TOLD_BOOKING,
    flight_seen,
    intro,
    one_of,
    open_booking,
    opened,
    refusal,
    see_flight,
    settle,
    who,
)
from harnesslab.suites.servicedesk.airline.policy import (
    BAG_PRICE,
    CODES,
    FREE_BAGS,
    LONG_DELAY,
    MOST_BAGS,
    VOUCHER,
)
from harnesslab.suites.servicedesk.airline.tables import MEALS, Airline, Booking, Flight
from harnesslab.suites.servicedesk.draft import Draft, Say, Template, call, looked
from harnesslab.suites.servicedesk.goal import Clock
from harnesslab.suites.servicedesk.people import TODAY
from harnesslab.suites.servicedesk.persona import Change, Fact, Persona, Wish
from harnesslab.suites.values import Number, Word


def _persona(
    airline: Airline, booking: Booking, *wordings: str, otherwise: tuple[str, ...] = (), **more: Any
) -> Persona:
    """Somebody who names neither code nor last name before they are asked."""
    more.setdefault("facts", who(booking))
    return Persona(
        opening=f"{booking.member.name} here. {one_of(airline.random, *wordings)}",
        wishes=(Wish(wordings, otherwise),),
        told=("name",),
        **more,
    )


def move_saver(airline: Airline) -> Draft:
    """The move is forbidden; what is asked for instead is not."""
    booking = airline.booking(airline.member(), airline.movable(), fare="saver")
    day = airline.random.choice(airline.other_days(booking.flight))
    meal = airline.random.choice(MEALS[1:])
    persona = _persona(
        airline,
        booking,
        f"Please move me to the first flight of {day.isoformat()}.",
        f"I must fly on {day.isoformat()} instead. Put me on the first flight of that day.",
        otherwise=(f"Then at least get me the {meal} meal.", f"Too bad. Please change my meal to {meal} then."),
    )
    no = "Rule A2 forbids moving this booking."
    return Draft(
        persona,
        (
            ASK_BOOKING,
            open_booking(booking),
            Say(f"I am sorry. {no}"),
            call("set_meal", booking_code=booking.code, traveller=booking.traveller, meal=meal),
        ),
        f"{no} The {meal} meal is booked.",
        (Word("A2", CODES),),
        gate=opened(booking),
    )


def _cancelling(airline: Airline, booking: Booking, **more: Any) -> Persona:
    """Allowed and forbidden cancellations are asked for in the same words."""
    return _persona(
        airline,
        booking,
        "I cannot travel. Please cancel my booking and give me my money back.",
        "Please cancel my booking and refund me, I am not going to fly.",
        **more,
    )


def _cancelled(booking: Booking, persona: Persona) -> Draft:
    return Draft(
        persona,
        (
            ASK_BOOKING,
            open_booking(booking),
            see_flight(booking),
            call("get_payment", booking_code=booking.code),
            call("cancel_booking", booking_code=booking.code),
            call("refund", booking_code=booking.code, amount=booking.paid),
        ),
        f"Your booking is cancelled and ${booking.paid} are refunded.",
        (Number(booking.paid),),
        gate=opened(booking),
    )


def cancel_saver(airline: Airline) -> Draft:
    booking = airline.booking(airline.member(), fare="saver")
    persona = _cancelling(airline, booking, temper="stubborn")
    return refusal(
        "A3", persona, booking, (ASK_BOOKING, open_booking(booking), see_flight(booking)), flight_seen(booking.flight)
    )


def cancel_fresh(airline: Airline) -> Draft:
    booking = airline.booking(airline.member(), fare="saver", days_ago=1)
    return _cancelled(booking, _cancelling(airline, booking))


def cancel_flex(airline: Airline) -> Draft:
    booking = airline.booking(airline.member(), fare="flex")
    return _cancelled(booking, _cancelling(airline, booking, temper="brisk"))


def cancel_grounded(airline: Airline) -> Draft:
    booking = airline.booking(airline.member(), airline.coming("cancelled"), fare="saver")
    return _cancelled(booking, _cancelling(airline, booking))


def cancel_past(airline: Airline) -> Draft:
    flight = airline.flight(lambda f: f.day < TODAY and f.status == "on time")
    booking = airline.booking(airline.member(), flight, fare="flex")
    script = (ASK_BOOKING, open_booking(booking), see_flight(booking))
    return refusal("A1", _cancelling(airline, booking), booking, script, flight_seen(booking.flight))


def another_person(airline: Airline) -> Draft:
    booking = airline.booking(airline.member())
    friend = f"{airline.random.choice(people.FIRST)} {airline.random.choice(people.LAST)}"
    wordings = (
        f"A friend of mine will fly in my place. Please put {friend} into my booking.",
        f"I cannot go, {friend} takes my seat. Please change the name in my booking.",
    )
    persona = Persona(
        opening=f"{one_of(airline.random, *wordings)} {intro(airline.random, booking)}",
        wishes=(Wish(wordings),),
        facts=(*who(booking), Fact("right name", friend)),
        told=TOLD_BOOKING,
        temper="stubborn",
    )
    return refusal("A4", persona, booking, (open_booking(booking),))


def _late(airline: Airline, level: str, delays: range) -> tuple[Booking, Persona]:
    def wanted(flight: Flight) -> bool:
        return flight.status == "delayed" and flight.day <= TODAY and flight.delay in delays

    booking = airline.booking(airline.member(level=level), airline.flight(wanted))
    persona = _persona(
        airline,
        booking,
        "My flight was late. I want a voucher for that, please.",
        "I lost hours because of your delay. Please give me a voucher.",
        temper="brisk",
    )
    return booking, persona


def _compensated(booking: Booking, persona: Persona) -> Draft:
    amount = VOUCHER[booking.member.level]
    return Draft(
        persona,
        (
            ASK_BOOKING,
            open_booking(booking),
            see_flight(booking),
            call("get_member", member_id=booking.member.id),
            call("give_voucher", member_id=booking.member.id, amount=amount),
        ),
        f"You have a voucher of ${amount}.",
        (Number(amount),),
        gate=opened(booking),
    )


def late_silver(airline: Airline) -> Draft:
    return _compensated(*_late(airline, "silver", range(LONG_DELAY + 5, 300)))


def late_gold(airline: Airline) -> Draft:
    return _compensated(*_late(airline, "gold", range(LONG_DELAY + 5, 300)))


def late_too_little(airline: Airline) -> Draft:
    booking, persona = _late(airline, "gold", range(20, LONG_DELAY - 10))
    return refusal(
        "A5",
        persona,
        booking,
        (ASK_BOOKING, open_booking(booking), see_flight(booking)),
        flight_seen(booking.flight),
    )


def fewer_bags(airline: Airline) -> Draft:
    """More bags than a booking may have, and then as many as it may."""
    member = airline.member(level=airline.random.choice(("silver", "gold")))
    booking = airline.booking(member)
    many = MOST_BAGS + airline.random.randrange(1, 4)
    cost = BAG_PRICE * (MOST_BAGS - FREE_BAGS[member.level])
    persona = _persona(
        airline,
        booking,
        f"I will travel with {many} bags. Please add them and tell me what you charge.",
        f"Please put {many} bags on my booking. What do you charge for them?",
        otherwise=(
            f"Then make it {MOST_BAGS} bags. What do you charge for those?",
            f"All right, {MOST_BAGS} bags it is. How much is that?",
        ),
    )
    no = "Rule A6 forbids that many."
    return Draft(
        persona,
        (
            ASK_BOOKING,
            open_booking(booking),
            Say(f"I am sorry. {no}"),
            call("get_member", member_id=member.id),
            call("set_bags", booking_code=booking.code, bags=MOST_BAGS),
            call("charge", booking_code=booking.code, amount=cost),
        ),
        f"{no} The others are added for ${cost}.",
        (Word("A6", CODES), Number(cost)),
        gate=opened(booking),
    )


def changed_day(airline: Airline) -> Draft:
    """Wants one day, and then another, when they tell their last name."""
    booking = airline.booking(airline.member(), airline.movable(), fare="flex")
    first, day = airline.random.sample(airline.other_days(booking.flight), 2)
    new = airline.first_of(booking.flight, day)
    difference = new.price(booking.cabin) - booking.paid
    persona = _persona(
        airline,
        booking,
        f"Please move me to the first flight of {first.isoformat()}.",
        f"I need to fly on {first.isoformat()} instead, with the first flight of the day.",
        facts=(*who(booking), Fact("day", day.isoformat())),
        change=Change(
            "last name",
            (
                f"Oh, and it must be {day.isoformat()} now, not {first.isoformat()}. The first flight of that day.",
                f"Actually, my plans changed again: take the first flight of {day.isoformat()} instead.",
            ),
        ),
    )
    return Draft(
        persona,
        (
            ASK_BOOKING,
            open_booking(booking),
            see_flight(booking),
            call("search_flights", origin=new.origin, destination=new.destination, day=day.isoformat()),
            call("rebook", booking_code=booking.code, flight_id=new.id),
            settle(booking.code, difference),
        ),
        f"You are on flight {new.id} now; the difference of ${abs(difference)} is settled.",
        gate=opened(booking),
    )


def meal_and_time(airline: Airline) -> Draft:
    """Two wishes: the second is told when the first is dealt with."""
    booking, meal = airline.booking(airline.member()), airline.random.choice(MEALS[1:])
    first = (f"Please book the {meal} meal for me.", f"I would like the {meal} meal on my flight.")
    second = ("Good. At what time do we leave?", "Thank you. And at what time does the flight leave?")
    return Draft(
        Persona(
            opening=f"{booking.member.name} here. {one_of(airline.random, *first)}",
            wishes=(Wish(first), Wish(second)),
            facts=who(booking),
            told=("name",),
        ),
        (
            ASK_BOOKING,
            open_booking(booking),
            call("set_meal", booking_code=booking.code, traveller=booking.traveller, meal=meal),
            Say(f"The {meal} meal is booked."),
            see_flight(booking),
        ),
        f"It leaves at {booking.flight.departs:%H:%M}.",
        (Clock(booking.flight.departs),),
        (flight_seen(booking.flight),),
        opened(booking),
    )


def oxygen(airline: Airline) -> Draft:
    """One of the few cases for a person."""
    booking = airline.booking(airline.member())
    persona = _persona(
        airline,
        booking,
        "I will need oxygen and a nurse on board. Please arrange that.",
        "My doctor says that I need medical help on board, with oxygen. Please arrange that.",
    )
    return Draft(
        persona,
        (
            ASK_BOOKING,
            open_booking(booking),
            see_flight(booking),
            call("transfer_to_human", booking_code=booking.code, topic="medical"),
        ),
        "I have transferred your case to a colleague, who will contact you.",
        reads=(looked(("get_flight", booking.flight.id)),),
        gate=opened(booking),
    )


POLICY: tuple[Template[Airline], ...] = (
    cancel_saver,
    cancel_fresh,
    changed_day,
    late_silver,
    fewer_bags,
    move_saver,
    late_too_little,
    cancel_flex,
    another_person,
    late_gold,
    cancel_past,
    cancel_grounded,
    meal_and_time,
    oxygen,
)
