"""The airline desk's tools. They refuse the impossible and do what the policy forbids: the agent is to keep to it.

Descriptions name no field of the answers: the 0.5B takes such words for arguments.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from harnesslab.suites.servicedesk.airline.tables import CABINS
from harnesslab.suites.servicedesk.ids import find, same, text
from harnesslab.suites.tools import ToolError, Toolkit
from harnesslab.suites.world import Row, World


def _row(world: World, table: str, id: str) -> Row:
    row = world.get(table, id)
    assert row is not None, f"{table} {id}"
    return row


def _booking(world: World, code: str) -> tuple[str, Row]:
    return find(world, "bookings", code, "booking")


def _flight(world: World, flight_id: str) -> tuple[str, Row]:
    return find(world, "flights", flight_id, "flight")


def _confirmed(code: str, booking: Row) -> None:
    if booking["status"] != "confirmed":
        raise ToolError(f"booking {code} is {booking['status']}")


def _traveller(world: World, code: str, traveller: str) -> None:
    if not same(_row(world, "travellers", code)["name"], traveller):
        raise ToolError(f"no traveller {traveller.strip()[:40]} in booking {code}")


def _take_seats(world: World, flight: str, cabin: str, seats: int) -> None:
    fare = _row(world, "fares", f"{flight}/{cabin}")
    if fare["seats"] < seats:
        raise ToolError(f"no seat left in {cabin} of {flight}")
    world.update("fares", f"{flight}/{cabin}", seats=fare["seats"] - seats)


def _fares(world: World, flight: str) -> dict[str, Any]:
    return {cabin: dict(_row(world, "fares", f"{flight}/{cabin}")) for cabin in CABINS}


def find_booking(world: World, booking_code: str, last_name: str) -> Any:
    """Open a booking by its code and the last name it is under."""
    key, row = _booking(world, booking_code)
    if not same(row["last_name"], last_name):
        raise ToolError(f"no booking {key} under this last name")
    traveller = _row(world, "travellers", key)
    shown = {k: v for k, v in row.items() if k not in ("member", "flight", "last_name")}
    return {
        "booking_code": key,
        "member_id": row["member"],
        "flight_id": row["flight"],
        **shown,
        "traveller": traveller,
    }


def get_member(world: World, member_id: str) -> Any:
    """Look up a member."""
    key, row = find(world, "members", member_id, "member")
    return {"member_id": key, **row}


def list_bookings(world: World, member_id: str) -> Any:
    """List a member's bookings."""
    key, _ = find(world, "members", member_id, "member")
    return [
        {"booking_code": code, "flight_id": row["flight"], "status": row["status"]}
        for code, row in world.where("bookings", "member", key)
    ]


def get_flight(world: World, flight_id: str) -> Any:
    """Look up a flight by its id."""
    key, row = _flight(world, flight_id)
    return {"flight_id": key, **{k: v for k, v in row.items() if k not in ("free", "route")}, **_fares(world, key)}


def search_flights(
    world: World, origin: str, destination: str, day: Annotated[str, Field(description="YYYY-MM-DD")]
) -> Any:
    """List the flights from one city to another on a day."""
    route = f"{text(origin, 'origin')} {text(destination, 'destination')} {day.strip()}"
    return [
        {
            "flight_id": id,
            "departs": row["departs"],
            "arrives": row["arrives"],
            "status": row["status"],
            **_fares(world, id),
        }
        for id, row in sorted(world.where("flights", "route", route), key=lambda found: str(found[1]["departs"]))
    ]


def free_seats(world: World, flight_id: str) -> Any:
    """List the free seats of a flight."""
    return _flight(world, flight_id)[1]["free"]


def get_payment(world: World, booking_code: str) -> Any:
    """Look up how a booking was paid."""
    return _row(world, "payments", _booking(world, booking_code)[0])


def cancel_booking(world: World, booking_code: str) -> Any:
    """Cancel a booking. Refunds nothing by itself."""
    key, row = _booking(world, booking_code)
    _confirmed(key, row)
    world.update("bookings", key, status="cancelled")
    _take_seats(world, row["flight"], row["cabin"], -1)
    return {"booking_code": key, "status": "cancelled"}


def rebook(world: World, booking_code: str, flight_id: str) -> Any:
    """Move a booking to another flight of the same route, in the same cabin."""
    key, row = _booking(world, booking_code)
    _confirmed(key, row)
    new, flight = _flight(world, flight_id)
    old = _row(world, "flights", row["flight"])
    if new == row["flight"]:
        raise ToolError(f"booking {key} is on {new} already")
    if (flight["origin"], flight["destination"]) != (old["origin"], old["destination"]):
        raise ToolError(f"{new} flies another route")
    _take_seats(world, new, row["cabin"], 1)
    _take_seats(world, row["flight"], row["cabin"], -1)
    world.update("bookings", key, flight=new)
    world.update("travellers", key, seat="")
    return {"booking_code": key, "flight_id": new}


