"""Gives the programs that kanto's chart and alerts are tested with, built once per machine from their Go modules.

python -m dev.tools NAME    the path of helm, kubeconform or promtool, on standard output
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dev import golang

SOURCES = Path(__file__).resolve().parent
TOOLS = ("helm", "kubeconform", "promtool")
"""Each a folder beside this file, whose go.mod and go.sum say what is built."""


def main(words: Sequence[str]) -> int:
    """The exit status: 0, or 2 with a sentence."""
    if len(words) != 1 or words[0] not in TOOLS:
        say(f"say which: one of {', '.join(TOOLS)}")
        return 2
    try:
        sys.stdout.write(f"{find(words[0])}\n")
    except golang.BuildError as error:
        say(str(error))
        return 2
    return 0


def find(name: str) -> Path:
    """The program of this name, built if it is missing; BuildError when that fails."""
    if words := golang.missing():
        raise golang.BuildError(f"{name} is built from its Go modules. Missing here: {words}.")
    recipe = golang.Recipe(SOURCES, {name: "-s -w"}, "tool")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kanto" / "tools"
    programs = cache / f"{name}-{recipe.fingerprint()}"
    golang.ensure(recipe, programs, say, told=f"building {name} from its Go modules: some minutes, once per machine")
    return programs / name


def say(line: str) -> None:
    sys.stderr.write(f"tools: {line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
