"""Reads what an agent says the way a customer hears it: what is asked for, refused, proposed, put off, reported.

Works on sentences, by words and values, so that paraphrases mean the same. It knows no task: whether something was
really done is for the goal check to find out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harnesslab.suites.servicedesk.topics import DETAILS, IDENTITY, TOPICS


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as the customer understands it; several things may be true at once.

    Attributes:
        topics: asked for, in order.
        identity: "please identify yourself", with no word on how.
        details: "please give me more details".
        question: some question was put, of whatever kind.
        confirm: a yes or no is wanted.
        trouble: something was not found, or does not match.
        refusal: a request is turned down.
        handed: the case goes to somebody else.
        closing: "anything else?"
        stalling: nothing but a promise to start.
        greeting: "how can I help you?"
        garbled: not written for a customer: code, a tool call, or the customer's own lines.
    """

    topics: tuple[str, ...] = ()
    identity: bool = False
    details: bool = False
    question: bool = False
    confirm: bool = False
    trouble: bool = False
    refusal: bool = False
    handed: bool = False
    closing: bool = False
    stalling: bool = False
    greeting: bool = False
    garbled: bool = False


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_NOT = r"(?:not|n['’]?t|never|no longer)"
_ASKING = _any(
    r"\?\s*$",
    r"\b(?:please|kindly|could you|can you|would you|you (?:must|need to|have to|should|can))\s+(?:\w+ly\s+|also\s+)?"
    r"(?:provide|give|tell|share|send|enter|specify|state|supply|confirm|clarify|double-?check|check the|re-?check|verify"
    r"|let me know|choose|say|name|indicate|repeat|spell|identify)\b",
    r"^(?:please )?(?:provide|give|tell|share|specify|state|confirm|enter|supply|clarify|indicate)\b",
    r"\blet (?:me|us) know (?:your|the|which|what|how|where|when|who)\b",
    r"\b(?:i|we)(?:['’]ll| will| would| do|['’]d)?(?: also| still| first)? (?:need|require|am missing)\b",
    r"\b(?:are|is) (?:needed|required|missing)\b",
    r"^(?:what|which|who|where|when|how many|how)\b",
    r"\bask you for\b|\bin order to\b.*\b(?:need|require)\b|\bmay i have\b|\bi must have\b",
)
_CLOSING = _any(
    r"\b(?:anything|something|any(?:thing)? other|what) else\b",
    r"\bif you (?:need|have|require|want) (?:any|further|more|other|additional)\b",
    r"\b(?:further|other|more|additional) (?:assistance|help|questions|requests)\b",
    r"\bhave a (?:nice|great|good|lovely)\b",
)
_GREETING = _any(
    r"\bhow (?:can|may|could) (?:i|we) (?:\w+ )?(?:help|assist|be of)\b",
    r"\bwhat can i do for you\b",
    r"\bwhat (?:would you like|do you (?:want|need|wish)|is your (?:request|question|issue|problem))(?: (?:me )?to do| help with)?(?: today)?\s*\?",
)
_YES_NO = _any(
    r"\b(?:shall|should|may|can|could) (?:i|we)\b",
    r"\b(?:do|would|did) you (?:want|like|wish|prefer|agree|mean|confirm)\b",
    r"\b(?:want|like|wish) (?:me|us) to\b",
    r"\bare you (?:sure|certain|ok|okay|happy|fine)\b",
    r"\b(?:is|are|was|were|does) (?:this|that|it|these|the \w+|your \w+)\b",
    r"\b(?:correct|right|proceed|okay|ok|confirm|go ahead|agreed|yes)\s*\?",
    r"\b(?:confirm|proceed|go ahead)\b",
    r"\byes or no\b|\(\s*y(?:es)?\s*/\s*n(?:o)?\s*\)",
)
_TO_CONFIRM = _any(
    r"\bplease (?:\w+ )?confirm\b(?! (?:your|the) (?:\w+ )?(?:\w+ )?(?:email|post|order|name|code|number|id)\b)",
    r"\breply (?:with )?[\"'“]?yes\b|\bsay [\"'“]?yes\b",
    r"\bdo you (?:want|wish) to proceed\b",
    r"\bneed your (?:confirmation|approval|consent|go-ahead|ok)\b",
)
_TROUBLE = _any(
    rf"\b(?:can|could|was|were|am|is|are|did|do|does)\s?{_NOT}\s+(?:\w+ )?(?:able to )?(?:find|locate|see|match|recogni[sz]e|identify|verify|exist|retrieve|access|look up|agree|belong)\w*",
    r"\bcannot (?:find|locate|see|match|recogni[sz]e|identify|verify|retrieve|access|look up)\b",
    r"\bunable to (?:find|locate|match|recogni[sz]e|identify|verify|retrieve|access|look up)\b",
    r"\bfail(?:ed|s)? to (?:find|locate|identify|verify|retrieve)\b",
    r"\b(?:not|n['’]t|no) (?:found|match(?:ing)?|exist|valid|registered|correct)\b",
    r"\b(?:does|do) (?:not|n['’]t) (?:exist|match|seem)",
    r"\bno (?:such )?(?:\w+ )?(?:order|booking|reservation|customer|account|match|record|result|member|passenger)s?\b",
    r"\b(?:invalid|incorrect|mismatch|mistyped|typo|misspelled|unknown)\b",
    r"\b(?:an?|the) (?:error|issue|problem) (?:occurred|with|in|while|when)\b|\bthere (?:was|is|seems to be) an? (?:\w+ )?(?:error|issue|problem)\b",
)
_REFUSAL = _any(
    r"\b(?:can|could|wo|do|does|is|are|may|must)\s?n['’]?t\b|\b(?:cannot|can not|unable|impossible|unfortunately|regret)\b",
    r"\b(?:not|n['’]t) (?:be )?(?:\w+ )?(?:able|allowed|possible|permitted|eligible|qualify|covered|offered|available|apply)\b",
    r"\b(?:do|does|will|would|may|is|are) not\b",
    r"\bforb(?:id|ids|idden|ade)\b|\bprohibit\w*|\bagainst (?:the|our|my)\b|\bdeclin\w+|\brefus\w+|\breject\w*|\bden(?:y|ied|ies)\b",
    r"\b(?:only|no) (?:open|flex|plus|fresh) (?:orders?|bookings?|customers?) (?:may|can)\b",
    r"\brules? [A-Z]\d\b|\b[SA]\d\b",
)
_HANDED = _any(
    r"\b(?:transfer|hand|pass|forward|escalat|connect|refer|direct|redirect)\w*\b.*\b(?:human|person|colleague|agent|specialist|team|supervisor|representative|department|manager)\b"
    r"|\b(?:human|person|colleague|agent|specialist|team|supervisor|representative) will (?:contact|help|assist|call|take|handle|get back)",
)
_STALLING = _any(
    r"\b(?:one|a|just a) (?:moment|second|minute)\b|\bhold on\b|\bplease (?:wait|hold)\b|\bbear with me\b",
    r"\b(?:let me|i will|i['’]ll|i am going to|i['’]m going to|allow me to|i need to|i can|i am|i['’]m|we will|we['’]ll)\s+(?:now |first |then |just |also )*"
    r"(?:check|look|help|assist|start|begin|proceed|process|cancel|change|find|verify|do|get|see|retrieve|update|search|call|use|try|happy|glad|here|handle|set|go)",
    r"^(?:sure|certainly|of course|absolutely|okay|ok|alright|great|understood|thank you|thanks|got it|noted)\b",
)
_DONE = _any(
    r"\b(?:has|have|had|was|were|is|are) (?:now |been |already |successfully |being )*(?:\w+ed|done|set|sent|put|paid|made|given|swapped|booked|rebooked)\b",
    r"\bi(?:['’]ve| have)? (?:now |already |successfully )*(?:\w+ed|done|set|put|made|given)\b",
    r"\b(?:done|completed|successful(?:ly)?|confirmed|all set)\b",
    r"\d",
)
_GARBLED = _any(
    r"[{<]\s*[\"'/\w]*tool|\"(?:name|arguments|parameters)\"\s*:|```|</?\w+>|\b\w+_\w+\(|^\s*[\[{]",
    r"^(?:i want|i would like|i['’]d like|my (?:email|name|order|booking|postcode) (?:is|number)|can you help me|user:|customer:)",
)
_BULLET = re.compile(r"^\s*(?:[-*•]|\(?\d{1,2}[.)])\s+")
_SENTENCE = re.compile(r"(?<=[.?!])[\"')\]*]*\s+")


