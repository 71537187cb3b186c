"""A folder of TOML and JSON lines is a suite."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.lab.sweeping import contents, sweep
from typer.testing import CliRunner

from harnesslab.cli.suites import app
from harnesslab.errors import UserError
from harnesslab.lab.replay import replay
from harnesslab.store.sqlite import Store
from harnesslab.suites.agents import oracle
from harnesslab.suites.check import check_named
from harnesslab.suites.folder.command import Command
from harnesslab.suites.registry import load_suite
from harnesslab.types import Suite, Task, ToolCall

TASKS = """
turns = 6

[[task]]
id = "total"
prompt = "The folder bills holds two bills. What do they come to together?"
files = { "bills/may.txt" = "Bread 12\\n", "bills/june.txt" = "Milk 30\\n" }
answer = 42
reads = [{ tool = "read_file", arguments = { path = "bills/may.txt" } }]
solution = [
    { tool = "read_file", arguments = { path = "bills/may.txt" } },
    { tool = "read_file", arguments = { path = "bills/june.txt" } },
]

[[task]]
id = "rename"
prompt = "Rename draft.txt to final.txt."
files = { "draft.txt" = "Dear Ada," }
solution = [{ tool = "move_file", arguments = { path = "draft.txt", to = "final.txt" } }]

[[task]]
id = "sorted"
prompt = "Sort the lines of names.txt by the alphabet, and tell me how many there are."
start = "names"
check = "python is_sorted.py"
answer = 3
solution = [{ tool = "write_file", arguments = { path = "names.txt", text = "Ada\\nBen\\nCleo\\n" } }]
solution_answer = "There are 3 names."
"""
IS_SORTED = """
import pathlib, sys
names = pathlib.Path("names.txt").read_text().split()
if names != ["Ada", "Ben", "Cleo"]:
    sys.exit("names.txt is not sorted")
