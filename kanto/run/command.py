"""`kanto run` from settings to exit code: look first, refuse in a sentence, and only then start anything."""

import asyncio
import os
import random
import shutil
import sys
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

from common.environment import unknown_names
from kanto.refusal import Refusal
from kanto.run import ports, probes, redis_server
from kanto.run.banner import build_banner, reachable
from kanto.run.child import Command
from kanto.run.home import Home, describe, hold
from kanto.run.lines import Log, is_coloured
from kanto.run.processes import Ledger, end_all
from kanto.run.redis_server import RedisServer
from kanto.run.settings import RunSettings, load
from kanto.run.supervisor import Plan, Supervisor


class PlanBuilder(Protocol):
    """Says what to start; tests have one that starts other things."""

    def __call__(
        self, settings: RunSettings, *, home: Home, server: RedisServer | None, environment: Mapping[str, str]
    ) -> Plan:
        """Build the plan of one run."""
        ...


def run(build: PlanBuilder | None = None) -> int:
    """Run all until told to stop; 0 then. Raises Refusal when something has to be put right first."""
    settings = load()
    environment = without_unknown(os.environ)
    with hold(settings.home) as home:
        ledger = Ledger(home.ledger)
        end_left_over(ledger)
        ports.check(settings.bind, settings.port)
        try:
            server = redis_server.prepare(home, chance=random.SystemRandom()) if settings.has_own_redis else None
        except OSError as error:
            raise Refusal(describe(home.path, error)) from error
        if server is None:
            check_redis(settings.redis_url)
        plan = (build or build_plan)(settings, home=home, server=server, environment=environment)
        supervise(plan, ledger=ledger)
    return 0


def without_unknown(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what looks like a setting and is none, which is told here, once for all processes."""
    unknown = unknown_names(environment)
    for name, meant in unknown.items():
        hint = f"; did you mean {meant}?" if meant else ""
        Log(sys.stdout, names=(), coloured=False).say(f"{name} is no setting of kanto's and changes nothing{hint}")
    return {name: value for name, value in environment.items() if name not in unknown}


def end_left_over(ledger: Ledger) -> None:
    """End what a run that was killed outright left, where the kernel did not (launch.py), or not yet.

    Instances are not among it: they belong to the workers, which take them over.
    """
    if left := ledger.left_over():
        names = ", ".join(process.name for process in left)
        Log(sys.stdout, names=(), coloured=False).say(f"an earlier run was killed; ending what it left: {names}")
        end_all(left)


def supervise(plan: Plan, *, ledger: Ledger) -> None:
    """Run a plan in this process, with its log on standard output."""
    log = Log(sys.stdout, names=plan.names, coloured=is_coloured(sys.stdout, os.environ))
    asyncio.run(Supervisor(plan, log=log, ledger=ledger).run())
    if log.is_lost:  # what is left in its buffer would be an error at exit (docs.python.org, "Note on SIGPIPE")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_redis(url: str) -> None:
    """A Refusal when a person names a Redis that does not answer."""
    reason = probes.why_no_redis(url)
    if reason is not None:
        raise Refusal(
            f"The Redis that KANTO_REDIS_URL names ({without_password(url)}) does not answer: {reason}. Start it, or "
            "unset KANTO_REDIS_URL, and kanto starts one of its own."
        )


def without_password(url: str) -> str:
    """The address alone."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def build_plan(
    settings: RunSettings, *, home: Home, server: RedisServer | None, environment: Mapping[str, str]
) -> Plan:
    """What to start, in words and environments."""
    url = server.url if server else settings.redis_url
    shared = build_environment(environment, settings=settings, home=home, redis_url=url)
    at = reachable(settings.bind, settings.port)
    workers = tuple(
        Command(
            f"worker-{number}", (sys.executable, "-m", "worker"), with_metrics(shared, settings.metrics_port, number)
        )
        for number in range(1, settings.workers + 1)
    )
    return Plan(
        redis=Command("redis", server.words, environment) if server else None,
        parts=(Command("api", (sys.executable, "-m", "api"), shared), *workers),
        stop=Command("stop", (sys.executable, "-m", "worker", "stop"), shared),
        redis_answers=lambda: probes.why_no_redis(url),
        is_ready=lambda: probes.why_not_ready(at),
        banner=build_banner(
            at=at,
            home=home.path,
            redis=server.told if server else without_password(url),
            couchdb=tell_couchdb(settings, path=environment.get("PATH", os.defpath)),
        ),
    )


def tell_couchdb(settings: RunSettings, *, path: str) -> str:
    """What instances will be, as the workers choose it; a Refusal when a person names a program that is none."""
    if settings.instances_socket is not None:
        return f"as the host of instances at {settings.instances_socket} has it"
    found = shutil.which(settings.couchdb or "couchdb", path=path)
    if found is not None:
        return found
    if settings.couchdb:
        raise Refusal(
            f"KANTO_COUCHDB names {settings.couchdb}, which is no program here. Name a release's bin/couchdb, or unset "
            "it, and kanto takes `couchdb` on the PATH, else its stand-in."
        )
    return "a stand-in, good for trying kanto and not for data you love; KANTO_COUCHDB names a real one"


def with_metrics(shared: Mapping[str, str], port: int | None, number: int) -> dict[str, str]:
    """A worker's metrics are as many ports above the api's as its number says: they are processes of one machine."""
    return {**shared, **({} if port is None else {"KANTO_METRICS_PORT": str(port + number)})}


def build_environment(
    environment: Mapping[str, str], *, settings: RunSettings, home: Home, redis_url: str
) -> dict[str, str]:
    """What the api and the workers see: our own environment, and what we decided. Readable lines, unless told else."""
    decided = {
        "KANTO_REDIS_URL": redis_url,
        "KANTO_HOME": str(home.path),
        "KANTO_PLATFORM": "process",
        "KANTO_BIND": settings.bind,
        "KANTO_PORT": str(settings.port),
        "PYTHONUNBUFFERED": "1",
    }
    return {"KANTO_LOG_FORMAT": "text", **environment, **decided}
