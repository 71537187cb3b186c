"""The brief from which a model plays the customer: the same persona, in words."""

from __future__ import annotations

from harnesslab.suites.servicedesk.persona import Persona
from harnesslab.types import LEAVE

_MANNER = {
    "calm": "You are patient and write full, friendly sentences.",
    "brisk": "You are in a hurry and write as few words as possible.",
    "stubborn": "You doubt a first refusal once, and accept the second.",
}


def brief(persona: Persona) -> str:
    """Instructions for whoever plays this customer."""
    first = persona.wishes[0]
    lines = [
        "You play a customer who writes to a service desk. The other side is the desk's agent.",
        f"What you want: {first.asks[0]}",
    ]
    if first.otherwise:
        lines.append(f"Only if that is refused: {first.otherwise[0]}")
    lines += [f"After that, and not before, you also want this: {wish.asks[0]}" for wish in persona.wishes[1:]]
    if persona.facts:
        lines.append("What you know, and tell only when you are asked for it:")
        for fact in persona.facts:
            lines.append(f"- {fact.topic}: {fact.value}")
            if fact.wrong:
                lines.append(f"  (say {fact.wrong} at first; give the right one when you hear that it does not work)")
    if persona.change:
        lines.append(f"When you tell your {persona.change.topic}, add this: {persona.change.says[0]}")
    lines += [
        _MANNER[persona.temper],
        "Write only the customer's next message: one or two sentences. Never write for the agent, invent nothing, and",
        "say that you do not know what is not written here. Agree when the agent asks whether to do what you want.",
        f"When everything you want was done or refused for good, write {LEAVE} and nothing else.",
    ]
    return "\n".join(lines)
