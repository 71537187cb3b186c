"""The retail desk, put together."""

from __future__ import annotations

from harnesslab.suites.servicedesk.desk import Desk, Place
from harnesslab.suites.servicedesk.retail.advice import ADVICE
from harnesslab.suites.servicedesk.retail.dialogue import DIALOGUE
from harnesslab.suites.servicedesk.retail.direct import DIRECT
from harnesslab.suites.servicedesk.retail.judgement import POLICY
from harnesslab.suites.servicedesk.retail.policy import COUNTER, SYSTEM
from harnesslab.suites.servicedesk.retail.question import QUESTION
from harnesslab.suites.servicedesk.retail.shop import Shop
from harnesslab.suites.servicedesk.retail.tools import COUNTER_KIT, KIT
from harnesslab.types import Advice

TIERS = {"question": QUESTION, "direct": DIRECT, "dialogue": DIALOGUE, "policy": POLICY}
DESK = Desk(
    "retail",
    Place(COUNTER, COUNTER_KIT, Advice(validators=ADVICE.validators)),
    Place(SYSTEM, KIT, ADVICE),
    Shop,
    TIERS,
)
