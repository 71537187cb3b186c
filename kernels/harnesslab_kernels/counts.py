"""What one trial is counted into: the columns of `scan`'s output. Imports nothing.

Each row is int32[WIDTH]. All columns add up over trials, so any figure of any group of trials is a ratio of column
sums.
"""

from __future__ import annotations

(
    # parse: model replies of every branch
    REPLIES,  # replies
    PARSED,  # of them: parse as emitted
    ALL_PARSED,  # 1 if the trial has replies and every one parsed
    # the ladder: attempts to call a tool on the main branch; each rung requires the one before
    ATTEMPTS,  # unparseable replies and emitted calls
    CALLS,  # parseable: emitted calls
    KNOWN,  # and of a known tool
    VALID,  # and schema-valid
    EXECUTED,  # and a tool ran and answered without error
    MATCHED,  # and matched to an oracle call
    REACHED,  # calls for which a tool ran, whatever it answered (not a rung)
    # first attempts, main branch
    FIRST_HITS,  # multiset matches among the first m_t calls to each tool t
    FIRST_DUE,  # sum of m_t
    # recovery, main branch
    FAILURES,  # failed actions
    EPISODES,
    RECOVERED,  # how episodes ended; the three add up to EPISODES
    ABANDONED,
    EXHAUSTED,
    ADAPTIVE,  # which path they took; the six add up to EPISODES
    IDENTICAL,
    ALTERNATING,
    PERIODIC,
    NO_PROGRESS,
    UNFOLLOWED,
    REDUNDANT,  # repeated calls that told nothing new, without any error
    LOOPS_IDENTICAL,  # loops, in an episode or not
    LOOPS_ALTERNATING,
    LOOPS_PERIODIC,
    LOOPS_NO_PROGRESS,
    # budget: every branch
    PROMPT,  # tokens of all prompts, computed or not
    CACHED,  # of PROMPT: not computed again
    GENERATED,  # tokens of all replies, thinking included
    AFTER_ERROR,  # of PROMPT + GENERATED: in replies after the first failed action
    TOOL_CALLS,  # emitted calls
    ERRED,  # 1 if any action failed
    # episodes by the error that opened them, in this order; the five add up to EPISODES
    OPENED_UNPARSEABLE,
    OPENED_UNKNOWN_TOOL,
    OPENED_INVALID,
    OPENED_TOOL_ERROR,
    OPENED_OTHER,  # blocked by a layer, timed out
    # of them, recovered; the same order
    CURED_UNPARSEABLE,
    CURED_UNKNOWN_TOOL,
    CURED_INVALID,
    CURED_TOOL_ERROR,
    CURED_OTHER,
    # the ledgers, in tokens: every branch, without requests that did not fit the context
    COMPUTED,  # here: prompt tokens not cached, and generated ones, of replies that were not taken from the memo
    ALONE,  # if it ran alone: prompt tokens that are not its own, and generated ones; without replies of OWN_UNKNOWN
    OWN_UNKNOWN,  # replies of which that is not known
) = range(47)

WIDTH = 47
