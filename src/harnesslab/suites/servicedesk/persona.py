"""Who calls the desk: what they want, what they know, and how they take it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Temper = Literal["calm", "brisk", "stubborn"]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something the customer tells when asked for it.

    Attributes:
        topic: a name in `topics.TOPICS`: how one asks for it, and how it is said.
        value: the truth.
        wrong: what they say first, until they hear that it does not work, or are asked again.
    """

    topic: str
    value: str
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing the customer wants.

    Attributes:
        asks: wordings of one and the same request.
        otherwise: wordings of what they want instead, once it was refused.
    """

    asks: tuple[str, ...]
    otherwise: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A change of mind, said together with the fact of this topic when that is first told."""

    topic: str
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Persona:
    """A simulated customer.

    Attributes:
        opening: the first message, one text for all repeats.
        wishes: what they want, one after the other; the opening states the first.
        facts: what they know.
        told: topics of facts that the opening states.
        temper: calm: patient, in full sentences. brisk: impatient, in few words. stubborn: doubts the first refusal.
    """

    opening: str
    wishes: tuple[Wish, ...]
    facts: tuple[Fact, ...] = ()
    told: tuple[str, ...] = ()
    temper: Temper = "calm"
    change: Change | None = None

    def fact(self, topic: str) -> Fact | None:
        return next((f for f in self.facts if f.topic == topic), None)
