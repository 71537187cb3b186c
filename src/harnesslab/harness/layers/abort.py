"""The `abort` baseline: no second chance."""

from __future__ import annotations

from harnesslab.harness.params import Params
from harnesslab.types import Conversation, EndReason, Layer, Outcome, Trial, TurnKind, TurnNext


class Abort(Layer):
    """Ends the trial at the first unreadable reply or failed call.

    Source: the published 53 -> 99 % gain was measured against a loop that does this; it is here so that the same
    comparison can be made, not because anyone should deploy it.
    Cost: none.
    Cannot: improve anything. Calls after the failed one in the same reply are skipped; writes before it stay.
    """

    name = "abort"
    port = "turn"

    def __init__(self, params: Params) -> None:
        del params

    async def turn(self, trial: Trial, conversation: Conversation, nxt: TurnNext) -> Outcome:
        trial.stop_at_failure()
        outcome = await nxt(conversation)
        if not outcome.failed:
            return outcome
        trial.intervene(self.name, "unreadable reply" if outcome.kind is TurnKind.UNPARSED else "failed call")
        return Outcome(TurnKind.ENDED, outcome.completion, outcome.actions, EndReason.ABORTED)
