"""`kanto`, and `python -m kanto`."""

import sys

from kanto.parts import PARTS, become


def main() -> int:
    """The exit code. A part begins at once: what the other commands import takes longer than a part's own start."""
    words = sys.argv[1:]
    if words and words[0] in PARTS:
        become(words[0], words[1:])
    from kanto import commands  # noqa: PLC0415  (see above)

    return commands.main(words)


if __name__ == "__main__":
    sys.exit(main())
