"""What the retail desk's author tells layers: prerequisites the policy states, checks of form, and two compounds."""

from __future__ import annotations

from harnesslab.suites.servicedesk.hints import chain, form, from_results, gated, parameters
from harnesslab.suites.servicedesk.retail.tools import KIT
from harnesslab.types import Advice, Prerequisite, ToolSpec

_IDENTIFIED = "identify the customer before you change anything"
_WRITES = tuple(t.name for t in KIT.toolbox if t.writes)

ADVICE = Advice(
    prerequisites=(
        *gated(_WRITES, "identify_customer", _IDENTIFIED),
        *gated(("list_orders", "get_order", "get_payment", "track_parcel"), "identify_customer", _IDENTIFIED),
        Prerequisite("return_item", "get_order", {"order_id": "order_id"}, "see when it was delivered before a return"),
    ),
    validators=(
        form("order_id", r"H\d{5}", "H and five digits"),
        form("customer_id", r"C\d{4}", "C and four digits"),
        form("item_id", r"T\d{4}", "T and four digits"),
        form("new_item_id", r"T\d{4}", "T and four digits"),
        form("email", r"[^@\s]+@[^@\s]+\.\w+", "an email address"),
        from_results("customer_id", "identify_customer gives it"),
        from_results("new_item_id", "find_items gives it"),
    ),
    compounds=(
        chain(
            ToolSpec(
                "open_case",
                "Identify a customer by email and postcode, and list their orders.",
                parameters(KIT, "identify_customer"),
            ),
            ("identify_customer", {"email": "email", "postcode": "postcode"}),
            ("list_orders", {"customer_id": "customer_id"}),
        ),
        chain(
            ToolSpec(
                "review_order",
                "One order in full: status, dates, items, payment and parcel.",
                parameters(KIT, "get_order"),
            ),
            ("get_order", {"order_id": "order_id"}),
            ("get_payment", {"order_id": "order_id"}),
            ("track_parcel", {"order_id": "order_id"}),
        ),
    ),
)
