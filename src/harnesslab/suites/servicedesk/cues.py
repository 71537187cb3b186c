"""The words by which a customer tells what an agent is doing: asking, refusing, proposing, putting off, reporting."""

from __future__ import annotations

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_NOT = r"(?:not|n['’]?t|never|no longer)"
_PERSON = r"(?:human|person|colleague|agent|specialist|team|supervisor|representative|department|manager)"
_FIND = r"(?:find|locate|see|match|recogni[sz]e|identify|verify|retrieve|access|look up)"
_TELL = (
    r"(?:provide|give|tell|share|send|enter|specify|state|supply|confirm|clarify|double-?check|re-?check|check the"
    r"|verify|let me know|choose|say|name|indicate|repeat|spell|identify)"
)
_PROBLEM = r"(?:\w+ )?(?:error|issue|problem)"

ASKING = _any(
    r"\?\s*$",
    rf"\b(?:please|kindly|could you|can you|would you) (?:\w+ly |also )?{_TELL}\b",
    rf"\byou (?:must|need to|have to|should|can) (?:\w+ly |also )?{_TELL}\b",
    r"^(?:please )?(?:provide|give|tell|share|specify|state|confirm|enter|supply|clarify|indicate)\b",
    r"\blet (?:me|us) know (?:your|the|which|what|how|where|when|who)\b",
    r"\b(?:i|we)(?:['’]ll| will| would| do|['’]d)?(?: also| still| first)? (?:need|require|am missing)\b",
    r"\b(?:are|is) (?:needed|required|missing)\b",
    r"^(?:what|which|who|where|when|how many|how)\b",
    r"\bask you for\b|\bmay i have\b|\bi must have\b",
)
"""A sentence that asks for something."""

CLOSING = _any(
    r"\b(?:anything|something|any(?:thing)? other|what) else\b",
    r"\bif you (?:need|have|require|want) (?:any|further|more|other|additional)\b",
    r"\b(?:further|other|more|additional) (?:assistance|help|questions|requests)\b",
    r"\bhave a (?:nice|great|good|lovely)\b",
)
GREETING = _any(
    r"\bhow (?:can|may|could) (?:i|we) (?:\w+ )?(?:help|assist|be of)\b",
    r"\bwhat can i do for you\b",
    r"\bwhat (?:would you like|do you (?:want|need|wish))(?: (?:me )?to do| help with)?(?: today)?\s*\?",
    r"\bwhat(?:['’]s| is) your (?:request|question|issue|problem)(?: today)?\s*\?",
)

YES_NO = _any(
    r"\b(?:shall|should|may|can|could) (?:i|we)\b",
    r"\b(?:do|would|did) you (?:also |still |really )?(?:want|like|wish|prefer|agree|mean|confirm)\b",
    r"\b(?:want|like|wish) (?:me|us) to\b",
    r"\bare you (?:sure|certain|ok|okay|happy|fine)\b",
    r"\b(?:is|are|was|were|does) (?:this|that|it|these|the \w+|your \w+)\b",
    r"\b(?:correct|right|okay|ok|agreed|yes)\s*\?",
    r"\b(?:confirm|proceed|go ahead)\b",
    r"\byes or no\b|\(\s*y(?:es)?\s*/\s*n(?:o)?\s*\)",
)
"""A question that yes or no answers."""

CHOICE = _any(r"\b(?:which|what|how many|how much|when|where|who|whom|why)\b")
"""A question that yes or no does not answer."""

TELL_ME = _any(
    rf"\b(?:could|can|would|will) you (?:please )?(?:\w+ly |also )?{_TELL}\b",
    r"\b(?:may|can|could) (?:i|we) (?:please )?(?:have|get|know|ask|see)\b",
)
"""A request in the form of a question."""

TO_CONFIRM = _any(
    r"\bplease (?:\w+ )?confirm\b(?! (?:your|the) (?:\w+ ){0,2}(?:email|post|order|name|code|number|id)\b)",
    r"\breply (?:with )?[\"'“]?yes\b|\bsay [\"'“]?yes\b",
    r"\bdo you (?:want|wish) to proceed\b",
    r"\bneed your (?:confirmation|approval|consent|go-ahead|ok)\b",
)
"""The same without a question mark."""

TROUBLE = _any(
    rf"\b(?:ca|can|could|was|were|am|is|are|did|do|does)\s?{_NOT} (?:\w+ )?(?:able to )?(?:{_FIND}|exist|agree|belong)",
    rf"\b(?:cannot|unable to|fail(?:ed|s)? to|not able to) {_FIND}\b",
    r"\b(?:not|n['’]t|no) (?:found|match(?:ing)?|exist|valid|registered|correct)\b",
    r"\b(?:does|do)(?: not|n['’]t) (?:exist|match|seem)",
    r"\bno (?:such )?(?:\w+ )?(?:order|booking|reservation|customer|account|match|record|result|member)s?\b",
    r"\b(?:invalid|incorrect|mismatch|mistyped|typo|misspelled|unknown)\b",
    rf"\b(?:an?|the) {_PROBLEM} (?:occurred|with|in|while|when)\b",
    rf"\bthere (?:was|is|seems to be) an? {_PROBLEM}\b",
)
"""Something was not found, or does not fit."""

