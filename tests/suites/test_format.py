"""The format suite: what can be read, what is right, and that the two are told apart."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.lab.sweeping import plan_of, sweep

from harnesslab.engine.scripted import ScriptedEngine
from harnesslab.errors import UserError
from harnesslab.lab.replay import replay
from harnesslab.models.entry import ModelEntry
from harnesslab.score.tables import summarise
from harnesslab.store.sqlite import Store
from harnesslab.suites.check import fingerprint
from harnesslab.suites.format.forms import Csv, Day, Form, Json, Label, Lines, Unreadable, Yaml, record, several
from harnesslab.suites.format.suite import load
from harnesslab.suites.format.task import FormTask, differences, leaves
from harnesslab.trace.events import unpack_events
from harnesslab.types import Engine, Grade, Status, Task, ToolCall
from harnesslab_kernels.events import END

PERSON = record(who=str, age=int, gold=bool)
ANN = {"who": "Ann", "age": 3, "gold": True}


def read(form: Form, text: str) -> Any:
    return form.read(text)


def fault(form: Form, text: str) -> str:
    with pytest.raises(Unreadable) as error:
        form.read(text)
    return str(error.value)


def test_the_draw_is_frozen() -> None:
    """Whoever changes a task changes VERSION and these, and calibrates again."""
    assert fingerprint(load(seed=1)) == 9560917714061244579
    assert fingerprint(load(seed=1, split="dev")) == 3281777320776228226


def test_there_are_38_prompts_of_11_kinds_in_three_tiers() -> None:
    tasks = load(seed=1).tasks
    assert Counter(t.tier for t in tasks) == {"easy": 13, "middle": 13, "hard": 12}
    assert len({t.base for t in tasks}) == len({t.view.id for t in tasks}) == 38
    kinds = {t.base.split("-")[0] for t in tasks}
    written = ("json", "csv", "yaml", "date", "extract", "label", "call", "nested", "escape", "list", "refuse")
    assert kinds == set(written)


@pytest.mark.parametrize("more", [{"n": 5}, {"n": 60}, {"n": 380}])
def test_a_task_is_the_same_however_many_are_drawn(more: dict[str, int]) -> None:
    def facts(task: Task) -> tuple[Any, ...]:
        return task.view, task.tier, task.variant, [c.key for c in task.oracle], task.oracle_answer

    first = {t.view.id: facts(t) for t in load(seed=1).tasks}
    drawn = load(seed=1, **more).tasks
    assert len(drawn) == more["n"]
    assert len({t.view.prompt for t in drawn}) == len(drawn)
    assert all(facts(t) == first[t.view.id] for t in drawn if t.view.id in first)


def test_other_seeds_and_splits_draw_other_prompts() -> None:
    draws = [{t.view.prompt for t in load(seed=s, split=p).tasks} for s in (1, 2) for p in ("eval", "dev")]
    assert all(len(a & b) <= 1 for i, a in enumerate(draws) for b in draws[i + 1 :])


@pytest.mark.parametrize("seed", range(5))
def test_every_oracle_is_read_back_and_fits_a_short_reply(seed: int) -> None:
    for task in load(seed=seed, n=380 if seed == 0 else 38).tasks:
        assert len(task.oracle_answer) <= 300, task.view.id
        assert task.check(task.environment(0, 0), task.oracle_answer).passed or task.oracle
        if isinstance(task, FormTask):
            assert task.form.read(task.oracle_answer) == task.value


def test_a_bad_n_is_named() -> None:
    with pytest.raises(UserError, match="1 to 380"):
        load(seed=1, n=381)


def grade(base: str, answer: str, calls: tuple[ToolCall, ...] = ()) -> Grade:
    task = next(t for t in load(seed=1).tasks if t.base == base)
    environment = task.environment(0, 0)
    for call in calls:
        environment.call(call)
    return task.check(environment, answer)


def test_what_can_be_read_and_what_is_right_are_told_apart() -> None:
    right = next(t for t in load(seed=1).tasks if t.base == "json-flags").oracle_answer
    assert grade("json-flags", f"\n {right} \n") == Grade(True, parsed=True)
    assert grade("json-flags", f"```json\n{right}\n```") == Grade(
        False, ("cannot be read: wrapped in a code fence",), parsed=False
    )
    assert grade("json-flags", f"Here it is: {right}").parsed is False
    wrong = right.replace('"price": ', '"price": 1')
    assert grade("json-flags", wrong) == Grade(False, ("can be read, but is wrong at price",), parsed=True)


def test_a_call_that_came_through_can_be_read() -> None:
    (right,) = next(t for t in load(seed=1).tasks if t.base == "call-timer").oracle
    other = ToolCall("set_timer", {**right.arguments, "minutes": 1})
    assert grade("call-timer", "Done.").parsed is False
    assert grade("call-timer", "Done.", (ToolCall("set_timer", {"minutes": "soon", "label": "x"}),)).parsed is False
    assert (grade("call-timer", "Done.", (other,)).passed, grade("call-timer", "Done.", (other,)).parsed) == (
        False,
        True,
    )
    assert grade("call-timer", "", (right,)).passed
    assert not grade("call-timer", "Done.", (right, other)).passed


def test_json() -> None:
    form = Json(PERSON)
    assert read(form, '{"gold": true, "age": 3.0, "who": "Ann"}') == ANN
    assert fault(form, "{'who': 'Ann'}").startswith("not JSON")
    assert fault(form, '{"who": "Ann", "age": 3, "gold": true,}').startswith("not JSON")
    assert fault(form, '{"who": "Ann", "age": 3, "age": 4, "gold": true}') == "not JSON: a key stands twice"
    assert fault(form, '{"who": "Ann", "age": "3", "gold": true}').startswith("does not fit the schema")
    assert fault(form, '{"who": "Ann", "age": 3}').startswith("does not fit the schema")
    assert fault(Json({}), "NaN").startswith("not JSON")
    assert fault(Json({}), "[" * 100_000).startswith("not JSON")
    assert fault(Json({}), "1" * 5_000).startswith("not JSON")


def test_yaml() -> None:
    form = Yaml(PERSON)
    assert read(form, "who: Ann\nage: 3\ngold: yes") == ANN
    assert read(form, "{who: Ann, age: 3, gold: true}") == ANN
    assert read(Yaml(several(str)), "- 2026-03-04\n- '3'") == ["2026-03-04", "3"]
    assert fault(form, "who: Ann\n age: 3").startswith("not YAML")
    assert fault(form, "who: Ann: Bee").startswith("not YAML")
    assert fault(form, "```yaml\nwho: Ann\n```") == "wrapped in a code fence"
    assert fault(form, "who: Ann").startswith("does not fit the schema")
    assert fault(Yaml({}), "a: &x [1]\nb: *x") == "not plain YAML: it has an alias"
    assert fault(Yaml({}), "!!python/object/apply:os.getcwd []").startswith("not YAML")
    assert fault(Yaml({}), "2026-13-45").startswith("not YAML")
    assert fault(Yaml({}), "[" * 5_000).startswith("not YAML")
    assert fault(Yaml({}), "!!set {a}") == "a set is no plain value"


def test_csv() -> None:
    form = Csv(("a", "b"))
    assert read(form, 'a,b\n1,"x, y"\n"say ""no""","two\nlines"') == [["1", "x, y"], ['say "no"', "two\nlines"]]
    assert read(form, "a,b\r\n1,2\r\n") == [["1", "2"]]
    assert fault(form, "1,2") == "the header is not a,b"
    assert fault(form, "") == "the header is not a,b"
    assert fault(form, "a,b\n1,2,3") == "row 2 has 3 cells, not 2"
    assert fault(form, 'a,b\n"1" x,2').startswith("not CSV")
    assert fault(form, 'a,b\n"1,2').startswith("not CSV")


