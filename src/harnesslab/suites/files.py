"""The built-in world of text files: an in-memory folder, never the machine's. Table `files`: path -> {text}."""

from __future__ import annotations

from typing import Any

from harnesslab.suites.tools import ToolError, Toolkit
from harnesslab.suites.world import Row, World

MOST_FILES = 1_000
LONGEST_TEXT = 200_000  # characters
LONGEST_PATH = 200  # bytes


def clean_path(path: str) -> str:
    """The path as the world keeps it: relative, with single slashes.

    Raises:
        ToolError: it is absolute, leaves the folder, or is no path at all.
    """
    parts = [part for part in path.strip().split("/") if part != "."]
    if (
        not any(parts)
        or "" in parts
        or ".." in parts
        or not path.isprintable()
        or len(path.encode()) > LONGEST_PATH
        or "\\" in path
        or ":" in path
    ):
        raise ToolError(f"bad path {path[:60]!r}", expected="a relative path such as notes/today.txt")
    return "/".join(parts)


def _file(world: World, path: str) -> tuple[str, Row]:
    name = clean_path(path)
    row = world.get("files", name)
    if row is None:
        raise ToolError(f"no file {name}")
    return name, row


def _put(world: World, name: str, text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise ToolError("the text is too long")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ToolError("the text is no Unicode") from None
    if world.get("files", name) is None:
        names = list(world.ids("files"))
        if len(names) >= MOST_FILES:
            raise ToolError("too many files")
        folders = {name[:i] for i, c in enumerate(name) if c == "/"}
        if any(other in folders or other.startswith(f"{name}/") for other in names):
            raise ToolError(f"{name} is in the way of another file or folder")
    world.put("files", name, {"text": text})


def list_files(world: World, folder: str = "") -> Any:
    """List the paths of all files, or of those in one folder."""
    if folder.strip() in ("", ".", "/"):
        return list(world.ids("files"))
    inside = clean_path(folder.strip().rstrip("/")) + "/"
    return [path for path in world.ids("files") if path.startswith(inside)]


def read_file(world: World, path: str) -> str:
    """Read a file's whole text."""
    text: str = _file(world, path)[1]["text"]
    return text


def find_text(world: World, text: str) -> Any:
    """Find a text in all files: path, line number and line of each place."""
    if not text:
        raise ToolError("nothing to find")
    found = []
    for path in world.ids("files"):
        row = world.get("files", path)
        for number, line in enumerate((row or {"text": ""})["text"].splitlines(), 1):
            if text in line:
                found.append({"path": path, "line": number, "text": line})
    return found[:50]


def write_file(world: World, path: str, text: str) -> str:
    """Write a file's whole text; the file is made if there is none."""
    name = clean_path(path)
    _put(world, name, text)
    return f"wrote {name}"


def replace_text(world: World, path: str, old: str, new: str) -> str:
    """Replace a text that stands exactly once in a file."""
    name, row = _file(world, path)
    count = row["text"].count(old) if old else 0
    if count != 1:
        raise ToolError(f"the text stands {count} times in {name}", expected="a text that stands there once")
    _put(world, name, row["text"].replace(old, new))
    return f"wrote {name}"


def move_file(world: World, path: str, to: str) -> str:
    """Move or rename a file."""
    name, row = _file(world, path)
    target = clean_path(to)
    if world.get("files", target) is not None:
        raise ToolError(f"there is a file {target}")
    world.delete("files", name)
    _put(world, target, row["text"])
    return f"moved to {target}"


def delete_file(world: World, path: str) -> str:
    """Delete a file."""
    name, _ = _file(world, path)
    world.delete("files", name)
    return f"deleted {name}"


KIT = Toolkit(reads=(list_files, read_file, find_text), writes=(write_file, replace_text, move_file, delete_file))