def set_cabin(world: World, booking_code: str, cabin: Literal["economy", "business"]) -> Any:
    """Change the cabin of a booking."""
    key, row = _booking(world, booking_code)
    _confirmed(key, row)
    if row["cabin"] == cabin:
        raise ToolError(f"booking {key} is in {cabin} already")
    _take_seats(world, row["flight"], cabin, 1)
    _take_seats(world, row["flight"], row["cabin"], -1)
    world.update("bookings", key, cabin=cabin)
    return {"booking_code": key, "cabin": cabin}


def set_bags(world: World, booking_code: str, bags: int) -> Any:
    """Set how many bags a booking has in all."""
    key, row = _booking(world, booking_code)
    _confirmed(key, row)
    if not 0 <= bags <= 9:
        raise ToolError("bags must be 0 to 9")
    world.update("bookings", key, bags=bags)
    return {"booking_code": key, "bags": bags}


def set_seat(world: World, booking_code: str, traveller: str, seat: str) -> Any:
    """Give a traveller of a booking a free seat."""
    key, row = _booking(world, booking_code)
    _confirmed(key, row)
    _traveller(world, key, traveller)
    flight, wanted = _row(world, "flights", row["flight"]), seat.strip().upper()
    if wanted not in flight["free"]:
        raise ToolError(f"seat {wanted[:10]} is not free")
    left = sorted({*flight["free"], _row(world, "travellers", key)["seat"]} - {wanted, ""})
    world.update("flights", row["flight"], free=left)
    world.update("travellers", key, seat=wanted)
    return {"booking_code": key, "seat": wanted}


def set_meal(
    world: World, booking_code: str, traveller: str, meal: Literal["standard", "vegan", "kosher", "halal"]
) -> Any:
    """Set the meal of a traveller of a booking."""
    key, row = _booking(world, booking_code)
    _confirmed(key, row)
    _traveller(world, key, traveller)
    world.update("travellers", key, meal=meal)
    return {"booking_code": key, "meal": meal}


def correct_name(world: World, booking_code: str, traveller: str, new_name: str) -> Any:
    """Write a traveller's name differently."""
    key, row = _booking(world, booking_code)
    _confirmed(key, row)
    _traveller(world, key, traveller)
    world.update("travellers", key, name=text(new_name, "name"))
    return {"booking_code": key, "name": text(new_name, "name")}


def charge(world: World, booking_code: str, amount: int) -> Any:
    """Charge dollars for a booking."""
    key, _ = _booking(world, booking_code)
    if not 0 < amount <= 5000:
        raise ToolError("amount must be 1 to 5000")
    world.update("payments", key, charged=_row(world, "payments", key)["charged"] + amount)
    return {"booking_code": key, "charged": amount}


def refund(world: World, booking_code: str, amount: int) -> Any:
    """Pay back dollars for a booking."""
    key, _ = _booking(world, booking_code)
    payment = _row(world, "payments", key)
    left = payment["paid"] + payment["charged"] - payment["refunded"]
    if not 0 < amount <= left:
        raise ToolError(f"amount must be 1 to {left}")
    world.update("payments", key, refunded=payment["refunded"] + amount)
    return {"booking_code": key, "refunded": amount}


def give_voucher(world: World, member_id: str, amount: int) -> Any:
    """Give a member a voucher in dollars."""
    key, row = find(world, "members", member_id, "member")
    if not 0 < amount <= 500:
        raise ToolError("amount must be 1 to 500")
    world.update("members", key, vouchers=row["vouchers"] + amount)
    return {"member_id": key, "voucher": amount}


def transfer_to_human(world: World, booking_code: str, topic: Literal["medical", "minor"]) -> Any:
    """Hand the case over to a person."""
    key, _ = _booking(world, booking_code)
    world.put("transfers", key, {"topic": topic})
    return "transferred"


KIT = Toolkit(
    reads=(find_booking, get_member, list_bookings, get_payment, free_seats, search_flights, get_flight),
    writes=(
        cancel_booking,
        rebook,
        set_cabin,
        set_bags,
        set_seat,
        set_meal,
        correct_name,
        charge,
        refund,
        give_voucher,
        transfer_to_human,
    ),
)

COUNTER_KIT = Toolkit(reads=(search_flights, get_flight))