def listen(said: str) -> Heard:
    """What the message means to a customer."""
    topics: dict[str, None] = {}
    marks: set[str] = set()
    for sentence, asking in _sentences(said):
        if _GREETING.search(sentence):
            marks.add("greeting")
        elif _CLOSING.search(sentence):
            marks.add("closing")
        elif asking:
            _note_asked(sentence, topics, marks)
        else:
            marks.add("told")
        if _TROUBLE.search(sentence):
            marks.add("trouble")
        elif _REFUSAL.search(sentence) and not _CLOSING.search(sentence):
            marks.add("refusal")
    if _TO_CONFIRM.search(said):
        marks |= {"confirm", "question"}
    stalling = bool(_STALLING.search(said)) and not _DONE.search(said)
    return Heard(
        topics=tuple(topics),
        identity="identity" in marks,
        details="details" in marks,
        question="question" in marks,
        confirm="confirm" in marks,
        trouble="trouble" in marks,
        refusal="refusal" in marks,
        handed=bool(_HANDED.search(said)),
        closing="closing" in marks,
        stalling=stalling,
        greeting="greeting" in marks,
        garbled=bool(_GARBLED.search(said.strip())),
    )


def _note_asked(sentence: str, topics: dict[str, None], marks: set[str]) -> None:
    found = [name for name, topic in TOPICS.items() if topic.asked.search(sentence)]
    topics.update(dict.fromkeys(found))
    if IDENTITY.search(sentence) and not found:
        marks.add("identity")
    elif DETAILS.search(sentence) and not found:
        marks.add("details")
    marks.add("question")
    if sentence.rstrip().endswith("?") and _YES_NO.search(sentence):
        marks.add("confirm")


def _sentences(said: str) -> Iterator[tuple[str, bool]]:
    """Sentences, each with whether it asks; the points of a list ask if the line above them did."""
    asking = False
    for line in said.splitlines():
        bullet = _BULLET.match(line)
        text = line[bullet.end() :] if bullet else line
        inherited = asking and (bullet is not None)
        for sentence in filter(None, map(str.strip, _SENTENCE.split(text))):
            asks = inherited or bool(_ASKING.search(sentence.rstrip("*\"' ")))
            asking = asks or inherited
            yield sentence, asks
