"""Builds kanto's images.

python -m dev.image [--base IMAGE] [--tag TAG] [TARGET...]   with docker, podman or buildah, whichever is there
python -m dev.image --own --save FILE [TARGET...]            with podman on a folder and a base image of the tests' own,
                                                             into an archive that `docker load` and the lab read
python -m dev.image --own --needs                            only see that this machine has what that needs, and install
                                                             what can be
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dev.image import own
from dev.image.build import TARGETS, ImageError, build, find_engine


def main(words: Sequence[str]) -> int:
    """The exit status: 0, or 2 with a sentence when it could not be done."""
    parser = argparse.ArgumentParser(
        prog="python -m dev.image", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of the Dockerfile: {', '.join(TARGETS)} (all)")
    parser.add_argument("--base", help="the image with Python 3.11 to build on, instead of the Dockerfile's own")
    parser.add_argument("--tag", default="latest", help="the images' tag (latest)")
    parser.add_argument("--own", action="store_true", help="use podman with images and a base of the tests' own")
    parser.add_argument("--needs", action="store_true", help="with --own: build nothing")
    parser.add_argument("--save", type=Path, metavar="FILE", help="with --own: write the images into this archive")
    asked = parser.parse_args(words)
    targets = asked.targets or list(TARGETS)
    if unknown := [target for target in targets if target not in TARGETS]:
        parser.error(f"there is no target {unknown[0]}: choose from {', '.join(TARGETS)}")
    if asked.needs and not asked.own:
        parser.error("--needs goes with --own")
    if asked.save and not asked.own:
        parser.error("--save goes with --own; images that you built yourself are saved by your engine")
    try:
        if asked.own:
            engine = own.podman(say)
            if asked.needs:
                return 0
            engine.build(targets, asked.tag, say)
            if asked.save:
                engine.save(targets, asked.tag, asked.save)
                say(f"written: {asked.save}")
        else:
            build(find_engine(), targets, asked.tag, say, base=asked.base)
    except ImageError as error:
        say(str(error))
        return 2
    return 0


def say(line: str) -> None:
    sys.stderr.write(f"image: {line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
