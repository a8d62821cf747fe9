"""What must be so once the faults have stopped: everything settles, and every promise of before was kept."""

from typing import TYPE_CHECKING

from common.cluster import MAX_REPLICAS
from common.jobs import JobKind, JobStatus
from tests.simulation import truth
from tests.simulation.borders import Violation
from tests.simulation.ledger import holds
from worker.couch.documents import DRAIN, RING
from worker.couch.holdings import NOT_DATA

if TYPE_CHECKING:
    from tests.simulation.play import Play

PATIENT = frozenset({"data_lost", "instance_lost", "documents_refused"})
"""Reasons that only people can mend: a cluster that has no others is settled."""

IDLE_STEPS = 8
"""Steps in the 70 seconds after all is settled: two or three upkeeps, or the removals of one that is gone."""


class Ending:
    """Looks at the end of a history, by what the laws noted on the way."""

    def __init__(self, play: "Play") -> None:
        self._play = play
        self._laws = play.laws
        self._calm_at = 0.0
        self._settled_releases = 0

    def calmed(self) -> None:
        self._calm_at = self._play.clock.now
        self._laws.disturbed()

    def why_unsettled(self) -> str | None:
        """None when the cluster is gone, or all that its view says is that it is well, and it is."""
        play = self._play
        record, cluster = play.record(), play.cluster()
        if record is None:
            is_bare = cluster is None or (cluster.record is None and not cluster.instances)
            is_over = play.store.is_rebuilt() and is_bare  # an anchor alone: the next create of that name clears it
            return None if is_over else "something is left of a cluster that is not known"
        if record.job is not None:
            return f"{record.job} has not ended; the view is {record.view}"
        if self._waits_for_people():
            return None
        view = record.view
        since = play.store_clock() - play.clock.now + self._calm_at - 60
        if view is None or view.observed_at < since or view.version != record.version:
            return f"nobody has looked: {view}"
        is_patient = view.status == "degraded" and {reason.code for reason in view.reasons} <= PATIENT
        if view.status != "ready" and not is_patient:
            return f"{view.status}: {'; '.join(reason.text for reason in view.reasons)}"
        return truth.why_not_ready(record.spec, cluster, play.world.servers)

    def _waits_for_people(self) -> bool:
        """A fill skips for good what was refused once. Status says so, and no job is left."""
        record = self._play.record()
        if not self._play.refused or record is None or record.job is not None or record.view is None:
            return False
        return bool({reason.code for reason in record.view.reasons} & {"filling"})

    def is_settled(self) -> bool:
        return self.why_unsettled() is None

    def settled(self) -> None:
        self._settled_releases = self._laws.releases

    def end(self) -> None:
        play, record, cluster = self._play, self._play.record(), self._play.cluster()
        self._laws.learn_jobs()
        play.expect(self.is_settled(), f"it was settled and is not any more: {self.why_unsettled()}")
        idle = self._laws.releases - self._settled_releases
        play.expect(idle <= IDLE_STEPS or bool(play.refused), f"{idle} steps in 70 s, although there is nothing to do")
        for job_id in self._laws.jobs:
            play.expect(job_id in self._laws.ended, f"{job_id} has not ended")
        self._nothing_grows()
        if record is None or cluster is None:
            play.expect(not play.world.servers and not play.servers.kept, "servers of a deleted cluster are left")
            return
        play.world.stir()
        play.world.advance(2000)
        self._every_write_is_everywhere(record.spec.databases)
        self._losses_were_told()
        self._laws.documents.end(self._laws.all_servers())
        self._failed_shrinks_are_undone()

    def _every_write_is_everywhere(self, databases: tuple[str, ...]) -> None:
        servers = list(self._play.world.servers.values())
        staying = [server for server in servers if server.walls is None]
        for write in self._play.ledger.promised:
            if not any(holds(server, write) for server in servers):
                raise Violation(f"{write} was acknowledged and is nowhere")
            lacking = [self._play.name_of(server) for server in staying if not holds(server, write)]
            if write.database in databases and lacking and not self._laws.was_refused(write):
                raise Violation(f"{write} was acknowledged and is not on {', '.join(lacking)}")

    def _losses_were_told(self) -> None:
        for uuid, writes in self._play.ledger.destroyed.items():
            if uuid not in self._laws.told and not self._laws.data_lost_told:
                raise Violation(f"the platform destroyed {len(writes)} writes with {uuid}, and status never said so")

    def _nothing_grows(self) -> None:
        play, state = self._play, self._play.store._state
        servers = play.world.servers.values()
        record = play.record()
        play.expect(len(state.due) <= 1 and len(state.clusters) <= 1, "Redis has keys of more than one cluster")
        for server in servers:
            ours = [i for i in server.documents if i.startswith(RING)]
            fills = [i for i in server.documents if i.startswith(DRAIN)]
            saved = truth.saved_list(record.spec, servers) if record is not None else set()
            play.expect(len(ours) <= len(saved), f"{len(ours)} documents of kanto on {play.name_of(server)}: {ours}")
            play.expect(not fills or self._waits_for_people(), f"one-shots are left on {play.name_of(server)}: {fills}")
            play.expect(len(set(server.databases) - NOT_DATA) <= MAX_REPLICAS, "databases nobody asked for")

    def _failed_shrinks_are_undone(self) -> None:
        """A scale-down that failed or was canceled leaves the number of before (hazards H23)."""
        last, record = self._laws.last_spec, self._play.record()
        if last is None or record is None or last.job_id not in self._laws.ended or last.restore is None:
            return
        status, _ = self._laws.ended[last.job_id]
        if last.kind is JobKind.SCALE and status in (JobStatus.FAILED, JobStatus.CANCELED):
            wanted = last.restore.replicas
            self._play.expect(
                record.spec.replicas == wanted, f"{last.job_id} is {status}, and {wanted} did not come back"
            )
