"""Own tasks without Python: a folder of TOML and JSON lines is a suite; see docs/suites.md.

read     files -> entries, each with its place      build    entries -> tasks, checked by their solutions
worlds   the built-in worlds an entry may name      command  runs a check command on a world's files
"""

from harnesslab.suites.folder.build import load_folder

__all__ = ["load_folder"]
