"""Errors that cross package borders.

Two families only. `UserError` is the user's to mend and is shown without a traceback. `EngineFailure` is nobody's
reply: the worker or the server died, so the trial is missing, not failed. Everything a model or a tool does wrong is a
value on the trace, never an exception.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Bad input. Shown as what went wrong, why, and what to do next; the process exits with status 2.

    Args:
        what: what went wrong, one line.
        why: the reason, one line; may be empty where `what` says it all.
        todo: the next command or edit, one line.
    """

    def __init__(self, what: str, why: str = "", todo: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.todo = what, why, todo

    def __str__(self) -> str:
        return " ".join(part.rstrip(".") + "." for part in (self.what, self.why, self.todo) if part)


def unknown_name(kind: str, name: str, known: Iterable[str], todo: str = "") -> UserError:
    """A `UserError` for a name that nothing answers to, naming the nearest and all known ones."""
    names = sorted(set(known))
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return UserError(f"unknown {kind} {name!r}", f"{hint}known: {', '.join(names) or 'none'}", todo)


class EngineFailure(Exception):
    """The engine itself failed: the worker died, the server is gone, a state did not restore. The trial is missing.

    Args:
        cause: a short typed word, e.g. "worker-died", "server-gone", "out-of-cells", "bad-gguf", "truncated-prompt",
            "user-model".
        detail: one line for people.
    """

    def __init__(self, cause: str, detail: str = "") -> None:
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause, self.detail = cause, detail

    @property
    def only_this_request(self) -> bool:
        """Whether the engine can go on: it could not serve one request, and is well otherwise."""
        return self.cause in {
            "template",
            "tokenizer",
            "constraint",
            "truncated-prompt",
            "departed",
            "out-of-cells",
            "no-logits",
            "user-model",
        }
