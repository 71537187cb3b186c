"""Runs a check command: the user's own program, on files that a model wrote.

The command is an argument list and is never seen by a shell, and nothing a model wrote becomes part of it: the world's
files lie in the folder it is run in, the answer comes on its standard input. It runs with the user's rights: this is
no sandbox. What it writes beside those files is left alone; processes it leaves behind are ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_LONGEST = 200  # characters of the reason that is kept


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `suite` is the folder's full path, which the command finds in $HARNESSLAB_SUITE."""

    arguments: tuple[str, ...]
    suite: str
    timeout: float

    def run(self, files: dict[str, str], answer: str) -> str:
        """ "" if it exits with 0, else in one line why not. Equal files and answers are asked about once.

        Args:
            files: relative path -> text.
        """
        return _run(self, tuple(sorted(files.items())), answer)


@lru_cache(maxsize=4096)
def _run(command: Command, files: tuple[tuple[str, str], ...], answer: str) -> str:
    with tempfile.TemporaryDirectory(prefix="harnesslab-check-", ignore_cleanup_errors=True) as name:
        world, said, output = Path(name, "world"), Path(name, "answer"), Path(name, "output")
        world.mkdir()
        for path, text in files:
            (world / path).parent.mkdir(parents=True, exist_ok=True)
            (world / path).write_text(text, encoding="utf-8", newline="")
        said.write_text(answer, encoding="utf-8", errors="replace", newline="")
        with said.open("rb") as stdin, output.open("wb") as stdout:
            try:
                process = subprocess.Popen(
                    command.arguments,
                    cwd=world,
                    env={**os.environ, "HARNESSLAB_SUITE": command.suite},
                    stdin=stdin,
                    stdout=stdout,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as e:
                return f"the check command does not start: {e.strerror or e}"
            try:
                status = process.wait(command.timeout)
            except subprocess.TimeoutExpired:
                return f"the check command took longer than {command.timeout:g} s"
            finally:
                _end(process)
        if status == 0:
            return ""
        return f"the check command exits with {status}{_last_line(output)}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the command and all it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(output: Path) -> str:
    with output.open("rb") as file:
        file.seek(max(0, output.stat().st_size - 4_000))
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    clean = "".join(c for c in lines[-1] if c.isprintable())[:_LONGEST] if lines else ""
    return f": {clean}" if clean else ""
