"""A suite of short prompts, for sweeps of real models: look a book up, and say where it stands."""

from __future__ import annotations

from harnesslab.suites.task import TaskSuite, make_task
from harnesslab.suites.tools import ToolError, Toolkit
from harnesslab.suites.world import Base, World
from harnesslab.types import Budget, TaskView, ToolCall

TITLES = ("Emma", "Dracula", "Ulysses", "Walden", "Faust", "Kim")
LONG = "Faust"  # its prompt has some 300 tokens more


def get_book(world: World, title: str) -> object:
    """Look up a book."""
    book = world.get("books", title)
    if book is None:
        raise ToolError(f"no book {title}")
    return book


def _notes(title: str) -> str:
    return " It is not the red one." * 50 if title == LONG else ""


def load(*, seed: int, n: int | None = None, split: str = "eval") -> TaskSuite:
    rows = Base({"books": {title: {"shelf": i + 1} for i, title in enumerate(TITLES)}})
    tasks = tuple(
        make_task(
            TaskView(title, "You keep a library.", f"On which shelf is {title}?{_notes(title)}", Budget(turns=2)),
            base=title,
            variant=split,
            tier="one",
            oracle=(ToolCall("get_book", {"title": title}),),
            oracle_answer=f"Shelf {i + 1}.",
            kit=Toolkit(reads=(get_book,)),
            rows=rows,
        )
        for i, title in enumerate(TITLES[:n])
    )
    return TaskSuite("shelf", "1", tasks)
