"""Foreign files with known answers come out; dirty ones are read, or named and counted; nothing raises."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import foreign_files as files
import pytest

from harnesslab.errors import UserError
from harnesslab.lab.foreign import Foreign, score_path
from harnesslab.score.summary import CellSummary
from harnesslab.store.imported import Convention
from harnesslab.trace.importers.build import may_write

ALL = ("tau-bench", "tau2", "inspect", "openai")


@pytest.fixture(scope="module")
def trials() -> list[dict[str, Any]]:
    return files.tau_trials()


def made(folder: Path, format: str, trials: list[dict[str, Any]]) -> Path:
    match format:
        case "tau-bench":
            return files.write(folder / "run.json", trials, indent=1)
        case "tau2":
            return files.write(folder / "run.json", files.tau2_run(trials))
        case "inspect":
            return files.write(folder / "run.json", files.inspect_log(trials), indent=2)
        case _:
            return files.write_lines(folder / "run.jsonl", [files.openai_line(t) for t in trials])


def scored(path: Path, format: str | None = None, missing: Convention = "drop") -> tuple[CellSummary, Foreign]:
    found = score_path(path, format, missing)
    assert len(found.summary.cells) == 1
    return found.summary.cells[0], found


def values(cell: CellSummary) -> list[float | None]:
    return [f.value for f in cell.pass_k]


def notes(found: Foreign) -> str:
    return "\n".join(found.summary.notes)


# --- answers that are known


@pytest.mark.parametrize("format", ALL)
def test_published_numbers_come_out_of_every_format(tmp_path: Path, trials: list[dict[str, Any]], format: str) -> None:
    cell, found = scored(made(tmp_path, format, trials))
    assert found.format == format
    assert found.detected
    assert values(cell) == pytest.approx(files.PASS_K)
    assert [f"{v:.3f}" for v in files.PASS_K] == ["0.420", "0.273", "0.220", "0.200"]
    assert cell.trials == 200
    assert cell.tasks == 50
    # 116 failed trials: get_loan and renew_loan as expected in first place; then an error, the same call again, another
    assert cell.ladder.attempts == 84 * 2 + 116 * 4
    assert cell.ladder.executed.value == pytest.approx((84 * 2 + 116 * 2) / (84 * 2 + 116 * 4))
    assert cell.recovery.errors["tool error"] == (116, 116)
    assert cell.recovery.episodes == cell.recovery.endings["recovered"] == cell.recovery.paths["identical"] == 116


@pytest.mark.parametrize("format", ["tau-bench", "tau2"])
def test_with_an_oracle_come_first_attempts_and_first_departure(
    tmp_path: Path, trials: list[dict[str, Any]], format: str
) -> None:
    cell, _ = scored(made(tmp_path, format, trials))
    # 2 oracle calls per trial; a failed trial hits the look-up and misses the renewal
    assert cell.first_attempt.value == pytest.approx((84 * 2 + 116) / 400)
    assert cell.departures is not None
    assert cell.departures.failed == 116
    assert cell.departures.kinds == {"none": 0, "arguments": 116, "unexpected": 0, "not made": 0}
    assert cell.departures.median_call == 4  # the third call was refused, so it changed nothing


def test_what_a_format_cannot_tell_has_no_value_and_a_note(tmp_path: Path, trials: list[dict[str, Any]]) -> None:
    cell, found = scored(made(tmp_path, "tau-bench", trials))
    assert cell.ladder.known.value == 1.0
    for absent in (cell.ladder.valid, cell.budget.tokens, cell.budget.seconds, cell.budget.joules):
        assert absent.value is None
    assert cell.budget.tokens_per_trial is None
    assert cell.budget.curve == ()
    assert "which arguments fit" in notes(found)
    assert "the tokens of a trial" in notes(found)
    cell, found = scored(made(tmp_path / "i", "inspect", trials))
    assert cell.first_attempt.value is None
    assert cell.ladder.matched.value is None
    assert cell.departures is None
    assert cell.null.agents == {}
    assert cell.budget.tokens.value == pytest.approx(440 * 200 / 84)
    assert cell.budget.seconds.value == pytest.approx(3.5 * 200 / 84)
    assert cell.budget.after_error.value is None
    assert "the expected calls" in notes(found)
    cell, _ = scored(made(tmp_path / "t", "tau2", trials))
    assert cell.parse.replies.value is None
    assert cell.budget.after_error.value is not None
    cell, _ = scored(made(tmp_path / "o", "openai", trials))
    assert cell.ladder.known.value == 1.0
    assert cell.ladder.valid.value == pytest.approx(1 - 232 / 632)  # weeks = 99 is beyond the schema


@pytest.mark.parametrize("format", ["tau-bench", "tau2"])
def test_an_agent_that_does_nothing_passes_a_task_without_writes(tmp_path: Path, format: str) -> None:
    trials = []
    for n in range(6):
        trial = files.tau_trial(n, 0, n % 2 == 0)
        trial["info"]["task"] = files.task(n, writes=n >= 3)
        trials.append(trial)
    cell, found = scored(made(tmp_path, format, trials))
    assert cell.null.agents == {"idle": 0.5, "refuse": 0.5}
    assert cell.null.tasks == 3
    assert cell.null.pass_1.value == pytest.approx(1 / 3)
    assert "oracle changes nothing" in notes(found)
    if format == "tau-bench":
        for trial in trials:
            trial["info"]["task"]["outputs"] = ["10"]
        cell, _ = scored(made(tmp_path, format, trials))
        assert cell.null.agents == {"idle": 0.0, "refuse": 0.0}


@pytest.mark.parametrize(
    ("tool", "writes"),
    [
        *(("get_order", False), ("getOrder", False), ("GetOrder", False), ("shop.get-order", False)),
        *(("transfer_to_human_agents", False), ("search", False), ("think", False), ("calculate", False)),
        *(
            ("cancel_order", True),
            ("cancelOrder", True),
            ("getaway", True),
            ("", True),
            ("42", True),
            ("reset_get", True),
        ),
    ],
)
def test_which_tools_change_the_world_is_taken_from_their_names(tool: str, writes: bool) -> None:
    assert may_write(tool) is writes


# --- dirty files


def test_crashes_are_missing_or_failed_and_both_are_said(tmp_path: Path) -> None:
    trials = [files.tau_trial(t, r, True) for t in range(5) for r in range(2)]
    trials[1] = files.tau_trial(0, 1, False, traj=[])
    trials[3] = files.tau_trial(1, 1, False, traj=[], info={"error": "boom", "traceback": "..."})
    path = made(tmp_path, "tau-bench", trials)
    cell, found = scored(path)
    assert cell.missing.trials == 2
    assert values(cell) == [1.0, 1.0]
    assert cell.left_out == (0, 2)
    assert cell.pass_k_missing_failed == pytest.approx((0.8, 0.6))
    assert "1 x crashed: an empty trajectory with reward 0" in notes(found)
    assert "1 x crashed: info holds an error" in notes(found)
    assert "pass^1.. would be 0.800 0.600" in notes(found)
    cell, found = scored(path, missing="fail")
    assert cell.missing.trials == 0
    assert values(cell) == pytest.approx([0.8, 0.6])
    assert "count as failed" in notes(found)


def test_arguments_as_python_reprs_are_read_and_counted(tmp_path: Path) -> None:
    trial = files.tau_trial(0, 0, True)
    for message in trial["traj"]:
        for call in message.get("tool_calls", ()):
            call["function"]["arguments"] = repr(json.loads(call["function"]["arguments"]))
    cell, found = scored(made(tmp_path, "tau-bench", [trial]))
    assert cell.first_attempt.value == 1.0
    assert "2 x arguments stored as a Python repr" in notes(found)
    assert cell.parse.replies.value is None  # what the model wrote is not in the file


def test_arguments_that_cannot_be_read_make_an_unparseable_reply(tmp_path: Path) -> None:
    trial = files.tau_trial(0, 0, False)
    trial["traj"][2]["tool_calls"][0]["function"]["arguments"] = '{"loan_id": '
    cell, found = scored(made(tmp_path, "tau-bench", [trial]))
    assert cell.ladder.parseable.value == pytest.approx(3 / 4)
    assert cell.parse.replies.value == pytest.approx(4 / 5)
    assert "1 x arguments that cannot be read" in notes(found)
    assert "1 x a tool answer to no call" in notes(found)


def test_bare_simulations_without_info_tasks_or_reward_info(tmp_path: Path, trials: list[dict[str, Any]]) -> None:
    run = files.tau2_run(trials)
    del run["simulations"][0]["reward_info"]
    passed = run["simulations"][0]["task_id"]
    cell, found = scored(files.write(tmp_path / "bare.json", run["simulations"]))
    assert found.format == "tau2"
    assert cell.trials == 199
    assert cell.missing.trials == 1
    assert cell.first_attempt.value is None
    assert cell.null.agents == {}
    assert passed
    assert "1 x no reward_info: no verdict" in notes(found)
    assert "200 x simulations without the run's info and tasks" in notes(found)


def test_no_verdict_at_all_leaves_the_calls_to_score(tmp_path: Path, trials: list[dict[str, Any]]) -> None:
    lines = [files.openai_line(t)["messages"] for t in trials]
    cell, found = scored(files.write_lines(tmp_path / "chats.jsonl", lines))
    assert found.format == "openai"
    assert cell.trials == 200
    assert values(cell) == [None]
    assert cell.budget.calls.value is None
    assert cell.ladder.attempts == 632
    assert cell.recovery.episodes == 116
    assert "whether a trial passed" in notes(found)
    assert "each trial is a task of its own" in notes(found)


def test_shuffled_ids_are_told_apart_by_what_the_task_says(tmp_path: Path) -> None:
    trials = []
    for repeat in range(2):
        for id in range(4):
            number = (id + repeat) % 4  # the second pass names each task by another id
            trial = files.tau_trial(number, repeat, number < 2)
            trials.append({**trial, "task_id": id})
    cell, found = scored(made(tmp_path, "tau-bench", trials))
    assert cell.tasks == 4
    assert values(cell) == [0.5, 0.5]  # by id it would be .5 and .25
    assert "ids that stand for several tasks" in notes(found)
    assert "4 ids" in notes(found)


def test_stale_hashes_and_missing_reward_info_do_not_change_a_stated_reward(tmp_path: Path) -> None:
    trials = [files.tau_trial(t, 0, t < 2) for t in range(4)]
    trials[0]["info"]["reward_info"]["info"]["gt_data_hash"] = "of another version"
    del trials[1]["info"]["reward_info"]
    cell, found = scored(made(tmp_path, "tau-bench", trials))
    assert values(cell) == [0.5]
    assert "1 x no reward_info; its reward is taken as it stands" in notes(found)


def test_composite_rewards_fail_unless_they_are_one(tmp_path: Path) -> None:
    rewards = [1.0, 1.0 - 1e-7, 0.93, 0, "1.0"]
    trials = [files.tau_trial(t, 0, True, reward=r) for t, r in enumerate(rewards)]
    cell, found = scored(made(tmp_path, "tau-bench", trials))
    assert values(cell) == [pytest.approx(3 / 5)]
    assert "1 x a reward between 0 and 1: failed" in notes(found)


def test_calls_of_the_simulated_user_are_not_the_agents(tmp_path: Path) -> None:
    trials = [files.tau_trial(t, 0, True) for t in range(2)]
    run = files.tau2_run(trials)
    calls = [{"id": "u", "name": "toggle_light", "arguments": {}, "requestor": "user"}]
    run["simulations"][0]["messages"][2:2] = [
        {"role": "user", "content": None, "tool_calls": calls},
        {"role": "tool", "id": "u", "content": "on", "requestor": "user", "error": False},
    ]
    cell, found = scored(files.write(tmp_path / "run.json", run))
    assert cell.ladder.attempts == 4
    assert cell.first_attempt.value == 1.0
    assert "2 x calls by the simulated user" in notes(found)


def test_repeated_trial_numbers_are_numbered_anew(tmp_path: Path) -> None:
    trials = [files.tau_trial(0, 0, True), files.tau_trial(0, 0, False), files.tau_trial(0, 1, True)]
    cell, found = scored(made(tmp_path, "tau-bench", trials))
    assert values(cell) == pytest.approx([2 / 3, 1 / 3, 0])
    assert "a second trial of one number" in notes(found)


def test_what_is_no_trial_is_named_by_its_line_and_the_rest_is_scored(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    lines = [json.dumps(files.tau_trial(t, 0, True)) for t in range(2)]
    path.write_text("[\n" + ",\n".join([lines[0], "17", '{"a": nope}', lines[1]]) + "\n]")
    cell, found = scored(path)
    assert cell.trials == 2
    assert found.lost == 2
    assert "1 x no trial: neither task_id, reward nor traj (run.json line 3)" in notes(found)
    assert "1 x not JSON" in notes(found)
    assert "run.json line 4" in notes(found)


def test_unknown_actions_are_unknown_tools(tmp_path: Path) -> None:
    trial = files.tau_trial(0, 0, True)
    trial["traj"][3]["content"] = "Unknown action get_loan"
    cell, _ = scored(made(tmp_path, "tau-bench", [trial]))
    assert cell.ladder.executed.value == cell.ladder.known.value == 0.5
    assert cell.recovery.endings["recovered"] == 1
    assert cell.recovery.errors["unknown tool"] == (1, 1)


def test_inspect_says_what_kind_of_error_it_was(tmp_path: Path) -> None:
    log = files.inspect_log([files.tau_trial(0, 0, True)])
    answers = [m for m in log["samples"][0]["messages"] if m["role"] == "tool"]
    answers[0].update(content="", error={"type": "parsing", "message": "Tool get_loan not found"})
    answers[1].update(content="", error={"type": "parsing", "message": "'weeks' is a required property"})
    cell, _ = scored(files.write(tmp_path / "log.json", log))
    assert cell.ladder.known.value == 0.5
    assert cell.recovery.errors["unknown tool"] == (1, 0)
    assert cell.recovery.errors["invalid arguments"] == (1, 0)


def test_where_every_trial_crashed_the_notes_still_say_so(tmp_path: Path) -> None:
    cell, found = scored(made(tmp_path, "tau-bench", [files.tau_trial(0, 0, False, traj=[])]))
    assert cell.trials == 0
    assert "1 x crashed" in notes(found)


def test_a_folder_of_simulations_is_one_run_and_a_folder_of_files_is_compared(
    tmp_path: Path, trials: list[dict[str, Any]]
) -> None:
    run = files.tau2_run(trials)
    for i, simulation in enumerate(run["simulations"]):
        files.write(tmp_path / "run" / "simulations" / f"{i}.json", simulation)
    cell, found = scored(tmp_path / "run")
    assert found.format == "tau2"
    assert values(cell) == pytest.approx(files.PASS_K)
    files.write(tmp_path / "run" / "results.json", {**run, "simulations": []})
    cell, _ = scored(tmp_path / "run")
    assert cell.model == "some-model"
    assert cell.first_attempt.value is not None
    loose = tmp_path / "loose"
    for i, simulation in enumerate(run["simulations"]):
        files.write(loose / f"{i}.json", simulation)
    assert values(scored(loose)[0]) == pytest.approx(files.PASS_K)
    made(tmp_path / "two", "tau-bench", trials)
    files.write(tmp_path / "two" / "other.json", files.tau_trials(seed=2))
    both = score_path(tmp_path / "two", None, "drop").summary
    assert [c.model for c in both.cells] == ["other", "run"]
    assert [c.kind for c in both.comparisons] == ["model"]
    assert both.comparisons[0].tasks == 50


def test_reported_means_are_held_against_the_trials(tmp_path: Path, trials: list[dict[str, Any]]) -> None:
    log = files.inspect_log(trials)
    assert "reports" not in notes(scored(files.write(tmp_path / "a.json", log))[1])
    metric = log["results"]["scores"][0]["metrics"]["accuracy"]
    metric["value"] = 0.4213
    assert "accuracy 0.4213, which is k of 200 trials for no whole number k" in notes(
        scored(files.write(tmp_path / "b.json", log))[1]
    )
    metric["value"] = 0.5
    assert "accuracy 0.5, but 84 of its 200 trials passed" in notes(scored(files.write(tmp_path / "c.json", log))[1])


def eval_file(path: Path, trials: list[dict[str, Any]], damage: bool = False) -> Path:
    """An archive with Zstandard members, as Inspect writes."""
    from backports.zstd import zipfile as zstd_zipfile

    log = files.inspect_log(trials)
    samples = log.pop("samples")
    with zstd_zipfile.ZipFile(path, "w", compression=zstd_zipfile.ZIP_ZSTANDARD) as archive:
        archive.writestr("header.json", json.dumps(log))
        for sample in samples:
            archive.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
        if damage:
            archive.writestr("samples/x_epoch_1.json", "{")
    return path


def test_an_eval_archive_with_zstd_members(tmp_path: Path, trials: list[dict[str, Any]]) -> None:
    path = eval_file(tmp_path / "run.eval", trials, damage=True)
    with zipfile.ZipFile(path) as archive:
        assert {m.compress_type for m in archive.infolist()} == {93}
    cell, found = scored(path)
    assert values(cell) == pytest.approx(files.PASS_K)
    assert cell.suite == "library"
    assert found.lost == 1
    data = bytearray(path.read_bytes())
    data[2000:2400] = bytes(400)
    path.write_bytes(data)
    assert scored(path)[1].lost >= 2
    path.write_bytes(b"no archive")
    with pytest.raises(UserError, match="cannot read"):
        score_path(path, None, "drop")


def test_inspect_errors_limits_and_scores(tmp_path: Path) -> None:
    log = files.inspect_log([files.tau_trial(t, 0, True) for t in range(6)])
    samples = log["samples"]
    samples[0]["error"] = {"message": "boom"}
    samples[1]["scores"] = {}
    samples[2]["scores"] = {"match": {"value": 0.5}}
    samples[3]["scores"] = {"match": {"value": True}}
    samples[4]["limit"] = {"type": "message"}
    events = [{"event": "model", "output": {"usage": {"input_tokens": 10, "output_tokens": 2}}}] * 3
    samples[5]["events"] = events
    del log["results"]
    cell, found = scored(files.write(tmp_path / "log.json", log))
    assert cell.missing.trials == 2
    assert values(cell) == [pytest.approx(3 / 4)]
    assert "1 x crashed: the sample holds an error" in notes(found)
    assert "1 x no score that is right or wrong" in notes(found)


@pytest.mark.parametrize(
    ("text", "format", "says"),
    [
        ("{}", None, "in no format that is known"),
        ('[{"a": 1}]', None, "in no format that is known"),
        ("", None, "in no format that is known"),
        ('[{"a": 1}]', "tau-bench", "no trial of"),
        ("hello", "openai", "no trial of"),
    ],
)
def test_nothing_to_read_is_one_clear_error(tmp_path: Path, text: str, format: str | None, says: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(UserError, match=says):
        score_path(path, format, "drop")
    with pytest.raises(UserError, match="no file or folder"):
        score_path(tmp_path / "none.json", None, "drop")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="nothing to score"):
        score_path(tmp_path / "empty", None, "drop")
