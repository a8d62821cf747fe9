"""`kanto run`, but for its workers: theirs see instances by addresses that lead through the test's own wires."""

import sys
from collections.abc import Mapping
from dataclasses import replace

from kanto.refusal import Refusal
from kanto.run.command import build_plan, run
from kanto.run.home import Home
from kanto.run.redis_server import RedisServer
from kanto.run.settings import RunSettings
from kanto.run.supervisor import Plan


def build(settings: RunSettings, *, home: Home, server: RedisServer | None, environment: Mapping[str, str]) -> Plan:
    """The real plan with `tests.faults.worker` in the place of `worker`."""
    plan = build_plan(settings, home=home, server=server, environment=environment)
    parts = tuple(
        replace(part, words=(sys.executable, "-m", "tests.faults.worker")) if part.name.startswith("worker") else part
        for part in plan.parts
    )
    return replace(plan, parts=parts)


if __name__ == "__main__":
    try:
        sys.exit(run(build))
    except Refusal as refusal:
        print(f"kanto: {refusal}", file=sys.stderr)
        sys.exit(2)