REFUSAL = _any(
    r"\b(?:ca|could|wo|may|must)n['’]?t\b",
    r"\b(?:cannot|can not|may not|unable|impossible|unfortunately|regret)\b",
    r"\b(?:not|n['’]t) (?:be )?(?:\w+ )?(?:able|allowed|possible|permitted|eligible|covered|offered|available)\b",
    r"\bforb(?:id|ids|idden|ade)\b|\bprohibit\w*|\bagainst (?:the|our|my)\b",
    r"\b(?:declin|refus)\w+|\bden(?:y|ied|ies)\b",
)
MILD_REFUSAL = _any(
    r"\b(?:do|does|is|are)n['’]?t\b|\b(?:do|does|will|would|is|are) not\b",
    r"\brules? [A-Z]\d\b|\b[SA]\d\b",
)
"""A refusal, unless a question for yes or no goes with it: "S1 does not matter here. Shall I cancel it?"."""

HARMLESS = _any(
    r"\b(?:cannot|can['’]?t|can not|unable to|not able to)\b[^.?!]*\b(?:without|unless|until|before)\b",
    r"\b(?:cannot|can['’]?t|can not) be (?:undone|reversed|revoked|taken back)\b",
    r"\bdo(?: not|n['’]t) (?:hesitate|worry)\b|\bnot (?:a problem|yet)\b",
    r"\bif (?:you|it|this|that) (?:\w+ )?(?:not|\w+n['’]t)\b",
)
"""Negations that refuse nothing."""

HANDED = _any(
    rf"\b(?:transfer|hand|pass|forward|escalat|connect|refer|direct|redirect)\w*\b.*\b{_PERSON}\b",
    rf"\b{_PERSON} will (?:contact|help|assist|call|take|handle|get back)",
)
"""The case goes to somebody else."""

PROMISE = _any(
    r"\b(?:one|a|just a) (?:moment|second|minute)\b|\bhold on\b|\bplease (?:wait|hold)\b|\bbear with me\b",
    r"\b(?:let me|i will|i['’]ll|i (?:am|['’]m) going to|i['’]m going to|allow me to|we will|we['’]ll|i can)"
    r" (?:now |first |then |just |also )*(?!know\b)[a-z]",
    r"\b(?:call|use|invoke)\b[^.]*\b(?!gift_card\b)[a-z]+(?:_[a-z]+)+\b",
    r"\bi(?: am|['’]m) (?:here|happy|glad|looking|checking|working|going)\b",
    r"^(?:sure|certainly|of course|absolutely|okay|ok|alright|great|understood|got it|noted)\b"
    r"(?:(?!\b(?:is|are|was|were|has|have|you|your|it|the)\b)[^\d$])*$",
    r"^(?:thank you|thanks)\b[^\d$]*$",
)
"""A sentence that promises, or that says nothing."""

PREPARING = _any(
    r"\bi(?:['’]ve| have)? (?:now |already |successfully )*(?:found|located|identified|verified|retrieved|opened"
    r"|checked|looked up|looked at|received|noted)\b",
    r"\b(?:identity|account|booking|order|reservation|details) (?:has been|have been|was|were|is|are)"
    r" (?:now |successfully )*(?:verified|identified|found|located|opened|retrieved)\b",
    r"\byou(?: are|['’]re| have been) (?:now |successfully )*(?:verified|identified)\b",
)
"""A sentence that reports a step on the way, and no more."""

DONE = _any(
    r"\b(?:has|have|had|was|were|is|are) (?:now |been |already |successfully |being )*"
    r"(?:\w+ed|done|set|sent|put|paid|made|given)\b",
    r"\bi(?:['’]ve| have)? (?:now |already |successfully )*(?:\w+ed|done|set|put|made|given)\b",
    r"\b(?:done|completed|successful(?:ly)?|confirmed|all set)\b",
)
"""A sentence that reports something done."""

GARBLED = _any(
    r"[{<]\s*[\"'/\w]*tool|\"(?:name|arguments|parameters)\"\s*:|```|</?\w+>|\b\w+_\w+\(|^\s*[\[{]",
    r"^(?:user|customer)\s*:",
    r"^(?:i want|i would like|i['’]d like) (?:to|my|a|you to) (?!know|help|assist|confirm|verify|ask)",
    r"^my (?:email|name|order|booking|postcode|last name) (?:is|number)|^can you help me\b",
)
"""Nothing for a customer: code, a tool call, or the customer's own lines."""

BULLET = re.compile(r"^\s*(?:[-*•]|\(?\d{1,2}[.)])\s+")
SENTENCE = re.compile(r"(?<=[.?!])[\"')\]*]*\s+")
