"""The airline desk, put together."""

from __future__ import annotations

from harnesslab.suites.servicedesk.airline.advice import ADVICE
from harnesslab.suites.servicedesk.airline.dialogue import DIALOGUE
from harnesslab.suites.servicedesk.airline.direct import DIRECT
from harnesslab.suites.servicedesk.airline.judgement import POLICY
from harnesslab.suites.servicedesk.airline.policy import SYSTEM
from harnesslab.suites.servicedesk.airline.question import QUESTION
from harnesslab.suites.servicedesk.airline.tables import Airline
from harnesslab.suites.servicedesk.airline.tools import KIT
from harnesslab.suites.servicedesk.desk import Desk

TIERS = {"question": QUESTION, "direct": DIRECT, "dialogue": DIALOGUE, "policy": POLICY}
DESK = Desk("airline", SYSTEM, KIT, ADVICE, Airline, TIERS)
