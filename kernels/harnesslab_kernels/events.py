"""The packed record of one trace event: 64 bytes, one cache line. Imports numpy only.

A trial's events are a 1-d array of EVENT in the order in which they happened; many trials are their concatenation plus
an int64 `offsets` array of length trials + 1.
"""

from __future__ import annotations

import numpy as np

EVENT = np.dtype(
    [
        ("action", "<u8"),  # hash of tool and canonical arguments; 0: none
        ("result", "<u8"),  # hash of what the model was answered, or of what it said (REPLY); 0: none
        ("start", "<f4"),  # seconds since the trial began
        ("duration", "<f4"),  # seconds
        ("prompt", "<i4"),  # tokens
        ("cached", "<i4"),  # of prompt: not computed again
        ("own", "<i4"),  # of prompt: what the trial alone would have found cached; -1: not known (REPLY)
        ("generated", "<i4"),  # tokens
        ("reasoning", "<i4"),  # of generated
        ("forced", "<i4"),  # of generated
        ("tool", "<u4"),  # hash of the tool's name; 0: none
        ("oracle", "<i2"),  # index of the matched oracle call; -1: none
        ("turn", "<u2"),
        ("branch", "<u2"),
        ("layer", "u1"),  # index into the sweep's layer table, 0: none
        ("kind", "u1"),  # REPLY ... END
        ("status", "u1"),
        ("flags", "u1"),
        ("pad", "V2"),
    ]
)
assert EVENT.itemsize == 64

# The same codes as harnesslab.types.EventKind, Status and EventFlag; a test holds them together.
REPLY, CALL, EXEC, LAYER, USER, END = 1, 2, 3, 4, 5, 6
OK, UNPARSEABLE, UNKNOWN_TOOL, INVALID_ARGUMENTS, TOOL_ERROR, BLOCKED, TIMEOUT, OVERFLOW, LENGTH, SKIPPED = range(10)
KNOWN_TOOL, SCHEMA_VALID, REACHED, WROTE, TRANSIENT, MEMO, ANSWER = 1, 2, 4, 8, 16, 32, 64