def test_single_lines_and_lists() -> None:
    assert read(Day(), " 2026-03-04\n") == "2026-03-04"
    assert fault(Day(), "4 March 2026") == "not of the form YYYY-MM-DD"
    assert fault(Day(), "2026-02-30").startswith("no date")
    assert read(Day(time=True), "2026-03-04T09:30") == "2026-03-04T09:30"
    assert fault(Day(time=True), "2026-03-04") == "not of the form YYYY-MM-DDTHH:MM"
    assert read(Label(("yes", "no")), "no\n") == "no"
    assert fault(Label(("yes", "no")), "No.") == "not one of yes, no"
    assert read(Lines(r"\w+"), "a\nb \n") == ["a", "b"]
    assert fault(Lines(r"\w+"), "a\n\nb") == "line 2 is not of the form that was asked for"
    assert fault(Lines(r"\w+"), "1. a") == "line 1 is not of the form that was asked for"


def test_values_differ_where_they_differ() -> None:
    one = {"a": [1, {"b": "x"}], "c": None}
    assert list(differences(one, {"c": None, "a": [1.0, {"b": "x"}]})) == []
    assert list(differences(one, {"a": [1, {"b": "y"}], "c": False})) == [("a", 1, "b"), ("c",)]
    assert list(differences(one, {"a": [1], "c": None})) == [("a",)]
    assert list(differences(1, True)) == [()]
    assert list(leaves(one)) == [("a", 0), ("a", 1, "b"), ("c",)]


