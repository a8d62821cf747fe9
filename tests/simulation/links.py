"""What is true of kanto's links at a look: which only say that they run, and which kanto was shown to crash."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from tests.simulation import truth
from tests.twins.couch.jobs import Job, info

if TYPE_CHECKING:
    from tests.simulation.play import Play

Link = tuple[str, str]
"""The uuid of its source, and its document."""

NEW = 10.0
"""Seconds for which a database that links write to counts as new."""

TRIES = 18.0
"""Seconds after which a link that crashed and was begun again may be believed: CouchDB's tries end within 16 (see
worker/core/crashes.py). Those of the simulation, which are counted in ticks, may last longer."""


class Crash(NamedTuple):
    """When kanto learnt of it, and how far the link had come."""

    at: float
    since: int


class Links:
    """A status that says ready while one of these does not run is a lie."""

    def __init__(self, play: "Play") -> None:
        self._play = play
        self._crashed: dict[Link, Crash] = {}
        self._met: dict[str, float] = {}

    def clock_stepped(self, by: float) -> None:
        """Set forward, so much time has gone by for kanto; set back, it notices."""
        if by > 0:
            self._crashed = {link: crash._replace(at=crash.at - by) for link, crash in self._crashed.items()}

    def forgotten(self) -> None:
        """kanto's memory is gone."""
        self._crashed.clear()

    def look(self) -> tuple[str | None, frozenset[Link]]:
        """Why status may not say ready just now, None where it may; and the links that can be seen to be down."""
        found = self._found()
        known = {link for link, job in found.items() if self._is_known(job)}
        why = self._why_not_running(found)
        well = {server.uuid: server for server in self._play.world.servers.values() if truth.answers(server)}
        for link, crash in list(self._crashed.items()):
            uuid, doc_id = link
            runs = link in found and found[link].is_open and not self._is_blocked(found[link], crash)
            if uuid in well and (runs or doc_id not in well[uuid].documents):
                del self._crashed[link]
        return why, frozenset(link for link in known if found[link].state == "crashing")

    def shown(self, crashing: frozenset[Link]) -> None:
        """A step whose look showed these has ended, and its memory is saved."""
        if crashing:
            found, now = self._found(), self._play.clock.now
            self._crashed |= {link: Crash(now, found[link].since if link in found else 0) for link in crashing}

    def _why_not_running(self, found: Mapping[Link, Job]) -> str | None:
        """Of one that says it runs, or is said to."""
        for link, crash in sorted(self._crashed.items()):
            if self._play.clock.now - crash.at < TRIES and link in found:
                if not found[link].is_open:
                    return f"{link} has crashed, and has not reached its target since"
                if self._is_blocked(found[link], crash):
                    return f"{link} has crashed for a full disk, and has passed nothing on since"
        for link, job in sorted(found.items()):
            if job.state == "running" and not job.is_open and info(job) is None:
                return f"{link} has not reached its target yet"
        return None

    def _found(self) -> dict[Link, Job]:
        return truth.links_of(self._play.world.servers.values())

    def _is_known(self, job: Job) -> bool:
        """Whether its target has been there for a while: a link into a new one is begun anew, and that counts."""
        target, now = truth.target_of(job, self._play.world.servers), self._play.clock.now
        return target is not None and now - self._met.setdefault(target, now) > NEW

    def _is_blocked(self, job: Job, crash: Crash) -> bool:
        """Whether an end of it has no room for what waits, and nothing was passed on since it crashed."""
        ends = [self._play.world.servers.get(end.address) for end in (job.course.source, job.course.target)]
        source = ends[0].databases.get(job.course.source.database) if ends[0] is not None else None
        has_room = not any(server is not None and server.is_full for server in ends)
        return not has_room and source is not None and source.last > job.since and job.since <= crash.since
