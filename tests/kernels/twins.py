"""Slow, obvious twins of the kernels, written from docs/metrics.md and not from the kernels."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, product
from math import comb

from harnesslab_kernels import events as ev

ERRORS = ("UNPARSEABLE", "UNKNOWN_TOOL", "INVALID", "TOOL_ERROR", "OTHER")
RECOVERY = (
    *("FAILURES", "EPISODES", "RECOVERED", "ABANDONED", "EXHAUSTED"),
    *("ADAPTIVE", "IDENTICAL", "ALTERNATING", "PERIODIC", "NO_PROGRESS", "UNFOLLOWED"),
    *("REDUNDANT", "LOOPS_IDENTICAL", "LOOPS_ALTERNATING", "LOOPS_PERIODIC", "LOOPS_NO_PROGRESS"),
    *(f"{what}_{error}" for what in ("OPENED", "CURED") for error in ERRORS),
)


def replies_that_fitted(events):
    return [e for e in events if e["kind"] == ev.REPLY and not (e["status"] == ev.OVERFLOW and e["generated"] == 0)]


def parse(events):
    replies = replies_that_fitted(events)
    parsed = [e for e in replies if e["status"] == ev.OK and not wrong_form(e, events)]
    return {"REPLIES": len(replies), "PARSED": len(parsed), "ALL_PARSED": int(0 < len(replies) == len(parsed))}


def wrong_form(reply, events):
    """Whether an END says of this reply, the last before it, that it does not have the form that was asked for."""
    after = events[next(i for i, e in enumerate(events) if e is reply) + 1 :]
    until = next((i for i, e in enumerate(after) if e in replies_that_fitted([e])), len(after))
    return any(e["kind"] == ev.END and e["status"] == ev.UNPARSEABLE for e in after[:until])


def unparsed(e):
    cut = e["status"] == ev.LENGTH and not e["flags"] & ev.ANSWER
    return e["kind"] == ev.REPLY and (e["status"] == ev.UNPARSEABLE or cut)


def ladder(events):
    main = [e for e in events if e["branch"] == 0]
    calls = [e for e in main if e["kind"] == ev.CALL]
    known = [e for e in calls if e["flags"] & ev.KNOWN_TOOL]
    valid = [e for e in known if e["flags"] & ev.SCHEMA_VALID]
    executed = [e for e in valid if e["flags"] & ev.REACHED and e["status"] == ev.OK]
    matched = [e for e in executed if e["oracle"] >= 0]
    return {
        "ATTEMPTS": len(calls) + sum(unparsed(e) for e in main),
        "CALLS": len(calls),
        "KNOWN": len(known),
        "VALID": len(valid),
        "EXECUTED": len(executed),
        "MATCHED": len(matched),
        "REACHED": sum(bool(e["flags"] & ev.REACHED) for e in calls),
    }


def first_attempts(events, oracle):
    """`oracle` is [(action, tool)]."""
    calls = [(e["action"], e["tool"]) for e in events if e["kind"] == ev.CALL and e["branch"] == 0]
    hits = 0
    for tool in {t for _, t in oracle}:
        due = [a for a, t in oracle if t == tool]
        made = [a for a, t in calls if t == tool][: len(due)]
        hits += sum((Counter(due) & Counter(made)).values())
    return {"FIRST_HITS": hits, "FIRST_DUE": len(oracle)}


def budget(events):
    out = Counter({"PROMPT": 0, "CACHED": 0, "GENERATED": 0, "AFTER_ERROR": 0, "TOOL_CALLS": 0, "ERRED": 0})
    out.update({"COMPUTED": 0, "ALONE": 0, "OWN_UNKNOWN": 0})
    for e in replies_that_fitted(events):
        out["COMPUTED"] += 0 if e["flags"] & ev.MEMO else e["prompt"] - e["cached"] + e["generated"]
        out["ALONE"] += e["prompt"] - e["own"] + e["generated"] if e["own"] != -1 else 0
        out["OWN_UNKNOWN"] += e["own"] == -1
    for e in events:
        if e["kind"] == ev.REPLY:
            out["PROMPT"] += e["prompt"]
            out["CACHED"] += e["cached"]
            out["GENERATED"] += e["generated"]
            out["AFTER_ERROR"] += (e["prompt"] + e["generated"]) * out["ERRED"]
        out["TOOL_CALLS"] += e["kind"] == ev.CALL
        bad_call = e["kind"] == ev.CALL and e["status"] not in (ev.OK, ev.SKIPPED)
        if e["branch"] == 0 and (unparsed(e) or bad_call):
            out["ERRED"] = 1
    return dict(out)


def actions_of(events):
    """The actions of the main branch: calls and unparseable replies, a call once per turn."""
    seen = set()
    actions = []
    for i, e in enumerate(events):
        if e["branch"] != 0:
            continue
        if unparsed(e):
            text = e["result"] or f"#{i}"
            actions.append(
                {"id": ("reply", text), "ok": False, "key": "any", "tool": None, "result": None, "at": i, **e}
            )
        elif e["kind"] == ev.CALL and e["status"] != ev.SKIPPED:
            if (e["turn"], e["action"]) in seen:
                continue
            seen.add((e["turn"], e["action"]))
            actions.append(
                {
                    **e,
                    "id": ("call", e["action"]),
                    "ok": e["status"] == ev.OK,
                    "key": "any" if e["status"] == ev.UNKNOWN_TOOL else e["tool"],
                    "at": i,
                }
            )
    return actions


def alternating_at(actions, i):
    window = actions[i - 5 : i + 1] if i >= 5 else []
    ids = [a["id"] for a in window]
    turns = [a["turn"] for a in window]
    return bool(window) and ids[0] != ids[1] and ids == ids[:2] * 3 and turns == sorted(set(turns))


def stuck_at(actions, i):
    window = actions[i - 4 : i + 1] if i >= 4 else []
    if not window or any(a["kind"] != ev.CALL or a["result"] == 0 for a in window):
        return False
    same = len({(a["tool"], a["result"]) for a in window}) == 1
    return same and all(a["id"] != b["id"] for a, b in pairwise(window))


def repeats_failure_at(actions, i):
    if i == 0:
        return False
    before = actions[i - 1]
    return not before["ok"] and not before["flags"] & ev.TRANSIENT and before["id"] == actions[i]["id"]


def repeats(ids, period):
    return all(a == b for a, b in zip(ids, ids[period:], strict=False))


def cycles_at(actions):
    """For each action the period of the cycle that goes on there, 0: none; and whether it begins there."""
    ids = [a["id"] for a in actions]
    found, period = [], 0
    for i in range(len(ids)):
        if period and ids[i] == ids[i - period]:
            found.append((period, False))
            continue
        period = 0
        for p in range(3, len(ids)):
            window = ids[i + 1 - 3 * p : i + 1] if 3 * p <= i + 1 else []
            if window and repeats(window, p):
                period = 0 if repeats(window, 1) or repeats(window, 2) else p
                break
        found.append((period, period > 0))
    return found


def path_of(actions, first, last, key):
    """The path of an episode opened at `first`, with its last action at `last`."""
    if first == last:
        return "UNFOLLOWED"
    cycles = cycles_at(actions)
    for i in range(first + 1, last + 1):
        if repeats_failure_at(actions, i) and actions[i]["key"] == key:
            return "IDENTICAL"
        if alternating_at(actions, i) and i - 5 >= first:
            return "ALTERNATING"
        period = cycles[i][0]
        if period and i + 1 - 3 * period >= first:
            return "PERIODIC"
        if stuck_at(actions, i) and i - 4 >= first:
            return "NO_PROGRESS"
    return "ADAPTIVE"


def recovery(events):
    actions = actions_of(events)
    out = Counter(dict.fromkeys(RECOVERY, 0))
    replies = [e for e in events if e["kind"] == ev.REPLY and e["branch"] == 0]
    answered = bool(replies) and bool(replies[-1]["flags"] & ev.ANSWER)
    busy_until = {}
    for i, action in enumerate(actions):
        if action["ok"]:
            continue
        out["FAILURES"] += 1
        key = action["key"]
        if busy_until.get(key, -1) >= i:
            continue
        cure = next((j for j in range(i + 1, len(actions)) if cures(actions[j], key)), None)
        busy_until[key] = len(actions) if cure is None else cure
        out["EPISODES"] += 1
        out["RECOVERED" if cure is not None else "ABANDONED" if answered else "EXHAUSTED"] += 1
        out[f"OPENED_{error_of(action)}"] += 1
        out[f"CURED_{error_of(action)}"] += cure is not None
        out[path_of(actions, i, len(actions) - 1 if cure is None else cure, key)] += 1
    out["LOOPS_PERIODIC"] = sum(begins for _, begins in cycles_at(actions))
    for i in range(len(actions)):
        run = 1
        while run <= i and actions[i - run]["id"] == actions[i]["id"]:
            run += 1
        out["LOOPS_IDENTICAL"] += run == 3
        out["LOOPS_ALTERNATING"] += alternating_at(actions, i) and not alternating_at(actions, i - 1)
        out["LOOPS_NO_PROGRESS"] += stuck_at(actions, i) and not stuck_at(actions, i - 1)
        out["REDUNDANT"] += redundant_at(events, actions, i)
    return dict(out)


def error_of(action):
    if action["kind"] == ev.REPLY:
        return "UNPARSEABLE"
    named = {ev.UNKNOWN_TOOL: "UNKNOWN_TOOL", ev.INVALID_ARGUMENTS: "INVALID", ev.TOOL_ERROR: "TOOL_ERROR"}
    return named.get(action["status"], "OTHER")


def cures(action, key):
    return action["ok"] and key in ("any", action["tool"])


def redundant_at(events, actions, i):
    now = actions[i]
    if not now["ok"]:
        return False
    for was in actions[:i]:
        wrote = any(e["kind"] == ev.EXEC and e["flags"] & ev.WROTE for e in events[was["at"] : now["at"]])
        if was["ok"] and was["id"] == now["id"] and was["result"] == now["result"] and not wrote:
            return True
    return False


def trial(events, oracle):
    """Every column of one trial, by name."""
    return {**parse(events), **ladder(events), **first_attempts(events, oracle), **recovery(events), **budget(events)}


def standalone(events):
    """[batch, prefill, decode, context, context_tiled, draw] of one trial, token by token; None if not known."""
    replies = replies_that_fitted(events)
    if any(e["own"] == -1 for e in replies):
        return None
    batch = prefill = decode = context = tiled = draw = 0
    for e in replies:
        new = range(e["own"], e["prompt"])  # positions computed for the prompt
        said = range(e["prompt"], e["prompt"] + e["generated"])
        batch += 1
        prefill += len(new) + e["forced"]
        decode += len(said) - e["forced"]
        draw += len(said) - e["forced"] + 1
        context += sum(said)  # a token at position i has i tokens before it
        if len(new) >= 64:
            tiled += sum(new)
        else:
            context += sum(new)
    return [batch, prefill, decode, context, tiled, draw]


def pass_hat(n, c, k):
    return comb(c, k) / comb(n, k) if n >= k else None


def pass_at(n, c, k):
    return 1 - comb(n - c, k) / comb(n, k) if n >= k else None


def sign_flip(differences):
    live = [d for d in differences if d]
    if not live:
        return 1.0
    seen = abs(sum(live))
    far = [
        abs(sum(s * d for s, d in zip(signs, live, strict=True))) >= seen - 1e-9
        for signs in product((1, -1), repeat=len(live))
    ]
    return sum(far) / len(far)


M64 = (1 << 64) - 1


def mix(seed, a, b):
    z = (seed + (a + 1) * 0x9E3779B97F4A7C15 + (b + 1) * 0xD1B54A32D192ED03) & M64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return z ^ (z >> 31)


def sign_flip_drawn(differences, replicates, seed):
    """With random signs: bit i of a stream of 64-bit words says whether number i keeps its sign."""
    seen = abs(sum(differences))
    hits = 0
    for r in range(replicates):
        bits = [mix(seed, r, i - i % 64) >> i % 64 & 1 for i in range(len(differences))]
        flipped = sum(d if bit else -d for d, bit in zip(differences, bits, strict=True))
        hits += abs(flipped) >= seen - 1e-9 * sum(map(abs, differences))
    return (1 + hits) / (1 + replicates)


def bootstrap_sums(rows, replicates, seed):
    draws = [[((mix(seed, r, i) >> 32) * len(rows)) >> 32 for i in range(len(rows))] for r in range(replicates)]
    return [[sum(rows[i][j] for i in draw) for j in range(len(rows[0]))] for draw in draws]


def benjamini_hochberg(p):
    """The smallest rate at which the step-up procedure rejects each hypothesis."""
    m = len(p)
    rank = {i: r for r, i in enumerate(sorted(range(m), key=lambda i: p[i]), start=1)}
    return [min([1.0] + [p[j] * m / rank[j] for j in range(m) if rank[j] >= rank[i]]) for i in range(m)]


def departure(events, oracle):
    """(kind, call, cost) of the alignment that costs least and, among those, departs last.

    `oracle` is [(action, tool)]. Every alignment is tried from the front, so it is known at once where one departs.
    """
    calls = []
    for i, e in enumerate(events):
        if e["kind"] == ev.CALL and e["branch"] == 0 and e["status"] != ev.SKIPPED:
            caused = []
            for later in events[i + 1 :]:
                if later["kind"] in (ev.CALL, ev.REPLY):
                    break
                caused.append(later)
            wrote = any(c["kind"] == ev.EXEC and c["flags"] & ev.WROTE for c in caused)
            calls.append((e["action"], e["tool"], wrote))
    never = 2**40
    known = {}

    def best(i, j):
        if (i, j) == (len(calls), len(oracle)):
            return (0, -never, 0)
        if (i, j) not in known:
            ways = []
            if j < len(oracle):
                ways.append(step(2, i, 3, best(i, j + 1)))
            if i < len(calls):
                ways.append(step(2 if calls[i][2] else 0, i, 2, best(i + 1, j)))
            if i < len(calls) and j < len(oracle) and calls[i][1] == oracle[j][1]:
                ways.append(step(0 if calls[i][0] == oracle[j][0] else 2, i, 1, best(i + 1, j + 1)))
            known[i, j] = min(ways)
        return known[i, j]

    def step(cost, at, kind, rest):
        return (cost + rest[0], -at, kind) if cost else rest

    cost, at, kind = best(0, 0)
    return kind, -1 if at == -never else -at, cost


def attribute(times, joules, start, end):
    """(joules of each trial, idle): time is cut wherever anything happens; a slice belongs to those alive in it."""

    def total(when):
        if when <= times[0]:
            return joules[0]
        for (t0, t1), (j0, j1) in zip(pairwise(times), pairwise(joules), strict=True):
            if when <= t1:
                return j0 + (j1 - j0) * (when - t0) / (t1 - t0)
        return joules[-1]

    charged, idle = [0.0] * len(start), 0.0
    for t0, t1 in pairwise(sorted({*times, *start, *end})):
        alive = [i for i in range(len(start)) if start[i] <= t0 and t1 <= end[i]]
        spent = total(t1) - total(t0)
        for i in alive:
            charged[i] += spent / len(alive)
        idle += 0.0 if alive else spent
    return charged, idle


def sum_rows(rows, group, groups):
    mine = [[row for row, g in zip(rows, group, strict=True) if g == wanted] for wanted in range(groups)]
    return [[sum(row[j] for row in own) for j in range(2)] for own in mine]
