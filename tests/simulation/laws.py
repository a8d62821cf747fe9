"""What must be true at every call, and at the end. Each is checked by what the servers hold, never by kanto's word."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from common.jobs import Job, JobKind, JobStatus
from common.store.port import Lease, Outcome, Submission
from tests.simulation import truth
from tests.simulation.borders import Violation
from tests.simulation.documents import OwnDocuments
from tests.simulation.ledger import Write, holds, promised_on
from tests.simulation.links import Links
from tests.simulation.users import KEY, SAVED
from tests.twins.couch.world import Server
from tests.twins.platform import MemoryCluster
from worker.core.observed import Instance

if TYPE_CHECKING:
    from tests.simulation.play import Play

FENCED_CALLS = ("claim", "provision", "serve", "retire", "remove")
"""Writes of the platform that name their fencing number last."""

STEPS_A_MINUTE = 1000
LONGEST_MEMORY = 60_000
DARK = 100.0
"""Seconds for which nobody may serve, undisturbed, although an instance is healthy."""


class Laws:
    """Hears of every call of every worker's ports, and of what befalls."""

    def __init__(self, play: "Play") -> None:
        self._play = play
        self.documents = OwnDocuments(play.ledger)
        self._sights: dict[str, truth.Sight] = {}
        self._fences: dict[str, int] = {}
        self._cause = "kanto"
        self._retiring = ""
        self._is_proved = False
        self._fallen: list[tuple[str | None, frozenset[Write]]] = []  # what went since the last look of a proof
        self._was_connected: frozenset[str] = frozenset()
        self._has_lost_store = self._has_older_store = False
        self.jobs: dict[str, Submission] = {}
        self.ended: dict[str, tuple[JobStatus, float | None]] = {}
        self.told: set[str] = set()
        self.data_lost_told = False
        self._steps: list[float] = []
        self.releases = 0
        self._undisturbed_since = play.clock.now
        self._dark_since: float | None = None
        self.last_spec: Submission | None = None
        self._lines: set[str] = set()
        self.links = Links(play)
        self._mirrored: dict[str, int] = {}  # by incarnation, the highest version that the mirror was given

    # what is asked and written

    def asked(self, submission: Submission) -> None:
        self.jobs[submission.job_id] = submission
        self.last_spec = submission
        self._lines.add(submission.spec.admin_line)

    def logs_in(self, server: Server) -> None:
        """A user who comes through the endpoint, and who tries all passwords that he ever had, the newest first.

        One who was away while his password was changed twice may have the first of the three until kanto looks at it.
        """
        record = self._play.record()
        if record is None or not truth.is_open(server):
            return
        line = (server.lines or {}).get(record.spec.admin_name)
        if line not in self._lines:
            raise Violation(f"{self._play.name_of(server)} serves and refuses the new password and the old one: {line}")

    def acknowledged(self, server: Server, write: Write) -> None:
        if server.is_closed:
            raise Violation(f"{write} was taken by {self._play.name_of(server)}, which is fenced")
        if not self._is_being_dropped(write.database):
            self._play.ledger.acknowledge(write)

    def _is_being_dropped(self, database: str) -> bool:
        record = self._play.record()
        drop = None if record is None else record.spec.drop
        if record is None or drop is None or drop.id == record.durable.dropped:
            return False
        return database in drop.databases and database not in record.spec.databases

    def database_deleted(self, server: Server, name: str) -> None:
        others = [other for other in self.all_servers() if other is not server]
        if self.is_proved_just_now():
            held = promised_on(server, self._play.ledger.promised)
            self._fallen.append((None, frozenset(write for write in held if write.database == name)))
        lost = [w for w in self._play.ledger.only_on(server, others) if w.database == name]
        self._play.ledger.forgive(lost, "deleted by a user")
        self._play.ledger.need_no_more(name)

    # what befalls

    def disturbed(self) -> None:
        self._undisturbed_since = self._play.clock.now

    def store_lost(self) -> None:
        self._has_lost_store = True
        self.links.forgotten()
        self.jobs.clear()
        self.ended.clear()

    def store_restored(self) -> None:
        self._has_older_store = True
        self.links.forgotten()
        self.jobs.clear()
        self.ended.clear()

    @contextmanager
    def by_the_platform(self) -> Iterator[None]:
        """What goes in here is destroyed by a fault of the platform."""
        before, self._cause = self._cause, "platform"
        try:
            yield
        finally:
            self._cause = before

    def came(self, uuid: str) -> None:
        play = self._play
        cluster = play.cluster()
        if uuid in play.servers.kept or cluster is None:
            return
        serving = {instance.identity for instance in play.serving(cluster)}
        play.ledger.came(uuid, [server for server in self.all_servers() if server.uuid in serving])

    def gone(self, server: Server) -> None:
        """The data of a server cease to be: whose doing is it, and was anything only there?"""
        play = self._play
        others = [other for other in self.all_servers() if other is not server]
        lost = play.ledger.only_on(server, others)
        if self._cause == "platform":
            if self.is_proved_just_now():
                self._fallen.append((server.uuid, frozenset(promised_on(server, play.ledger.promised))))
            play.ledger.destroy(server.uuid, lost)
            self.documents.gone(server, others, "destroyed by the platform")
        elif self._cause == "removal":
            play.ledger.forgive(lost, "deleted with the cluster")
            self.documents.gone(server, others, "deleted with the cluster")
        elif self._cause == "force":
            play.ledger.forgive(lost, "let go by force=1")
            self.documents.gone(server, others, "let go by force=1")
        else:
            if server.uuid != self._retiring:
                raise Violation(f"{server.uuid} goes, and {self._retiring or 'nobody'} was to be retired")
            lost = self._without_fallen(lost)
            if lost:
                raise Violation(
                    f"{len(lost)} acknowledged writes were only on {server.uuid}: {', '.join(map(str, lost[:3]))}"
                )
            self.documents.gone(server, others, None)

    def _without_fallen(self, lost: list[Write]) -> list[Write]:
        """What was on a survivor when it was last looked for, and went before the deed, is not kanto's to answer for.

        The platform destroyed it, or (no uuid) a user deleted its database there. No order of two calls closes that
        moment; a moment later the same would have been done to the last one.
        """
        for uuid, held in self._fallen:
            went = [write for write in lost if write in held]
            if uuid is None:
                self._play.ledger.forgive(went, "deleted by a user")
            else:
                self._play.ledger.destroy(uuid, went)
            lost = [write for write in lost if write not in held]
        return lost

    # calls

    def step_begins(self, owner: str) -> None:
        self._sights.pop(owner, None)
        now = self._play.clock.now
        self._steps.append(now)
        if len(self._steps) > STEPS_A_MINUTE and self._steps[-STEPS_A_MINUTE] > now - 60:
            raise Violation(f"{STEPS_A_MINUTE} steps within a minute")

    def about(self, owner: str, port: str, name: str, args: tuple[Any, ...]) -> None:
        if port == "platform" and name == "retire":
            self._about_to_retire(owner, *args)
        elif port == "platform" and name == "remove":
            self._about_to_remove(*args)
        elif port == "platform" and name == "serve":
            self._about_to_serve(owner, *args[1:])
        elif port == "couch" and name == "drain":
            self._about_to_drain(owner, args[0])
        elif port == "couch" and name == "delete_replications":
            self._was_connected = self._connected(owner)

    def done(self, owner: str, port: str, name: str, args: tuple[Any, ...]) -> None:
        self._cause = "kanto"
        is_look = port == "couch" and name in ("verify", "copy_user_replications")
        self._is_proved = is_look or (self._is_proved and name in ("check", "credentials"))
        if not self._is_proved:
            self._fallen.clear()
        if port == "platform" and name in FENCED_CALLS:
            self._written(name, args[-1])
        elif port == "platform" and name == "mirror":
            spec, version = args[0].spec, args[0].version
            self._mirrored[spec.incarnation] = max(version, self._mirrored.get(spec.incarnation, 0))
        elif port == "couch" and name == "observe":
            self._looked(owner)
        elif port == "couch" and name == "delete_replications":
            torn = self._was_connected - self._connected(owner)
            if torn and not self._has_older_store:  # a wake-up can come before a ticker has looked back
                raise Violation(f"the ring of those that serve is torn for {sorted(torn)}")
        elif port == "store" and name in ("save", "release"):
            self._saved(owner, args[1])
            if name == "save" and not args[1].seals:
                self._begins_to_act(args[0])
            self.releases += name == "release"

    def is_proved_just_now(self) -> bool:
        """Between the last look and the deed nothing is asked again: a fence that falls in these milliseconds falls."""
        return self._is_proved

    def _about_to_retire(self, owner: str, spec: Any, instance: Instance, fence: int) -> None:
        cluster = self._play.cluster()
        server = self._play.world.servers.get(instance.address)
        if cluster is None or fence < cluster.fence:
            return
        self._retiring = instance.identity
        known = [i for i in cluster.instances.values() if i.identity == instance.identity]
        if not known or known[0].is_going:
            self._cause = "kanto"
            return
        if spec.force:
            self._cause = "force"
            return
        if server is None and self.is_proved_just_now():
            return  # it died between the last look and the deed
        if server is None:
            raise Violation(f"{instance.name} is retired although it does not answer")
        if server.fenced is None or not server.is_closed:
            raise Violation(f"{instance.name} is retired and not fenced")
        if instance.name in cluster.serving:
            raise Violation(f"{instance.name} is retired and still serves")
        self._is_on_two(owner, server, instance.name)
        self._play.tell(f"{instance.name} is retired")

    def _is_on_two(self, owner: str, leaver: Server, name: str) -> None:
        """What it holds was proved on two that stay, where there are two (hazards H11, H15)."""
        sight = self._sights.get(owner)
        others = [s for s in self.all_servers() if s is not leaver]
        staying = [s for s in others if sight is not None and s.uuid in sight.answering and not self._is_leaving(s)]
        if len(staying) < 2:
            return
        for write in promised_on(leaver, self._play.ledger.promised):
            if sum(holds(other, write) for other in others) < 2:
                raise Violation(f"{name} is retired, and {write} is on one other only")

    def _is_leaving(self, server: Server) -> bool:
        """Fenced, or chosen to leave: one that lost its fence with its settings leaves all the same."""
        cluster, record = self._play.cluster(), self._play.record()
        chosen = record.durable.leavers if record is not None else ()
        known = cluster.instances.values() if cluster is not None else ()
        identities = {i.identity for i in known if self._play.world.servers.get(i.address) is server}
        return server.walls is not None or bool(identities & set(chosen))

    def _about_to_remove(self, spec: Any, fence: int) -> None:
        cluster, record = self._play.cluster(), self._play.record()
        if cluster is None or fence < cluster.fence or cluster.incarnation != spec.incarnation:
            return
        mirrored = cluster.record
        if mirrored is not None and not mirrored.spec.deleted:
            raise Violation("a cluster is removed that nobody deleted, by its mirror")
        is_same = record is not None and record.spec.incarnation == spec.incarnation
        if record is not None and is_same and not record.spec.deleted and not self._has_older_store:
            raise Violation("a cluster is removed that nobody deleted, by Redis")
        self._cause = "removal"
        self._play.ledger.destroyed.clear()

    def _about_to_serve(self, owner: str, names: tuple[str, ...], fence: int) -> None:
        cluster, sight = self._play.cluster(), self._sights.get(owner)
        if cluster is None or fence < cluster.fence:
            return
        record = cluster.record
        databases = () if record is None else record.spec.databases
        if record is not None and record.durable.data_lost_in is not None:
            self._play.ledger.need_nothing()
        for instance in cluster.instances.values():
            name = truth.name_of(instance, cluster)
            server = self._play.world.servers.get(instance.address)
            if name not in names or name in cluster.serving or server is None:
                continue
            if record is not None and not truth.has_login(server, record.spec):
                raise Violation(f"{name} is to serve with another login than that of its cluster: {server.lines}")
            lacking = [w for w in self._play.ledger.lacks(server, databases) if not self.was_refused(w)]
            if lacking:
                raise Violation(f"{name} is to serve without {len(lacking)} writes, {lacking[0]} among them")
        healthy = self._healthy(cluster)
        if sight is not None and healthy & sight.answering and not set(names) & sight.answering:
            raise Violation(f"{sorted(names)} are to serve, who did not answer, and {sorted(healthy)} are well")

    def _healthy(self, cluster: MemoryCluster) -> frozenset[str]:
        """Those that answer, are filled as the mirror says, and have nothing of a fence."""
        filled = () if cluster.record is None else cluster.record.durable.filled
        return frozenset(
            truth.name_of(instance, cluster)
            for instance in cluster.instances.values()
            if instance.identity in filled
            and truth.answers(server := self._play.world.servers.get(instance.address))
            and server is not None
            and truth.is_open(server)
        )

    def _about_to_drain(self, owner: str, leaver: Instance) -> None:
        server = self._play.world.servers.get(leaver.address)
        if server is None or not server.is_up or server.fault not in ("none", "full"):
            return
        sight = self._sights.get(owner)
        if server.walls is None and (sight is None or server.uuid not in sight.fenced):
            raise Violation(f"{leaver.name} is drained and proved, and not fenced")
        seen = () if sight is None else [s for s in self.all_servers() if s.uuid in sight.answering]
        flows = truth.flows_into(server, leaver.name, seen)
        if flows:
            raise Violation(f"{leaver.name} is drained while {flows[0]} pushes into it")

    def _connected(self, owner: str) -> frozenset[str]:
        """The saved databases for which each that serves and is up reaches each other by documents that are there."""
        cluster = self._play.cluster()
        if cluster is None or cluster.record is None:
            return frozenset()
        there = {
            truth.name_of(instance, cluster): server
            for instance in cluster.instances.values()
            if (server := self._play.world.servers.get(instance.address)) is not None and server.is_up
        }
        sight = self._sights.get(owner)
        serving = set(there) & cluster.serving
        up = {server.uuid for server in there.values()} | set(there)
        if sight is None or not serving <= sight.answering <= up:
            return frozenset()  # not what was seen any more
        spec = cluster.record.spec
        return frozenset(d for d in spec.databases if truth.is_connected(there, serving, d))

    def _written(self, name: str, fence: int) -> None:
        cluster = self._play.cluster()
        if name == "remove" and cluster is None:
            self._fences.clear()
            self._mirrored.clear()  # a Redis that is older than the delete has nobody to tell it so
        if cluster is None:
            return
        highest = self._fences.get(cluster.incarnation, 0)
        if fence < highest:
            raise Violation(f"{name} passed with the fencing number {fence}, after {highest}")
        self._fences[cluster.incarnation] = fence

    def _looked(self, owner: str) -> None:
        play = self._play
        cluster, record = play.cluster(), play.record()
        why = "there is no record" if record is None else truth.why_not_ready(record.spec, cluster, play.world.servers)
        answering: set[str] = set()
        if cluster is not None:
            for instance in cluster.instances.values():
                server = play.world.servers.get(instance.address)
                if server is not None and truth.answers(server) and self._has_login(server, cluster):
                    answering |= {truth.name_of(instance, cluster), server.uuid}
        if why is None and truth.has_refused(play.world.servers.values()):
            why = "documents were refused"
        fenced = (server.uuid for server in play.world.servers.values() if server.walls is not None)
        unwell, crashing = self.links.look()
        self._sights[owner] = truth.Sight(why or unwell, frozenset(answering), frozenset(fenced), crashing)
        self._look_for_light(cluster)

    def _has_login(self, server: Server, cluster: MemoryCluster) -> bool:
        login = cluster.credentials
        return login is not None and server.admins.get(login.name) == login.password

    def _look_for_light(self, cluster: MemoryCluster | None) -> None:
        """Whether anybody serves, if somebody is healthy."""
        now = self._play.clock.now
        is_lit = cluster is None or not self._healthy(cluster)
        if cluster is not None and not is_lit:
            is_lit = any(truth.answers(self._play.world.servers.get(i.address)) for i in self._play.serving(cluster))
        if is_lit:
            self._dark_since = None
            return
        self._dark_since = self._dark_since or now
        if now - max(self._dark_since, self._undisturbed_since) > DARK:
            raise Violation(f"nobody serves for {DARK:.0f} s, although {sorted(self._healthy(cluster))} are well")  # type: ignore[arg-type]

    def _begins_to_act(self, lease: Lease) -> None:
        """A plan is saved before it is carried out: never one of a spec of which the mirror had a newer one (H21)."""
        version, newest = lease.record.version, self._mirrored.get(lease.record.spec.incarnation, 0)
        if version < newest:
            raise Violation(f"version {version} of the spec is acted on, and the mirror had {newest}")

    def _saved(self, owner: str, outcome: Outcome) -> None:
        self.learn_jobs()
        view = outcome.view
        for reason in (*(outcome.reasons or ()), *(view.reasons if view else ())):
            if reason.code == "internal":
                raise Violation(f"a step broke: {reason.text}")
        if outcome.memory is not None and len(outcome.memory) > LONGEST_MEMORY:
            raise Violation(f"what is remembered has grown to {len(outcome.memory)} characters")
        sight = self._sights.get(owner)
        if sight is not None and outcome.memory is not None:
            self.links.shown(sight.crashing)
        if view is None:
            return
        if any(reason.code == "data_lost" for reason in view.reasons):
            self.data_lost_told = True
        if outcome.durable is not None:
            self._are_lost([loss.uuid for loss in outcome.durable.losses])
        if outcome.durable is not None and any(reason.code == "instance_lost" for reason in view.reasons):
            self.told.update(loss.uuid for loss in outcome.durable.losses)
        record = self._play.record()
        is_current = record is not None and record.version == view.version
        if view.status == "ready" and is_current and sight is not None and sight.why is not None:
            raise Violation(f"status says ready, but {sight.why}")

    def _are_lost(self, uuids: Iterable[str]) -> None:
        there = {server.uuid for server in self.all_servers()}
        for uuid in uuids:
            if uuid in there:
                raise Violation(f"status says that {uuid} is lost, and it is there")

    def learn_jobs(self) -> None:
        for job in self._play.store.jobs(KEY.user):
            now = (job.status, job.ended_at)
            before = self.ended.get(job.id)
            if before is not None and before != now:
                raise Violation(f"{job.id} ended as {before} and then as {now}")
            if job.status.is_ended:
                if before is None:
                    self._play.tell(f"{job.id} ends: {job.status}" + (f", {job.error.code}" if job.error else ""))
                    self._is_done(job)
                self.ended[job.id] = now

    def _is_done(self, job: Job) -> None:
        cluster, asked = self._play.cluster(), self.jobs.get(job.id)
        if job.kind is not JobKind.DELETE or job.status is not JobStatus.SUCCEEDED or asked is None:
            return
        if cluster is not None and cluster.incarnation == asked.spec.incarnation:
            raise Violation(f"{job.id} has succeeded, and {len(cluster.instances)} instances are left")

    def ticked(self) -> None:
        """Redis is called rebuilt only once it has all that the platform has (hazards H22)."""
        cluster, state = self._play.cluster(), self._play.store._state
        is_there = cluster is not None and cluster.record is not None and not cluster.record.spec.deleted
        if state.is_rebuilt and is_there and KEY not in state.clusters and not self._has_older_store:
            raise Violation("Redis is called rebuilt, and has not the cluster that the platform has")

    def was_refused(self, write: Write) -> bool:
        """Some instance refused documents of this id, which status told."""
        return write.database == SAVED and write.revision.doc_id in self._play.refused

    def all_servers(self) -> list[Server]:
        return [*self._play.world.servers.values(), *self._play.servers.kept.values()]
