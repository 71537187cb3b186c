"""What a layer may be told about the desk: what the policy's text says, and what ids the agent has read.

Nothing here knows a task's oracle, its goal, or a row that the agent has not looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harnesslab.suites.orders.compounds import COMPOUNDS
from harnesslab.suites.orders.policy import RETURN_DAYS
from harnesslab.types import Action, Advice, Prerequisite, ToolCall

_SAME_ORDER = {"order_id": "order_id"}
_STATUS = "R1: only pending orders may be cancelled or changed, so look up the order's status first."
PREREQUISITES = (
    Prerequisite("cancel_order", "get_order", _SAME_ORDER, _STATUS),
    Prerequisite("set_city", "get_order", _SAME_ORDER, _STATUS),
    Prerequisite("set_quantity", "get_order", _SAME_ORDER, _STATUS),
    Prerequisite(
        "return_order",
        "get_order",
        _SAME_ORDER,
        f"R2: orders may be returned up to {RETURN_DAYS} days after delivery, so look up when it was delivered first.",
    ),
    Prerequisite("refund", "get_payment", _SAME_ORDER, "Never guess an amount: look up what was paid first."),
)

_FORMS = {
    "order_id": (re.compile(r"O\d{4}"), "O and four digits"),
    "customer_id": (re.compile(r"C\d{3}"), "C and three digits; get_customer finds it by email"),
    "customer": (re.compile(r"C\d{3}|[^\s@]+@[^\s@]+"), "an email, or C and three digits"),
}


def right_form(call: ToolCall, actions: Sequence[Action]) -> str:
    """Whether ids look like the desk's ids."""
    for key, value in _ids(call):
        pattern, words = _FORMS[key]
        if not pattern.fullmatch(value):
            return f"{key}: expected {words}; got {value[:40]!r}"
    return ""


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether ids come from somewhere: the customer's message, or a result of this trial."""

    message: str

    def __call__(self, call: ToolCall, actions: Sequence[Action]) -> str:
        for key, value in _ids(call):
            whole = re.compile(rf"(?<![\w.]){re.escape(value)}(?![\w@])", re.IGNORECASE)
            read = (action.result.content for action in actions if action.result.ok)
            if not any(whole.search(text) for text in (self.message, *read)):
                return f"{key}: {value[:40]!r} is neither in the customer's message nor in a result so far"
        return ""


def advice_for(message: str) -> Advice:
    """The desk's advice for a task in which this is the customer's message."""
    return Advice(PREREQUISITES, (right_form, Seen(message)), COMPOUNDS)


def _ids(call: ToolCall) -> Iterator[tuple[str, str]]:
    for key in _FORMS:
        value = call.arguments.get(key)
        if isinstance(value, str):
            yield key, value
