"""Makes what the chart's tests need (helm, the images, schemas), brings a lab up, and runs them inside of it.

With arguments, what pytest makes of them.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from dev.golang import BuildError
from dev.image import own
from dev.image.build import ImageError
from dev.tools.__main__ import find, find_schemas
from tests.chart.parts import ARCHIVE, HELM, IMAGES, SCHEMAS, SWITCH, TAG

HERE = Path(__file__).parent
LAB = HERE.parents[1] / "dev" / "kubernetes" / "bin" / "lab"


def main(words: Sequence[str]) -> int:
    """pytest's exit status; 2 with a sentence when something that is needed is missing."""
    try:
        engine = own.podman(say)
        engine.build(IMAGES, TAG, say)
        archive = engine.folder / f"chart-{TAG}.tar"
        engine.save(IMAGES, TAG, archive)
        made = {HELM: str(find("helm")), ARCHIVE: str(archive), SCHEMAS: os.pathsep.join(map(str, find_schemas()))}
    except (ImageError, BuildError) as error:
        say(str(error))
        return 2
    command = [
        sys.executable,
        str(LAB),
        "run",
        "--",
        sys.executable,
        "-m",
        "pytest",
        str(HERE),
        "--durations=10",
        *words,
    ]
    return subprocess.run(command, env={**os.environ, **made, SWITCH: "1"}, check=False).returncode


def say(line: str) -> None:
    sys.stderr.write(f"chart: {line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
