"""How `harnesslab trace` words what needs words."""

from __future__ import annotations

from typing import Any

import pytest

from harnesslab.cli._steps import print_steps
from harnesslab.store.columns import TrialStatus
from harnesslab.store.records import TrialText
from harnesslab.trace.recorder import LayerTable, TrialRecorder
from harnesslab.types import Completion, EventKind, FinishReason, ParseError, ParseErrorKind, Reuse, Status, Usage


def printed(recorder: TrialRecorder, layers: LayerTable, capsys: pytest.CaptureFixture[str], **more: Any) -> str:
    events, payload = recorder.finish(())
    facts: dict[str, Any] = {"end": "overflow", **more}
    print_steps(
        TrialText("0" * 32, "m/x/s", "t", 0, TrialStatus.FAILED, 0, 1.0, 0.0, facts, {}, events, payload), list(layers)
    )
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("generated", "text", "says"),
    [
        (0, "", "nothing was said: the prompt leaves no room in the context"),
        (56, "I was about to", "cut here: prompt and reply together fill the context"),
    ],
)
def test_an_overflow_says_what_did_not_fit(
    generated: int, text: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    layers = LayerTable()
    recorder = TrialRecorder(layers)
    error = None if text else ParseError(ParseErrorKind.EMPTY, "The conversation no longer fits the context.", "")
    usage = Usage(prompt=2000, generated=generated)
    reply = Completion(text, text, parse_error=error, finish_reason=FinishReason.OVERFLOW, usage=usage)
    recorder.event(EventKind.REPLY, turn=1, status=Status.OVERFLOW, completion=reply)
    recorder.event(EventKind.END, turn=1, status=Status.OVERFLOW, payload={"reason": "overflow", "n_ctx": 2056})
    out = printed(recorder, layers, capsys)
    assert "model says [overflow]" in out
    assert says in out
    assert "cannot be read" not in out
    assert "end: overflow (a context of 2,056 tokens)" in out
    assert "ended by overflow" in out


@pytest.mark.parametrize(
    ("reuse", "cached", "says"),
    [
        ("cells", 1012, "rewound: 1,012 tokens kept in cells, 28 computed"),
        ("state", 1012, "rewound: 1,012 tokens restored from a parked state, 28 computed"),
        ("", 1012, "rewound: 1,012 tokens from a cache, 28 computed"),
        ("", 0, "rewound: 1,040 tokens computed again"),
    ],
)
def test_the_reply_after_a_rewind_says_how_its_prompt_was_had(
    reuse: Reuse, cached: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    layers = LayerTable()
    recorder = TrialRecorder(layers)
    reply = Completion("Hm.", "Hm.", usage=Usage(prompt=1040, cached=cached), reuse=reuse)
    recorder.event(EventKind.REPLY, turn=1, completion=reply)
    recorder.event(EventKind.LAYER, turn=1, layer="rewind", payload={"cause": "a reply was empty"})
    recorder.event(EventKind.REPLY, turn=2, layer="rewind", completion=reply)
    recorder.event(EventKind.LAYER, turn=2, layer="retry", payload={"cause": "failed call"})
    recorder.event(EventKind.REPLY, turn=3, completion=reply)
    out = printed(recorder, layers, capsys)
    assert out.count("rewound: ") == 1
    second = out[out.index("--- turn 2") : out.index("--- turn 3")]
    assert says in second


@pytest.mark.parametrize(
    ("lost", "says"),
    [
        ("no return", ">>> point of no return: from here on the oracle could not have saved it"),
        ("answer", ">>> answer: all was done as asked, but for this statement"),
        ("stall", ">>> stall: from here on nothing more of what was asked was done"),
    ],
)
def test_where_a_trial_was_lost_is_marked(lost: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    recorder = TrialRecorder(LayerTable())
    for turn, text in enumerate(("First.", "Second.", "Third."), 1):
        recorder.event(EventKind.REPLY, turn=turn, completion=Completion(text, text))
    out = printed(recorder, LayerTable(), capsys, point={"lost": lost, "event": 1})
    assert out.index("First.") < out.index(says) < out.index("Second.")
    assert out.count(">>>") == 1