FORMS = [task.form for task in load(seed=1).tasks if isinstance(task, FormTask)]
ANSWERS = [task.oracle_answer for task in load(seed=1).tasks]
CUT = st.tuples(st.sampled_from(ANSWERS), st.integers(0, 60), st.integers(0, 60), st.text(max_size=5))


@given(st.sampled_from(FORMS), st.one_of(st.text(), CUT.map(lambda c: c[0][: c[1]] + c[3] + c[0][c[1] + c[2] :])))
@example(Json(PERSON), '{"who": "A", "age": 1000000000000000000000000000000, "gold": true}')
@example(Json(PERSON), '{"who": "\\ud800", "age": 1, "gold": true}')
@example(Json({}), "1e999")
@example(Yaml({}), ".nan")
@example(Yaml({}), "? [a]\n: 1")
@example(Yaml({}), "\x00")
@example(Csv(("a",)), "a\n\x00")
@settings(max_examples=300, deadline=None)
def test_no_text_is_more_than_unreadable(form: Form, text: str) -> None:
    """Whatever a model says is read or is not; and what is read can be compared."""
    with contextlib.suppress(Unreadable):
        value = form.read(text)
        assert list(differences(value, value)) == []


GRID = """
name = "forms"
models = ["qwen2.5-coder-0.5b"]
suites = [{ name = "format", n = 12 }]
[harness.loop]
layers = []
"""


def test_the_report_shows_both(tmp_path: Path) -> None:
    """A model that is right, chatty, and wrong in turns: what can be read is under "parse", what is right is pass^1."""
    answers, readable, right = {}, 0, 0
    for i, task in enumerate(plan_of(GRID).tasks):
        said = task.task.oracle_answer
        if isinstance(task.task, FormTask):
            said = (said, f"Sure: {said}", next(iter(task.task.near()))[1])[i % 3]
            readable, right = readable + (i % 3 != 1), right + (i % 3 == 0)
        answers[task.view.prompt] = said

    async def start(entry: ModelEntry) -> Engine:
        return ScriptedEngine(lambda request: answers[request.prompt.messages[-1].content])

    sweep(tmp_path, GRID, start=start)
    with Store.open(tmp_path, readonly=True) as store:
        (cell,) = summarise(store.columns()).cells
        unread = [id for id in store.done() if unread_at_the_end(unpack_events(store.trial(id).events))]
        assert [replay(store, id) for id in store.done()] == [None] * 12
    assert len(unread) == 12 - readable
    assert cell.parse.replies.value == pytest.approx(readable / 12)
    assert cell.pass_k[0].value == pytest.approx(right / 12)
    assert 0 < right < readable < 12


def unread_at_the_end(events: Any) -> bool:
    assert events[-1]["kind"] == END
    return bool(events[-1]["status"] == Status.UNPARSEABLE)
