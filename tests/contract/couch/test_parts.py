"""The tests of the stand-in's own parts, which are in its language."""

import subprocess
from pathlib import Path

from tests.contract.couch.standin import find_node

FOLDER = Path(__file__).parents[3] / "dev" / "couchdb"


def test_the_parts_of_the_stand_in_do_what_they_say() -> None:
    files = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.glob("test/*.test.js"))
    assert files
    ran = subprocess.run(
        [find_node(), "--test", *files], cwd=FOLDER, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr[-2_000:]