"""
CANCEL = {
    "id": "cancel",
    "prompt": "Cancel order O7.",
    "world": "orders",
    "rows": {
        "customers": {"C1": {"name": "Ada", "email": "ada@mail.com", "level": "gold", "city": "Rome"}},
        "orders": {"O7": {"customer": "C1", "item": "mug", "quantity": 1, "status": "pending", "city": "Rome"}},
        "items": {"mug": {"price": 5, "stock": 9}},
    },
    "solution": [{"tool": "cancel_order", "arguments": {"order_id": "O7"}}],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "my-tasks"
    (made / "names").mkdir(parents=True)
    (made / "names" / "names.txt").write_text("Cleo\nAda\nBen\n")
    (made / "tasks.toml").write_text(TASKS)
    (made / "more.jsonl").write_text(json.dumps(CANCEL) + "\n\n")
    (made / "is_sorted.py").write_text(IS_SORTED)
    monkeypatch.chdir(tmp_path)
    return made


def suite() -> Suite:
    return load_suite("./my-tasks", seed=1)


def task(id: str) -> Task:
    return next(t for t in suite().tasks if t.view.id == id)


def test_a_folder_is_a_suite_that_holds_every_proof(folder: Path) -> None:
    assert [t.view.id for t in suite().tasks] == ["cancel", "total", "rename", "sorted"]
    assert suite().name == "my-tasks"
    assert [f for f in check_named("./my-tasks", seed=1) if not f.ok] == []
    done = CliRunner().invoke(app, ["check", "./my-tasks", "--n", "1"])
    assert done.exit_code == 0, done.output


def test_a_folder_runs_in_a_sweep(folder: Path) -> None:
    grid = """
    name = "own"
    models = ["qwen2.5-coder-0.5b"]
    suites = ["./my-tasks"]
    repeats = 3
    [harness.loop]
    layers = []
    """
    result = sweep(folder.parent / "out", grid)
    assert (result.finished, result.missing) == (12, 0)
    trials = contents(folder.parent / "out")
    assert {label for label, *_ in trials.values()} == {"qwen2.5-coder-0.5b/loop/my-tasks"}
    with Store.open(folder.parent / "out", readonly=True) as store:
        assert [replay(store, id) for id in trials] == [None] * 12


def test_the_version_is_the_content(folder: Path) -> None:
    before = suite().version
    assert suite().version == before
    (folder / ".notes").write_text("hidden")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_text("compiled")
    assert suite().version == before
    (folder / "is_sorted.py").write_text(IS_SORTED + "\n")
    assert suite().version != before


def test_an_answer_is_matched_by_value_and_what_had_to_be_read_was_read(folder: Path) -> None:
    total = task("total")
    environment = total.environment(0, 0)
    assert total.check(environment, "42").reasons == ("never read read_file(bills/may.txt)",)
    oracle(total, environment)
    assert total.check(environment, "They come to 42.").passed
    assert not total.check(environment, "They come to 142.").passed


@pytest.mark.parametrize(
    ("answer", "said", "unsaid"),
    [
        ('"40%"', ("40 %", "It is 40 percent.", "She pays 40%."), ("14%", "nothing")),
        ('"2031-03-04"', ("4 March 2031", "2031-03-04"), ("4 April 2031",)),
        ('"gift card"', ("By Gift-Card.",), ("gift",)),
    ],
)
def test_an_answer_is_read_as_what_it_is(
    answer: str, said: tuple[str, ...], unsaid: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "t.toml").write_text(f'[[task]]\nprompt = "What?"\nworld = "none"\nanswer = {answer}\n')
    (asked,) = load_suite(str(tmp_path), seed=1).tasks
    assert all(asked.check(asked.environment(0, 0), text).passed for text in said)
    assert not any(asked.check(asked.environment(0, 0), text).passed for text in unsaid)


def test_without_a_check_the_state_is_the_one_that_the_solution_leaves(folder: Path) -> None:
    rename = task("rename")
    environment = rename.environment(0, 0)
    for call in (
        ToolCall("write_file", {"path": "final.txt", "text": "Dear Ada,"}),
        ToolCall("delete_file", {"path": "draft.txt"}),
    ):
        environment.call(call)
    assert rename.check(environment, "").passed, "another way to the same state"
    environment.call(ToolCall("write_file", {"path": "spare.txt", "text": ""}))
    assert rename.check(environment, "").reasons == (
        "the state is not the one the task asks for",
        "unauthorised write to files spare.txt",
    )


def test_a_check_command_sees_the_worlds_files_and_says_why(folder: Path) -> None:
    names = task("sorted")
    environment = names.environment(0, 0)
    assert names.check(environment, "3").reasons == ("the check command exits with 1: names.txt is not sorted",)
    environment.call(ToolCall("write_file", {"path": "notes/spare.txt", "text": "Scratch paper is allowed here."}))
    environment.call(ToolCall("write_file", {"path": "names.txt", "text": "Ada\nBen\nCleo"}))
    assert names.check(environment, "3").passed
    assert not names.check(environment, "4").passed


def test_nothing_a_model_writes_becomes_a_command(folder: Path, tmp_path: Path) -> None:
    (folder / "is_sorted.py").write_text("import sys; sys.exit(str(sys.argv[1:]) + ' ' + sys.stdin.read())")
    names = task("sorted")
    environment = names.environment(0, 0)
    touched = tmp_path / "touched"
    nasty = f"3; touch {touched} $(touch {touched}) `touch {touched}` \x00 | && 'x"
    environment.call(ToolCall("write_file", {"path": "; touch x", "text": nasty}))
    environment.call(ToolCall("write_file", {"path": "is_sorted.py", "text": "raise SystemExit(0)"}))
    grade = names.check(environment, nasty)
    assert not grade.passed, "the folder's own program was run, not the one that the model wrote"
    assert grade.reasons[-1].startswith("the check command exits with 1: [] 3; touch ")
    assert not touched.exists()
    assert not names.check(environment, "\ud800").passed


@pytest.mark.parametrize(
    "path", ["/etc/x", "../x", "a/../../x", "", "a//b", "a\\b", "c:x", "x" * 300, "€" * 99, "a\nb", "."]
)
def test_the_world_is_no_way_out_of_it(folder: Path, path: str) -> None:
    environment = task("rename").environment(0, 0)
    for name, arguments in (
        ("write_file", {"path": path, "text": "x"}),
        ("move_file", {"path": "draft.txt", "to": path}),
        ("read_file", {"path": path}),
    ):
        before = environment.digest()
        assert not environment.call(ToolCall(name, arguments)).ok
        assert environment.digest() == before


def test_a_file_is_no_folder(folder: Path) -> None:
    environment = task("total").environment(0, 0)
    for path in ("bills", "bills/may.txt/x"):
        result = environment.call(ToolCall("write_file", {"path": path, "text": "x"}))
        assert result.content == f"Error: {path} is in the way of another file or folder"


def test_a_command_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    late = tmp_path / "late"
    child = f"import time; time.sleep(1.5); open({str(late)!r}, 'w')"
    code = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    began = time.monotonic()
    fault = Command((sys.executable, "-c", code), str(tmp_path), 0.7).run({}, "")
    assert fault == "the check command took longer than 0.7 s"
    assert time.monotonic() - began < 30
    time.sleep(2)
    assert not late.exists()


BASE = '[[task]]\nid = "a"\nprompt = "x"\n'
FAULTS: list[tuple[str, str]] = [
    ("", "bad.toml line 1: no tasks. a task is a table under [[task]]"),
    ("[[task", "bad.toml is not TOML"),
    ('turn = 3\n[[task]]\nprompt = "x"', "bad.toml line 1: unknown key 'turn'. did you mean 'turns'?"),
    ('\n[[task]]\npromt = "x"', "bad.toml line 3: unknown key 'promt'. did you mean 'prompt'?"),
    ('[[task]]\nanswer = "x"', "bad.toml line 1: prompt is missing. add prompt"),
    (BASE, "bad.toml line 1: nothing says when this task is solved"),
    (BASE + "answer = true", "bad.toml line 4: bad answer"),
    (BASE + "answer = 1\nturns = -1", "bad.toml line 5: bad turns"),
    (BASE + 'answer = 1\nworld = "moon"', "bad.toml line 5: bad world"),
    (BASE + 'answer = 1\n[[task]]\nid = "a"\nprompt = "y"\nanswer = 2', "bad.toml line 6: a second task 'a'"),
    (BASE + 'answer = 1\nid2 = """\n[[task]]\n"""', "bad.toml line 5: unknown key 'id2'"),
    (BASE + 'check = "no-such-program-here"', "bad.toml line 4: cannot run 'no-such-program-here'"),
    (BASE + 'check = "python \'x"', "bad.toml line 4: check is no command"),
    (BASE + 'solution = [{ tool = "fly" }]', "bad.toml line 4: unknown tool 'fly'"),
    (BASE + 'solution = [{ toll = "fly" }]', "bad.toml line 4: unknown key 'toll'. did you mean 'tool'?"),
    (
        BASE + 'solution = [{ tool = "read_file", arguments = { path = "a.txt" } }]',
        "bad.toml line 4: call 1 of the solution, read_file, fails. Error: no file a.txt",
    ),
    (BASE + 'answer = 1\nstart = "nowhere"', "bad.toml line 5: bad start"),
    (BASE + 'answer = 1\nstart = ".."', "bad.toml line 5: bad start"),
    (BASE + 'answer = 1\n[task.files]\n"../x" = ""', "bad.toml line 5: bad path '../x'"),
    (
        BASE + 'answer = 1\nworld = "orders"\nfiles = { x = "" }',
        "bad.toml line 6: files has no place in world 'orders'",
    ),
    (BASE + 'answer = 1\nworld = "orders"\nrows = { order = {} }', "bad.toml line 6: unknown table 'order'"),
    (
        BASE + 'answer = 1\nworld = "orders"\nrows.items.mug = { price = 1 }',
        "bad.toml line 6: rows.items.mug has",
    ),
]


@pytest.mark.parametrize(("text", "said"), FAULTS)
def test_a_bad_file_is_one_line_with_file_line_and_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(UserError) as error:
        load_suite(str(tmp_path), seed=1)
    assert said in str(error.value)
    assert "\n" not in error.value.what


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "bad.jsonl line 2: this is no JSON"),
        ("[1]", "bad.jsonl line 2: this is no task. it is a list"),
        ('{"prompt": 3}', "bad.jsonl line 2: bad prompt"),
        ('{"prompt": "x"}', "bad.jsonl line 2: nothing says when this task is solved"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    good: dict[str, Any] = {"prompt": "What is 1 + 1?", "world": "none", "answer": 2}
    (tmp_path / "bad.jsonl").write_text(f"{json.dumps(good)}\n{line}\n")
    with pytest.raises(UserError) as error:
        load_suite(str(tmp_path), seed=1)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "./nowhere"}, "no folder nowhere"),
        ({"name": "./my-tasks/names"}, "no tasks in my-tasks/names"),
        ({"name": "./my-tasks", "n": 9}, "./my-tasks has 4 tasks, not 9"),
        ({"name": "./my-tasks", "split": "dev"}, "./my-tasks has no 'dev' draw"),
        ({"name": "my-tasks"}, '"./folder"'),
    ],
)
def test_a_bad_choice_is_named(folder: Path, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as error:
        load_suite(**arguments, seed=1)
    assert said in str(error.value)
