"""The command line: what each word after `kanto` does."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from common.version import own_version
from kanto import clusters as of_clusters
from kanto import users as of_users
from kanto.parts import PARTS, become
from kanto.refusal import Refusal
from kanto.report import report
from kanto.run.command import run
from kanto.run.settings import load

EPILOG = """\
settings are environment variables; those that `kanto run` reads itself:
  KANTO_HOME        where data lies (.kanto)
  KANTO_BIND        the address that the api listens on (127.0.0.1)
  KANTO_PORT        its port (8080)
  KANTO_WORKERS     how many workers to run (2)
  KANTO_REDIS_URL   a Redis that runs already; unset: one of our own is started
  NO_COLOR          any value: no colours

All settings are in the README.
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line, as `kanto --help` tells it."""
    parser = argparse.ArgumentParser(
        prog="kanto",
        description="Rings of independent CouchDB instances behind one endpoint, with one request.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"kanto {own_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    commands.add_parser(
        "run",
        help="the whole service in the foreground: Redis, the api and the workers",
        description="Start Redis, the api and the workers, start again what dies, and end all on Ctrl-C. Data stays.",
    )
    for part, (words, what) in PARTS.items():
        alone = commands.add_parser(part, help=f"{what}, as `python -m {' '.join(words)}`", add_help=False)
        alone.add_argument("rest", nargs=argparse.REMAINDER)
    telling = commands.add_parser(
        "report",
        help="one archive on one cluster, for a report of a mistake: no secret is in it",
        description="Write versions, settings, the cluster's state, plan, latest steps and jobs into one archive.",
    )
    telling.add_argument("user")
    telling.add_argument("cluster_tag")
    telling.add_argument("--output", type=Path, metavar="FILE", help="default: kanto-report-CLUSTER_TAG.tar.gz")
    of_users.add_parser(commands)
    of_clusters.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 2 when something has to be put right first, and a sentence says what."""
    parsed = build_parser().parse_args(arguments)
    if parsed.command in PARTS:
        become(parsed.command, parsed.rest)
    try:
        if parsed.command == "report":
            print(report(parsed.user, parsed.cluster_tag, output=parsed.output, settings=load()))  # noqa: T201
            return 0
        if parsed.command in ("users", "clusters"):
            carry_out = of_users.users if parsed.command == "users" else of_clusters.clusters
            for line in carry_out(parsed, load()):
                print(line, flush=True)  # noqa: T201
            return 0
        return run()
    except Refusal as refusal:
        print(f"kanto: {refusal}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        return 130
