"""README's tour, command by command as a newcomer types it, and what it says that kanto answers."""

import os
import re
from pathlib import Path

from tests import commands
from tests.e2e.conftest import MakeService

pytestmark = commands.NEEDS_PROGRAMS

README = commands.ROOT / "README.md"
TOUR = re.compile(r"<!-- tour -->(.*)<!-- end of tour -->", re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)\n((?:[^$`].*\n)*)", re.MULTILINE)
"""A command after its `$ `, and the lines of its answer, if the page has them."""

SHOWN_ENDPOINT = "http://127.0.0.1:20000"
SHOWN_JOB = "<the job's id>"
"""What a reader puts his own in the place of."""


def tour() -> list[tuple[str, str]]:
    """The commands in their order, each with the answer that is shown, or an empty text."""
    found = TOUR.search(README.read_text(encoding="utf-8"))
    assert found
    return COMMAND.findall(found[1])


def pattern(shown: str) -> str:
    """What an answer has to match: `...` is anything, and lines are broken for the page alone."""
    escaped = re.escape(shown.strip().replace("\n ", ""))
    return escaped.replace(re.escape("..."), ".*").replace(re.escape(SHOWN_ENDPOINT), r"http://127\.0\.0\.1:\d+")


def test_the_tour_goes_as_it_is_told(make_service: MakeService, tmp_path: Path) -> None:
    service = make_service()
    steps = tour()
    assert len(steps) >= 10
    own = {"127.0.0.1:8080": f"127.0.0.1:{service.port}", SHOWN_ENDPOINT: "", SHOWN_JOB: ""}
    variables, shown_answers = "", 0
    for command, shown in steps:
        typed = command.replace("curl ", "curl -sS ", 1)
        for word, mine in own.items():
            typed = typed.replace(word, mine)
        if not typed.startswith("curl "):
            variables += f"{typed}\n"
            continue
        answer = commands.run(variables + typed, folder=tmp_path, environment={"PATH": os.environ["PATH"]}).strip()
        assert '"status":"error"' not in answer, f"{typed}: {answer}"
        assert not shown or re.fullmatch(pattern(shown), answer), f"{typed}: {answer}"
        shown_answers += bool(shown)
        for word, name in ((SHOWN_ENDPOINT, "Endpoint"), (SHOWN_JOB, "Job")):
            if found := re.search(rf'"{name}":"([^"]+)"', answer):
                own[word] = found[1]
    assert shown_answers >= 4
    user = service.user()
    assert user.ended(own[SHOWN_JOB])["status"] == "succeeded"
    assert [one["Tag"] for one in user.result("list")] == ["another"]
