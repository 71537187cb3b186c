"""What the airline desk's author tells layers: prerequisites the policy states, checks of form, and two compounds."""

from __future__ import annotations

from harnesslab.suites.servicedesk.airline.tools import KIT
from harnesslab.suites.servicedesk.hints import chain, form, from_results, gated, parameters
from harnesslab.types import Advice, Prerequisite, ToolSpec

_OPENED = "open the booking before you change anything"
_OF_BOOKING = tuple(t.name for t in KIT.toolbox if t.writes and "booking_code" in t.parameters["properties"])

ADVICE = Advice(
    prerequisites=(
        *(Prerequisite(tool, "find_booking", {"booking_code": "booking_code"}, _OPENED) for tool in _OF_BOOKING),
        *gated(("give_voucher", "get_member", "list_bookings", "get_payment"), "find_booking", _OPENED),
        Prerequisite("give_voucher", "get_member", {"member_id": "member_id"}, "the amount depends on the level"),
        *gated(("rebook", "cancel_booking", "give_voucher"), "get_flight", "the rules depend on the flight"),
    ),
    validators=(
        form("booking_code", r"[A-Z][0-9][A-Z][0-9][A-Z][0-9]", "letters and digits in turn, six in all"),
        form("flight_id", r"L\d{4}", "L and four digits"),
        form("member_id", r"M\d{4}", "M and four digits"),
        form("day", r"\d{4}-\d\d-\d\d", "a day as YYYY-MM-DD"),
        form("seat", r"\d{1,2}[A-F]", "a row and a letter, e.g. 14C"),
        from_results("member_id", "find_booking gives it"),
    ),
    compounds=(
        chain(
            ToolSpec(
                "open_case",
                "Open a booking by code and last name, with its flight and the member's level.",
                parameters(KIT, "find_booking"),
            ),
            ("find_booking", {"booking_code": "booking_code", "last_name": "last_name"}),
            ("get_flight", {"flight_id": "flight_id"}),
            ("get_member", {"member_id": "member_id"}),
        ),
        chain(
            ToolSpec(
                "review_money",
                "A booking's payment, with the prices of its flight.",
                {
                    "type": "object",
                    "properties": {"booking_code": {"type": "string"}, "flight_id": {"type": "string"}},
                    "required": ["booking_code", "flight_id"],
                    "additionalProperties": False,
                },
            ),
            ("get_payment", {"booking_code": "booking_code"}),
            ("get_flight", {"flight_id": "flight_id"}),
        ),
    ),
)
