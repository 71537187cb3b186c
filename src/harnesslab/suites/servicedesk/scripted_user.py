"""The scripted customer: answers what was asked, corrects what was wrong once told, leaves when all is dealt with.

It hears words, not the world: an agent that claims success is believed, and fails at the goal check.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from harnesslab.suites.servicedesk.listening import Heard, listen
from harnesslab.suites.servicedesk.persona import Fact, Persona, Wish
from harnesslab.suites.servicedesk.topics import TOPICS
from harnesslab.types import stable_hash

PATIENCE = {"calm": 5, "brisk": 3, "stubborn": 4}
"""Messages that lead nowhere (repeated questions, promises, noise) before the customer gives up."""

_CORRECTIONS = ("Sorry, that was wrong.", "Oh, I mixed that up.", "You are right, my mistake.")
_YES = ("Yes, please.", "Yes, go ahead.", "Yes, that is right.", "Please do.")
_UNKNOWN = ("I do not have that at hand.", "I cannot tell you that.", "That I do not know.")
_GO_ON = ("Fine, please go ahead.", "All right, I am waiting.", "Good. Please do it now.")
_LOST = ("I do not understand that.", "Sorry, what do you mean?", "That makes no sense to me.")
_DOUBTS = (
    "Really? Please check that again.",
    "Are you sure? Somebody told me that it works.",
    "I find that hard to believe. Could you have another look?",
)
_ID = re.compile(r"\b(?=\w*\d)[A-Z]\w{4,5}\b")


class ScriptedUser:
    """One customer in one dialogue. Wording and order are drawn from `key`, of (seed, task, repeat)."""

    def __init__(self, persona: Persona, key: int) -> None:
        self._persona = persona
        self._random = Random(stable_hash("scripted-user", key))
        self._patience = PATIENCE[persona.temper]
        self._wishes: list[Wish] = list(persona.wishes)
        self._told = set(persona.told)
        self._right = {f.topic for f in persona.facts if not f.wrong}  # topics whose truth is known to the customer
        self._doubted = False
        self._changed = persona.change is None
        self._agreed = 0

    async def reply(self, said: str) -> str | None:
        """The customer's next message, or None when they leave."""
        heard = listen(said)
        parts = self._answer(said, heard)
        if parts is None or self._patience < 0:
            return None
        return " ".join(parts)

    # --- what to say

    def _answer(self, said: str, heard: Heard) -> list[str] | None:
        if heard.garbled:
            return [self._one(_LOST), self._restated()]
        if heard.handed and not heard.question:
            return None
        told = self._facts_for(said, heard)
        if told:
            return told
        if heard.greeting:
            return [self._restated()]
        if heard.refusal:
            return self._refused()
        if heard.topics and not self._is_about(heard.topics):
            return [self._restated()] if heard.confirm else [self._one(_UNKNOWN), self._restated()]
        if heard.details or heard.identity:
            return self._anything_new() or [self._restated()]
        if heard.confirm:
            self._agreed += 1
            self._patience -= self._agreed > 1
            return [self._one(_YES)]
        if heard.question and not heard.closing:
            return [self._restated()]
        if heard.stalling and not heard.closing:
            self._patience -= 1
            return [self._one(_GO_ON)]
        return self._next_wish()

    def _facts_for(self, said: str, heard: Heard) -> list[str]:
        """Facts that were asked for, and those that turn out to be wrong."""
        asked = [f for name in heard.topics if (f := self._persona.fact(name))]
        if heard.identity:
            asked += [f for f in self._persona.facts if TOPICS[f.topic].identity and f not in asked]
        wrong = [f for f in self._persona.facts if f.topic in self._told - self._right]
        corrected = [f for f in wrong if f in asked]
        if heard.trouble and not corrected:
            quoted = [f for f in wrong if _quotes(said, f.wrong)]
            corrected = quoted or wrong
        again = [f for f in asked if f.topic in self._told and f not in corrected and not heard.confirm]
        if heard.trouble and not wrong and not asked:
            again = [f for f in self._persona.facts if f.topic in self._told] or again
        misread = [] if corrected or again else self._misread(said, heard)
        self._patience -= bool(again or misread)
        self._right |= {f.topic for f in corrected}
        new = [f for f in asked if f.topic not in self._told]
        if not (corrected or again or misread or new):
            return []
        told = [*new, *again]
        self._random.shuffle(told)
        lines = list(dict.fromkeys(self._say(f) for f in _distinct([*corrected, *told])))
        if corrected:
            lines.insert(0, self._one(_CORRECTIONS))
        lines += [f"No. {self._say(f)}" for f in misread]
        return [*lines, *self._change_of_mind()]

    def _is_about(self, topics: Sequence[str]) -> bool:
        """Whether the customer knows anything of these topics."""
        return any(self._persona.fact(name) for name in topics)

    def _misread(self, said: str, heard: Heard) -> list[Fact]:
        """Ids the agent is about to use in place of one that the customer named."""
        if not heard.confirm:
            return []
        mine = [f for f in self._persona.facts if f.topic in self._told and _ID.fullmatch(self._value(f))]
        used = set(_ID.findall(said))
        shapes = {_shape(id) for id in used}
        return [f for f in mine if _shape(self._value(f)) in shapes and not used & {f.value, f.wrong}]

    def _anything_new(self) -> list[str]:
        """A fact nobody has asked for by name."""
        left = [f for f in self._persona.facts if f.topic not in self._told]
        if not left:
            self._patience -= 1
            return []
        return [self._say(self._random.choice(left)), *self._change_of_mind()]

    def _change_of_mind(self) -> list[str]:
        change = self._persona.change
        if self._changed or change is None or change.topic not in self._told:
            return []
        self._changed = True
        line = self._one(change.says)
        self._wishes[0] = Wish((line,), self._wishes[0].otherwise)
        return [line]

    def _refused(self) -> list[str] | None:
        if self._persona.temper == "stubborn" and not self._doubted:
            self._doubted = True
            return [self._one(_DOUBTS)]
        otherwise = self._wishes[0].otherwise
        if otherwise:
            self._wishes[0] = Wish(otherwise)
            return [self._one(otherwise)]
        return self._next_wish()

    def _next_wish(self) -> list[str] | None:
        self._wishes.pop(0)
        self._agreed = 0
        return [self._one(self._wishes[0].asks)] if self._wishes else None

    def _restated(self) -> str:
        self._patience -= 1
        return self._one(self._wishes[0].asks)

    # --- how to say it

    def _say(self, fact: Fact) -> str:
        self._told.add(fact.topic)
        value = self._value(fact)
        if self._persona.temper == "brisk":
            return f"{value}."
        return self._one(TOPICS[fact.topic].says).format(value)

    def _value(self, fact: Fact) -> str:
        return fact.value if fact.topic in self._right else fact.wrong

    def _one(self, wordings: Sequence[str]) -> str:
        return self._random.choice(wordings)


def _distinct(facts: Sequence[Fact]) -> list[Fact]:
    """The facts, those of one value once: nobody gives their name twice in one breath."""
    return list({f.value: f for f in reversed(facts)}.values())[::-1]


def _quotes(said: str, value: str) -> bool:
    return bool(value) and value.casefold() in said.casefold()


def _shape(id: str) -> tuple[str, int]:
    """What kind of id it is: order H12345, customer C1234 and booking K7Q2M4 differ."""
    return id[0] if id[1:].isdigit() else "", len(id)
