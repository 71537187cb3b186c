"""`python -m harnesslab`: the command line, where the script is not on PATH."""

from harnesslab.cli import main

main()
