"""The airline desk, put together."""

from __future__ import annotations

from harnesslab.suites.servicedesk.airline.advice import ADVICE
from harnesslab.suites.servicedesk.airline.dialogue import DIALOGUE
from harnesslab.suites.servicedesk.airline.direct import DIRECT
from harnesslab.suites.servicedesk.airline.judgement import POLICY
from harnesslab.suites.servicedesk.airline.policy import COUNTER, SYSTEM
from harnesslab.suites.servicedesk.airline.question import QUESTION
from harnesslab.suites.servicedesk.airline.tables import Airline
from harnesslab.suites.servicedesk.airline.tools import COUNTER_KIT, KIT
from harnesslab.suites.servicedesk.desk import Desk, Place
from harnesslab.types import Advice

TIERS = {"question": QUESTION, "direct": DIRECT, "dialogue": DIALOGUE, "policy": POLICY}
DESK = Desk(
    "airline",
    Place(COUNTER, COUNTER_KIT, Advice(validators=ADVICE.validators)),
    Place(SYSTEM, KIT, ADVICE),
    Airline,
    TIERS,
)
