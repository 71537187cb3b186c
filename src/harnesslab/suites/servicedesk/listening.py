"""Reads what an agent says the way a customer hears it. Works on sentences, by words and values, never by templates.

It knows no task and no world: whether something was really done is for the goal check to find out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harnesslab.suites.servicedesk import cues
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
        stalling: ends in a promise, or reports nothing but steps on the way.
        greeting: "how can I help you?"
        garbled: not written for a customer.
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


def listen(said: str) -> Heard:
    """What the message means to a customer."""
    topics: dict[str, None] = {}
    marks: set[str] = set()
    reports: list[str] = []
    for sentence, asks in _sentences(said):
        if cues.GREETING.search(sentence):
            marks.add("greeting")
        elif cues.CLOSING.search(sentence):
            marks.add("closing")
        elif asks:
            _note_asked(sentence, topics, marks)
        else:
            reports.append(_report(sentence))
        if cues.TROUBLE.search(sentence):
            marks.add("trouble")
        elif not cues.CLOSING.search(sentence):
            _note_refused(cues.HARMLESS.sub("", sentence), marks)
    if cues.TO_CONFIRM.search(said):
        marks |= {"confirm", "question"}
    if "mild" in marks and "confirm" not in marks:
        marks.add("refusal")
    marks.discard("mild")
    return Heard(
        topics=tuple(topics),
        handed=bool(cues.HANDED.search(said)),
        stalling=reports[-1:] == ["promise"] or (bool(reports) and "told" not in reports),
        garbled=bool(cues.GARBLED.search(said.strip())),
        **dict.fromkeys(marks, True),
    )


def _note_asked(sentence: str, topics: dict[str, None], marks: set[str]) -> None:
    found = [name for name, topic in TOPICS.items() if topic.asked.search(sentence)]
    topics.update(dict.fromkeys(found))
    marks.add("question")
    if not found:
        marks |= {"identity"} if IDENTITY.search(sentence) else set()
        marks |= {"details"} if DETAILS.search(sentence) and "identity" not in marks else set()
    if sentence.rstrip().endswith("?") and cues.YES_NO.search(sentence) and not cues.CHOICE.search(sentence):
        marks |= set() if found and cues.TELL_ME.search(sentence) else {"confirm"}


def _report(sentence: str) -> str:
    """What a sentence that asks nothing is: a step on the way, a promise, or something to tell."""
    if cues.PREPARING.search(sentence):
        return "preparing"
    return "promise" if cues.PROMISE.search(sentence) and not cues.DONE.search(sentence) else "told"


def _note_refused(sentence: str, marks: set[str]) -> None:
    if cues.REFUSAL.search(sentence):
        marks.add("refusal")
    elif cues.MILD_REFUSAL.search(sentence):
        marks.add("mild")


def _sentences(said: str) -> Iterator[tuple[str, bool]]:
    """Sentences, each with whether it asks; the points of a list ask if the line above them did."""
    asking = False
    for line in said.splitlines():
        bullet = cues.BULLET.match(line)
        text = line[bullet.end() :] if bullet else line
        inherited = asking and bullet is not None
        for sentence in filter(None, map(str.strip, cues.SENTENCE.split(text))):
            asks = inherited or bool(cues.ASKING.search(sentence.rstrip("*\"' ")))
            asking = asks or inherited
            yield sentence, asks
