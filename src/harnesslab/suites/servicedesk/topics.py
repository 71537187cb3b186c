"""What a desk may ask a customer for: how one asks for it, and how it is told. A topic's `asked` reads one sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """Attributes:
    asked: found in a sentence that asks for it.
    says: wordings; "{}" is the fact.
    identity: whether "please identify yourself" asks for it too.
    """

    asked: re.Pattern[str]
    says: tuple[str, ...]
    identity: bool = False


def _topic(asked: str, *says: str, identity: bool = False) -> Topic:
    return Topic(re.compile(asked, re.IGNORECASE), says, identity)


_NUMBER = r"(?:numbers?|no\.|ids?|codes?|#|identifiers?|references?)"

TOPICS: dict[str, Topic] = {
    "email": _topic(
        r"\be-?mails?\b(?! (?:confirmation|you|shortly))",
        *("My email is {}.", "The email is {}.", "You have me under {}."),
        identity=True,
    ),
    "postcode": _topic(
        r"\b(?:post(?:al)?[\s-]?codes?|zip(?:[\s-]?codes?)?)\b",
        *("My postcode is {}.", "The postcode is {}.", "I live in {}, that is the postcode."),
        identity=True,
    ),
    "booking": _topic(
        rf"\b(?:booking|reservation|confirmation|itinerary)s?\s*{_NUMBER}|\bpnr\b|\blocator\b|which (?:booking|reservation)"
        r"|\b(?:your|the) (?:booking|reservation)\s*[?]",
        *("My booking code is {}.", "The booking is {}.", "It says {} on the booking."),
        identity=True,
    ),
    "last name": _topic(
        r"\b(?:last|family)[\s_-]?names?\b|\bsurnames?\b|\bname (?:on|of) the (?:booking|reservation)",
        *("My last name is {}.", "The family name is {}.", "It is under {}."),
        identity=True,
    ),
    "name": _topic(r"\byour (?:full |first |own )?names?\b|\bfull name\b", *("I am {}.", "My name is {}.", "{}.")),
    "order": _topic(
        rf"\border'?s?\s*{_NUMBER}|\b(?:which|what) orders?\b|{_NUMBER} of (?:the|your|that) order|\byour order\s*[?]",
        *("The order is {}.", "My order number is {}.", "It is about order {}."),
    ),
    "orders": _topic(
        rf"\borders?'?s?\s*{_NUMBER}|\b(?:which|what) (?:two )?orders?\b|{_NUMBER} of (?:the|your|those|both)\b.*\borders?\b|\border",
        *("They are {}.", "The orders are {}."),
    ),
    "item": _topic(
        r"\b(?:which|what) (?:\w+ )?(?:items?|products?|articles?|pieces?)\b|\b(?:items?|products?)'?s?\s*(?:numbers?|ids?|names?|codes?)\b"
        r"|\bname of the (?:item|product)|\b(?:items?|products?) (?:would you|do you|you (?:want|wish|would))",
        *("It is about the {}.", "The {}.", "I mean the {}."),
    ),
    "colour": _topic(
        r"\bcolou?rs?\b",
        *("In {}, please.", "I would like it in {}.", "{} would be good."),
    ),
    "pieces": _topic(
        r"\bhow many\b|\bquantit(?:y|ies)\b|\b(?:number|amount) of (?:pieces|items|units)\b|\bpieces\b.*[?]",
        *("I need {} pieces.", "{} pieces in all.", "Make it {}."),
    ),
    "address": _topic(
        r"\baddress(?:es)?\b|\bstreets?\b|\bcit(?:y|ies)\b|\bwhere\b.*\b(?:send|deliver|ship|live|mov)",
        *("The new address is {}.", "{}, please.", "It is {}."),
    ),
    "payout": _topic(
        r"\bgift[\s-]?cards?\b|\brefund(?:ed)? (?:method|to)\b|\bpayment method\b|\bmethod of (?:payment|refund)\b"
        r"|\bhow\b.*\brefund|\bwhere\b.*\b(?:refund|money)|\boriginal payment\b",
        *("Please put the money on {}.", "I want it on {}.", "On {}."),
    ),
    "condition": _topic(
        r"\b(?:reason|faulty|broken|damaged?|defect(?:ive)?|condition)\b|\bwhy\b|\bwhat(?:'s| is| was) wrong\b",
        *("The reason: {}.", "Well, {}.", "To be clear: {}."),
    ),
    "flight": _topic(
        rf"\bflights?'?s?\s*{_NUMBER}|\b(?:which|what) flights?\b",
        *("The flight is {}.", "I mean flight {}.", "Flight {}."),
    ),
    "day": _topic(
        r"\b(?:date|day)s?\b|\bwhen\b",
        *("On {}, please.", "I would like to travel on {}.", "The date is {}."),
    ),
    "route": _topic(
        r"\b(?:route|destination|origin|departure (?:city|airport)|from where|where (?:to|from))\b|\bwhere\b.*\b(?:fly|travel|going)",
        *("I fly {}.", "It is {}.", "The route is {}."),
    ),
    "cabin": _topic(r"\bcabins?\b|\bclass(?:es)?\b", *("In {}.", "{}, please.", "I want {}.")),
    "bags": _topic(r"\bbags?\b|\bbaggage\b|\bluggage\b|\bsuitcases?\b", *("{}.", "In all: {}.", "I will have {}.")),
    "seat": _topic(r"\bseats?\b", *("Seat {}, please.", "I would like seat {}.", "{} is the seat I want.")),
    "traveller": _topic(
        r"\b(?:travell?ers?|passengers?)\b|\bwho\b|\b(?:full|whole|first) names?\b|\bfor whom\b",
        *("It is for {}.", "The traveller is {}.", "{} is the one."),
    ),
    "right name": _topic(
        r"\b(?:correct|right|new|proper)(?:ed)? (?:spelling|names?)\b|\bspell(?:ed|ing|t)?\b|\bhow\b.*\bname\b|\bname should\b",
        *("It must read {}.", "The right spelling is {}.", "Correct would be {}."),
    ),
    "meal": _topic(r"\bmeals?\b|\bfood\b|\bdiet", *("The {} meal, please.", "I would like the {} meal.")),
}

DETAILS = re.compile(
    r"\b(?:more|further|additional|some|the|your|following|necessary|order|booking) (?:\w+ )?(?:details?|information|info|specifics|data)\b",
    re.IGNORECASE,
)
IDENTITY = re.compile(
    r"\bidentit(?:y|ies)\b|\bidentify (?:you|yourself|your)|\bverif\w+ (?:you|your)\b|\bwho (?:you are|am i|are you)\b"
    r"|\bcustomer (?:id|number|details|information)\b|\baccount (?:id|number|details|information)\b|\bcredentials\b"
    r"|\bcontact (?:details|information)\b|\bmember(?:ship)? (?:id|number)\b",
    re.IGNORECASE,
)
