"""Files as other programs write them, made here from a seed, with answers that are known beforehand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

# How many of 50 tasks have 0, 1, 2, 3, 4 successes in 4 trials. By hand, with C(c,k)/C(4,k):
#   pass^1 = (12*1 + 10*2 + 4*3 + 10*4) / 4 / 50 = 84/200 = .420
#   pass^2 = (10*1 + 4*3 + 10*6) / 6 / 50        = 82/300 = .273
#   pass^3 = (4*1 + 10*4) / 4 / 50               = 44/200 = .220
#   pass^4 = 10 / 50                             = .200
SUCCESSES = [0] * 14 + [1] * 12 + [2] * 10 + [3] * 4 + [4] * 10
PASS_K = (84 / 200, 82 / 300, 44 / 200, 10 / 50)


def task(number: int, *, writes: bool = True, outputs: tuple[str, ...] = ()) -> dict[str, Any]:
    """A made-up errand in a library: look a loan up, and renew it."""
    actions = [{"name": "get_loan", "kwargs": {"loan_id": f"L{number}"}}]
    if writes:
        actions.append({"name": "renew_loan", "kwargs": {"loan_id": f"L{number}", "weeks": 2}})
    return {
        "user_id": f"reader_{number}",
        "instruction": f"You want loan L{number} renewed by two weeks.",
        "actions": actions,
        "outputs": list(outputs),
    }


def call(name: str, arguments: Any, id: str) -> dict[str, Any]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"id": id, "type": "function", "function": {"name": name, "arguments": text}}


def conversation(number: int, passed: bool, *, padding: int = 0) -> list[dict[str, Any]]:
    """One attempt at `task(number)`; one that fails renews by one week, after an error it repeats once."""
    loan = f"L{number}"
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "You work at the desk of a library." + " Be brief." * padding},
        {"role": "user", "content": f"Please renew {loan}."},
        {"role": "assistant", "content": None, "tool_calls": [call("get_loan", {"loan_id": loan}, "a")]},
        {"role": "tool", "tool_call_id": "a", "name": "get_loan", "content": json.dumps({"id": loan, "weeks": 1})},
    ]
    if not passed:
        bad = call("renew_loan", {"loan_id": loan, "weeks": 99}, "b")
        error = {"role": "tool", "tool_call_id": "b", "name": "renew_loan", "content": "Error: at most 4 weeks"}
        messages += [{"role": "assistant", "content": "", "tool_calls": [bad]}, error] * 2
    weeks = 2 if passed else 1
    renew = call("renew_loan", {"loan_id": loan, "weeks": weeks}, "c")
    return [
        *messages,
        {"role": "assistant", "content": "", "tool_calls": [renew]},
        {"role": "tool", "tool_call_id": "c", "name": "renew_loan", "content": json.dumps({"renewed": loan})},
        {"role": "assistant", "content": f"{loan} is renewed."},
        {"role": "user", "content": "###STOP###"},
    ]


def tau_trial(number: int, repeat: int, passed: bool, **more: Any) -> dict[str, Any]:
    """One element of a tau-bench results file; `more` replaces its keys."""
    reward = 1.0 if passed else 0.0
    made = task(number)
    info = {
        "task": made,
        "source": "user",
        "user_cost": 0.001,
        "reward_info": {"reward": reward, "info": {"r_actions": reward, "gt_data_hash": "0"}, "actions": []},
    }
    found = {"task_id": number, "trial": repeat, "reward": reward, "info": info, "traj": conversation(number, passed)}
    return {**found, **more}


def tau_trials(seed: int = 1) -> list[dict[str, Any]]:
    """50 tasks x 4 trials with SUCCESSES, trial after trial as tau-bench writes them, tasks in any order."""
    rng = np.random.default_rng(seed)
    counts = rng.permutation(SUCCESSES)
    passes = np.array([rng.permutation([1] * c + [0] * (4 - c)) for c in counts])
    return [tau_trial(int(t), r, bool(passes[t, r])) for r in range(4) for t in rng.permutation(50)]


def tau2_run(trials: list[dict[str, Any]]) -> dict[str, Any]:
    """The same trials as tau2 writes them."""
    tasks = {
        t["task_id"]: {
            "id": str(t["task_id"]),
            "user_scenario": {"instructions": t["info"]["task"]["instruction"]},
            "evaluation_criteria": {
                "actions": [
                    {"action_id": str(i), "name": a["name"], "arguments": a["kwargs"], "requestor": "assistant"}
                    for i, a in enumerate(t["info"]["task"]["actions"])
                ],
                "communicate_info": [],
                "reward_basis": ["DB", "COMMUNICATE"],
            },
        }
        for t in trials
    }
    return {
        "timestamp": "2026-01-01T00:00:00",
        "info": {"agent_info": {"llm": "some-model", "implementation": "llm_agent"}},
        "tasks": list(tasks.values()),
        "simulations": [tau2_simulation(t) for t in trials],
    }


def tau2_simulation(trial: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{trial['task_id']}-{trial['trial']}",
        "task_id": str(trial["task_id"]),
        "trial": trial["trial"],
        "seed": 1,
        "termination_reason": "user_stop",
        "reward_info": {"reward": trial["reward"]},
        "messages": [tau2_message(m) for m in trial["traj"]],
        "agent_cost": 0.01,
        "duration": 12.5,
    }


def tau2_message(message: dict[str, Any]) -> dict[str, Any]:
    found = {k: v for k, v in message.items() if k in ("role", "content")}
    if message["role"] == "tool":
        error = message["content"].startswith("Error")
        return {**found, "id": message["tool_call_id"], "requestor": "assistant", "error": error}
    if message.get("tool_calls"):
        found["tool_calls"] = [
            {
                "id": c["id"],
                "name": c["function"]["name"],
                "arguments": json.loads(c["function"]["arguments"]),
                "requestor": "assistant",
            }
            for c in message["tool_calls"]
        ]
    if message["role"] == "assistant":
        found["usage"] = {"prompt_tokens": 100, "completion_tokens": 10}
    return found


def inspect_log(trials: list[dict[str, Any]]) -> dict[str, Any]:
    """The same trials as Inspect writes them."""
    passed = sum(t["reward"] == 1.0 for t in trials)
    return {
        "version": 2,
        "status": "success",
        "eval": {"task": "library", "model": "vendor/some-model"},
        "plan": {"steps": [{"solver": "react"}]},
        "results": {"scores": [{"name": "match", "metrics": {"accuracy": {"value": passed / len(trials)}}}]},
        "samples": [inspect_sample(t) for t in trials],
    }


def inspect_sample(trial: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": trial["task_id"],
        "epoch": trial["trial"] + 1,
        "messages": [inspect_message(m) for m in trial["traj"]],
        "scores": {"match": {"value": "C" if trial["reward"] == 1.0 else "I"}},
        "model_usage": {"vendor/some-model": {"input_tokens": 400, "output_tokens": 40, "total_tokens": 440}},
        "total_time": 3.5,
    }


def inspect_message(message: dict[str, Any]) -> dict[str, Any]:
    found = {k: v for k, v in message.items() if k in ("role", "content")}
    if message["role"] == "tool":
        error = {"type": "unknown", "message": "no"} if message["content"].startswith("Error") else None
        return {**found, "tool_call_id": message["tool_call_id"], "function": message["name"], "error": error}
    if message.get("tool_calls"):
        found["tool_calls"] = [
            {"id": c["id"], "function": c["function"]["name"], "arguments": json.loads(c["function"]["arguments"])}
            for c in message["tool_calls"]
        ]
    return found


def openai_line(trial: dict[str, Any]) -> dict[str, Any]:
    """The same trial as one line of a chat log that also says which task it was and how it went."""
    tools = [
        tool("get_loan", {"loan_id": {"type": "string"}}),
        tool("renew_loan", {"loan_id": {"type": "string"}, "weeks": {"type": "integer", "maximum": 4}}),
    ]
    usage = {"prompt_tokens": 400, "completion_tokens": 40}
    facts = {"task_id": trial["task_id"], "trial": trial["trial"], "passed": trial["reward"] == 1.0}
    return {"model": "some-model", "messages": trial["traj"], "tools": tools, "usage": usage, **facts}


def tool(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": name, "parameters": schema}}


def write(path: Path, value: Any, *, indent: int | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=indent), encoding="utf-8")
    return path


def write_lines(path: Path, values: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(v) + "\n" for v in values), encoding="utf-8")
    return path
