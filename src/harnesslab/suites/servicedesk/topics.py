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


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_NUMBER = r"(?:numbers?|no\.|ids?|codes?|#|identifiers?|references?)"

TOPICS: dict[str, Topic] = {
    "email": Topic(
        _any(r"\be-?mails?\b(?! (?:confirmation|you|shortly))"),
        ("My email is {}.", "The email is {}.", "You have me under {}."),
        identity=True,
    ),
    "postcode": Topic(
        _any(r"\b(?:post(?:al)?[\s-]?codes?|zip(?:[\s-]?codes?)?)\b"),
        ("My postcode is {}.", "The postcode is {}.", "I live in {}, that is the postcode."),
        identity=True,
    ),
    "booking": Topic(
        _any(
            rf"\b(?:booking|reservation|confirmation|itinerary)s?\s*{_NUMBER}|\bpnr\b|\blocator\b",
            r"\bwhich (?:booking|reservation)|\b(?:your|the) (?:booking|reservation)\s*[?]",
            r"\bcodes?\b(?<!postcode)(?<!post code)(?<!postal code)(?<!zip code)",
        ),
        ("My booking code is {}.", "The booking is {}.", "It says {} on the booking."),
        identity=True,
    ),
    "last name": Topic(
        _any(
            r"\b(?:last|family)[\s_-]?names?\b|\bsurnames?\b",
            r"\bnames?\b.*\b(?:on|of|for|in|under) (?:the|your|this) (?:booking|reservation)",
            r"\bunder (?:which|what) name\b",
        ),
        ("My last name is {}.", "The family name is {}.", "It is under {}."),
        identity=True,
    ),
    "name": Topic(
        _any(r"\byour (?:full |first |own )?names?\b|\bfull names?\b"),
        ("I am {}.", "My name is {}.", "{}."),
    ),
    "order": Topic(
        _any(
            rf"\border'?s?\s*{_NUMBER}|\b(?:which|what) orders?\b|\byour order\s*[?]",
            rf"{_NUMBER} (?:of|for) (?:the|your|that) order",
        ),
        ("The order is {}.", "My order number is {}.", "It is about order {}."),
    ),
    "orders": Topic(
        _any(rf"\borders?'?s?\s*{_NUMBER}|\b(?:which|what) (?:two )?orders?\b|\borders\b|\bboth\b"),
        ("They are {}.", "The orders are {}."),
    ),
    "item": Topic(
        _any(
            r"\b(?:which|what) (?:\w+ )?(?:items?|products?|articles?|pieces?)\b|\bname of the (?:item|product)",
            r"\b(?:items?|products?)'?s?\s*(?:numbers?|ids?|names?|codes?)\b",
            r"\b(?:items?|products?) (?:would you|do you|you (?:want|wish|would))",
        ),
        ("It is about the {}.", "The {}.", "I mean the {}."),
    ),
    "colour": Topic(
        _any(r"\bcolou?rs?\b"),
        ("In {}, please.", "I would like it in {}.", "{} would be good."),
    ),
    "pieces": Topic(
        _any(r"\bhow many\b|\bquantit(?:y|ies)\b|\b(?:number|amount) of (?:pieces|items|units)\b|\bpieces\b.*[?]"),
        ("I need {} pieces.", "{} pieces in all.", "Make it {}."),
    ),
    "address": Topic(
        _any(
            r"(?<!email )(?<!e-mail )\baddress(?:es)?\b|\bstreets?\b|\bcit(?:y|ies)\b",
            r"\bwhere\b.*\b(?:send|sent|deliver|ship|live|mov)",
        ),
        ("The new address is {}.", "{}, please.", "It is {}."),
    ),
    "payout": Topic(
        _any(
            r"\bgift[\s-]?cards?\b|\boriginal payment\b|\brefund(?:ed)? (?:method|to)\b|\bpayment method\b",
            r"\bmethod of (?:payment|refund)\b|\bhow\b.*\brefund|\bwhere\b.*\b(?:refund|money)",
        ),
        ("Please put the money on {}.", "I want it on {}.", "On {}."),
    ),
    "condition": Topic(
        _any(
            r"\b(?:reasons?|faulty|broken|damaged?|defect(?:ive|s)?|condition)\b|\bwhy\b",
            r"\bwhat(?:['’]s| is| was) wrong\b",
        ),
        ("The reason: {}.", "Well, {}.", "To be clear: {}."),
    ),
    "day": Topic(
        _any(r"\b(?:date|day)s?\b|\bwhen\b"),
        ("On {}, please.", "I would like to travel on {}.", "The date is {}."),
    ),
    "cabin": Topic(_any(r"\bcabins?\b|\bclass(?:es)?\b"), ("In {}.", "{}, please.", "I want {}.")),
    "bags": Topic(_any(r"\bbags?\b|\bbaggage\b|\bluggage\b|\bsuitcases?\b"), ("{}.", "In all: {}.", "I will have {}.")),
    "seat": Topic(_any(r"\bseats?\b"), ("Seat {}, please.", "I would like seat {}.", "{} is the seat I want.")),
    "traveller": Topic(
        _any(
            r"\b(?:travell?ers?|passengers?)\b(?!['’]?s? last)|\bwho (?:is|will|are) (?:it|fly|travel|going)",
            r"\b(?:full|whole|first) names?\b|\bfor whom\b",
        ),
        ("It is for {}.", "The traveller is {}.", "{} is the one."),
    ),
    "right name": Topic(
        _any(
            r"\b(?:correct|right|new|proper)(?:ed)? (?:first )?(?:spelling|names?)\b|\bspell(?:ed|ing|t)?\b",
            r"\bhow\b.*\bname\b|\bname should\b",
        ),
        ("It must read {}.", "The right spelling is {}.", "Correct would be {}."),
    ),
    "meal": Topic(_any(r"\bmeals?\b|\bfood\b|\bdiet"), ("The {} meal, please.", "I would like the {} meal.")),
}

DETAILS = _any(
    r"\b(?:more|further|additional|some|the|your|following|necessary|order|booking) (?:\w+ )?"
    r"(?:details?|information|info|specifics|data)\b",
    r"\bmore specific\b|\btell me more\b",
)
"""A sentence that asks for more without saying what."""

IDENTITY = _any(
    r"\bidentit(?:y|ies)\b|\bidentify (?:you|yourself|your)|\bverif\w+ (?:you|your)\b|\bwho (?:you are|am i|are you)\b",
    r"\b(?:customer|account|member(?:ship)?) (?:ids?|numbers?|details|information)\b|\bcredentials\b",
    r"\bcontact (?:details|information)\b",
)
"""A sentence that asks who the customer is, without saying how to prove it."""
