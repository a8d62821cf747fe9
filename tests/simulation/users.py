"""What users do in a history: requests as the api stores them, and writes with every kind of connection."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from api import specs
from api.fields import Databases
from common.change import Change, build_submission, deletion
from common.cluster import ClusterKey, ClusterSpec
from common.jobs import JobKind
from common.settings import Settings
from common.store.port import Refusal
from tests.simulation.ledger import Write
from tests.twins.couch.world import Revision, Server

if TYPE_CHECKING:
    from tests.simulation.play import Play

KEY = ClusterKey("johny2", "my-test-db1")
SETTINGS = Settings(platform="process")
LOGIN = ("johny2", "Ty5wvW7LuQ3T")
SAVED, MORE, UNSAVED = "test", ("orders", "bills"), "notes"

REFUSALS = {Refusal.BUSY, Refusal.EXISTS, Refusal.MISSING, Refusal.NOT_REBUILT, Refusal.STALE}
"""What a request may be answered. STALE: the store has just ended an overdue job, and so moved the spec that was read.
The api computes such a request anew (api/submit.py); a user of these histories leaves it."""

Action = Callable[["Play", Random], None]


def create(play: "Play", random: Random) -> None:
    if play.record() is None:
        begin(play, random.choice((1, 2, 3)))


def begin(play: "Play", replicas: int) -> None:
    play.incarnations += 1
    incarnation, line = f"i{play.incarnations}", new_line(play)
    play.first_lines[incarnation] = line
    spec = ClusterSpec(
        user=KEY.user,
        tag=KEY.tag,
        incarnation=incarnation,
        replicas=replicas,
        databases=("_users", SAVED),
        admin_name=KEY.user,
        admin_line=line,
        spawner=play.plan.spawner,
    )
    ask(play, Change(JobKind.CREATE, spec, undo=replace(spec, deleted=True)))


def new_line(play: "Play") -> str:
    """Of another password than any before, with a salt of its own."""
    play.passwords += 1
    return f"-pbkdf2:sha256-00,salt{play.passwords},1"


def change_password(play: "Play", random: Random) -> None:
    found = play.record()
    if found is not None:
        is_own = random.random() < 0.7
        ask(play, specs.password_change(found.spec, user=None, line=new_line(play), is_own=is_own))


def scale_up(play: "Play", random: Random) -> None:
    scale(play, random.randint(1, 2), random)


def scale_down(play: "Play", random: Random) -> None:
    scale(play, -random.randint(1, 3), random)


def scale(play: "Play", by: int, random: Random) -> None:
    found = play.record()
    if found is not None:
        replicas = min(max(found.spec.replicas + by, 1), 5)
        ask(play, specs.scaling(found.spec, replicas=replicas, force=random.random() < 0.08))


def replicate(play: "Play", random: Random) -> None:
    found = play.record()
    if found is not None:
        names = Databases((), everything=True) if random.random() < 0.2 else Databases((random.choice(MORE),))
        ask(play, specs.replication(found.spec, names))


def unreplicate(play: "Play", random: Random) -> None:
    found = play.record()
    if found is None or found.spec.all_databases:
        return
    drop_id = f"drop{random.getrandbits(20)}" if random.random() < 0.4 else None
    name = random.choice(MORE)
    if ask(play, specs.unreplication(found.spec, Databases((name,)), drop_id=drop_id)) and drop_id:
        play.ledger.forget_database(name, "dropped by the user")


def cancel(play: "Play", _: Random) -> None:
    found = play.record()
    if found is None or found.job is None or play.is_store_away:
        return
    answer = play.store.cancel(KEY.user, found.job)
    play.tell(f"a user cancels {found.job}: {answer.refusal or 'it is canceled'}")
    if answer.refusal is None:
        play.wake()


def delete(play: "Play", _: Random) -> None:
    found = play.record()
    if found is not None:
        ask(play, deletion(found.spec, force=False))


def ask(play: "Play", change: Change) -> bool:
    """Send a request to the api; whether it was accepted."""
    what = f"a user asks for {describe(change)}"
    if play.is_store_away:
        play.tell(f"{what}: 503, Redis is away")
        return False
    found = play.record()
    play.requests += 1
    submission = build_submission(
        change,
        owner_hash="$argon2id$",
        version=None if change.kind is JobKind.CREATE or found is None else found.version,
        job_id=f"job{play.requests}",
        settings=SETTINGS,
    )
    answer = play.store.submit(submission)
    play.tell(f"{what}: {answer.refusal or submission.job_id}")
    if answer.refusal is not None:
        play.expect(answer.refusal in REFUSALS, "refused")
        return False
    play.laws.asked(submission)
    play.wake()
    return True


def describe(change: Change) -> str:
    spec = change.spec
    match change.kind:
        case JobKind.CREATE:
            return f"a cluster of {spec.replicas}"
        case JobKind.SCALE:
            return f"{spec.replicas} instances" + (" with force=1" if spec.force else "")
        case JobKind.DELETE:
            return "its end"
        case JobKind.PASSWORD:
            return f"another password, {spec.admin_line}"
        case _:
            listed = ", ".join(spec.databases) + (", *" if spec.all_databases else "")
            return f"the saved list {listed}" + (f", and to drop {spec.drop.databases}" if spec.drop else "")


# writes


def write_through_endpoint(play: "Play", random: Random) -> None:
    """One write to whichever instance the endpoint chooses."""
    cluster = play.cluster()
    if cluster is None or not cluster.serving:
        return
    there = (play.world.servers.get(i.address) for i in play.serving(cluster))
    up = [server for server in there if server is not None and server.fault in ("none", "full")]
    if up:
        server = random.choice(up)
        play.laws.logs_in(server)
        write(play, server, random)


def write_to_one(play: "Play", random: Random) -> None:
    """One write over a connection to a single instance, whether it serves or not."""
    servers = [server for server in play.world.servers.values() if server.fault in ("none", "full")]
    if servers:
        write(play, random.choice(servers), random)


def write(play: "Play", server: Server, random: Random) -> None:
    """Now a new document, now another revision of one: over what the server has, or by one that does not know it."""
    names = [name for name in server.databases if not name.startswith("_")]
    if not names:
        return
    database = SAVED if SAVED in names and random.random() < 0.6 else random.choice(names)
    play.writes += 1
    doc_id = f"d{play.writes}" if random.random() < 0.7 else f"d{random.randint(1, 5)}"
    revision: Revision | None = server.write(database, doc_id)
    if revision is not None:
        play.world.stir()
        play.laws.acknowledged(server, Write(database, revision))


def make_database(play: "Play", random: Random) -> None:
    """A database outside of the saved list, made through one instance; now and then with a document that all refuse."""
    servers = [s for s in play.world.servers.values() if s.is_up and not s.is_closed and not s.is_full]
    if not servers:
        return
    server = random.choice(servers)
    name = random.choice((UNSAVED, *MORE))
    server.create(name)
    play.tell(f"a user makes the database {name} on {play.name_of(server)} and writes to it")
    write(play, server, random)


def put_own_replication(play: "Play", random: Random) -> None:
    """A user's own document, sometimes for the very link that kanto replicates (hazards H14)."""
    servers = [s for s in play.world.servers.values() if s.is_up and not s.is_closed and not s.is_full]
    if not servers:
        return
    server, other = random.choice(servers), random.choice(servers)
    if random.random() < 0.5:  # for a link that kanto makes once the last instance has left
        server, other = servers[max(len(servers) - 2, 0)], servers[0]
    login = {"auth": {"basic": dict(zip(("username", "password"), LOGIN, strict=True))}}
    play.own_documents += 1
    doc_id = f"own-{play.own_documents}"
    document = {
        "_id": doc_id,
        "source": {"url": f"{server.address}/{SAVED}", **login},
        "target": {"url": f"{other.address}/{SAVED}", **login},
        "continuous": True,
    }
    server.put_document(document)
    play.world.stir()
    play.laws.documents.put(server, doc_id)
    play.tell(f"a user replicates {SAVED} of {play.name_of(server)} to {play.name_of(other)} by a document of his own")


def want_conflicts(play: "Play", _: Random) -> None:
    if play.record() is not None and not play.is_store_away:
        play.store.wake(KEY, count_within=30.0)
        play.wake()


ACTIONS: Mapping[str, tuple[Action, float]] = {
    "create": (create, 1.5),
    "scale up": (scale_up, 4.0),
    "scale down": (scale_down, 6.0),
    "replicate": (replicate, 1.5),
    "unreplicate": (unreplicate, 0.7),
    "password": (change_password, 1.2),
    "cancel": (cancel, 2.5),
    "delete": (delete, 0.8),
    "make a database": (make_database, 1.5),
    "own replication": (put_own_replication, 0.8),
    "want conflicts": (want_conflicts, 0.3),
}
