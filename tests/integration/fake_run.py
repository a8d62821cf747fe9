"""`kanto run` with other children: each argument is NAME=BEHAVIOUR of fake_part. All else is the real thing."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from kanto.refusal import Refusal
from kanto.run.child import Command
from kanto.run.command import build_plan, run
from kanto.run.home import Home
from kanto.run.redis_server import RedisServer
from kanto.run.settings import RunSettings
from kanto.run.supervisor import Plan

PART = str(Path(__file__).with_name("fake_part.py"))


def build(settings: RunSettings, *, home: Home, server: RedisServer | None, environment: Mapping[str, str]) -> Plan:
    """The real plan with the fakes in the place of the api, the workers and the stop command."""
    plan = build_plan(settings, home=home, server=server, environment=environment)
    shared = plan.parts[0].environment

    def fake(name: str, behaviour: str) -> Command:
        return Command(name, (sys.executable, PART, behaviour), shared)

    parts = tuple(fake(*argument.split("=")) for argument in sys.argv[1:])
    return replace(plan, parts=parts, stop=fake("stop", "stop"))


if __name__ == "__main__":
    try:
        sys.exit(run(build))
    except Refusal as refusal:
        print(f"kanto: {refusal}", file=sys.stderr)
        sys.exit(2)
