"""What befalls: each fault by its name, what it does, and when it ends by itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.borders import Died
from tests.twins.couch.world import Server
from tests.twins.platform import MemoryInstance
from worker.couch.documents import RING

if TYPE_CHECKING:
    from tests.simulation.play import Play

LENGTHS = ((0.2, 3.0), (0.2, 3.0), (10.0, 40.0), (70.0, 200.0))
"""Seconds for which a fault lasts: shorter than a lease, longer than one, long enough to be bridged."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`strikes`: it happens to a worker in the middle of a step, never between two."""

    befall: Callable[["Play", Random], None]
    weight: float = 1.0
    strikes: bool = False


def length(random: Random) -> float:
    return random.uniform(*random.choice(LENGTHS))


# workers and wake-ups


def worker_dies(play: "Play", _: Random) -> None:
    play.tell("the worker is killed")
    raise Died


def worker_pauses(play: "Play", random: Random) -> None:
    seconds = random.choice((2.0, play.lease + 0.5, play.lease + random.uniform(1.0, 60.0)))
    play.tell(f"the worker stops for {seconds:.0f} s")
    play.meanwhile(seconds, beats=False)
    play.tell("the stopped worker goes on")


def wake_ups_lost(play: "Play", random: Random) -> None:
    play.for_a_while("wake-ups are lost", length(random), lambda on: setattr(play, "loses_wake_ups", on))


def wake_ups_doubled(play: "Play", random: Random) -> None:
    play.for_a_while("wake-ups come twice, and late", length(random), lambda on: setattr(play, "doubles_wake_ups", on))


# Redis


def store_refuses(play: "Play", random: Random) -> None:
    play.refuse_store("Redis refuses", length(random))


def store_restarts(play: "Play", random: Random) -> None:
    """A killed Redis comes back with all that it ever answered (decisions 0007)."""
    play.refuse_store("Redis is killed, and starts again from its AOF", random.uniform(0.5, 5.0))


def store_lost(play: "Play", random: Random) -> None:
    play.lose_store()
    play.refuse_store("Redis is lost with all it held", random.uniform(0.0, 5.0))


def store_restored(play: "Play", random: Random) -> None:
    """An older copy is kept now, and comes back in a while."""
    copy = play.copy_store()
    seconds = random.uniform(0.5, 20.0)
    made_at = play.clock.now

    def restore() -> None:
        play.restore_store(copy)
        play.refuse_store(f"Redis comes back from a copy that is {play.clock.now - made_at:.0f} s old", 1.0)

    play.later(seconds, restore)


def clock_steps(play: "Play", random: Random) -> None:
    by = random.choice((-7200.0, -40.0, -5.0, 5.0, 100.0, 4000.0))
    play.tell(f"the clock of Redis steps by {by:+.0f} s")
    play.shift += by
    play.laws.links.clock_stepped(by)


# the platform


def platform_away(play: "Play", random: Random) -> None:
    faults = play.platform.faults
    play.for_a_while("the platform does not answer", length(random), lambda on: setattr(faults, "is_away", on))


def platform_deaf(play: "Play", random: Random) -> None:
    faults = play.platform.faults
    play.for_a_while(
        "the platform does what it is asked and does not say so",
        random.uniform(0.5, 10.0),
        lambda on: setattr(faults, "is_deaf", on),
    )


def platform_breaks_off(play: "Play", random: Random) -> None:
    faults, effects = play.platform.faults, random.randint(0, 4)
    play.for_a_while(
        f"the platform breaks off after {effects} effects",
        random.uniform(0.5, 10.0),
        lambda on: setattr(faults, "breaks_after", effects if on else None),
    )


def platform_slow(play: "Play", random: Random) -> None:
    delay = random.choice((0.3, 2.0, 6.0))
    play.for_a_while(
        f"each call of the platform takes {delay} s", length(random), lambda on: play.set_delay("platform", delay * on)
    )


def platform_starts_nothing(play: "Play", random: Random) -> None:
    faults = play.platform.faults
    play.for_a_while(
        "no instance can be started",
        length(random),
        lambda on: setattr(faults, "why_not_starting", "Unschedulable" if on else ""),
    )


def platform_retires_slowly(play: "Play", random: Random) -> None:
    faults = play.platform.faults
    play.for_a_while("retiring takes several calls", length(random), lambda on: setattr(faults, "retires_slowly", on))


# instances


def instance_dies(play: "Play", random: Random) -> None:
    kill(play, random, "dies", has_data=True)


def instance_moves(play: "Play", random: Random) -> None:
    kill(play, random, "dies, to come back at another address", has_data=True, moves=True)


def instance_emptied(play: "Play", random: Random) -> None:
    kill(play, random, "dies, and its data with it", has_data=False)


def kill(play: "Play", random: Random, how: str, *, has_data: bool, moves: bool = False) -> None:
    chosen = choose_instance(play, random)
    if chosen is not None:
        play.tell(f"instance {chosen.ordinal} {how}")
        play.kill(chosen.ordinal, has_data=has_data, moves=moves)


def all_emptied(play: "Play", _: Random) -> None:
    cluster = play.cluster()
    if cluster is not None and cluster.instances:
        play.tell("every instance dies, and its data with it")
        for ordinal in [i.ordinal for i in cluster.instances.values() if not i.is_going]:
            play.kill(ordinal, has_data=False)


def choose_instance(play: "Play", random: Random) -> MemoryInstance | None:
    cluster = play.cluster()
    there = [] if cluster is None else [i for i in cluster.instances.values() if not i.is_going]
    return random.choice(there) if there else None


def server_down(play: "Play", random: Random) -> None:
    def start(server: Server) -> None:
        if server.fault == "down":
            server.start()

    server = choose_server(play, random)
    if server is not None:
        seconds = length(random)
        play.tell(f"{play.name_of(server)} does not answer for {seconds:.0f} s")
        server.stop()
        play.stir_later(seconds, server, start)


def server_unclear(play: "Play", random: Random) -> None:
    fault_of(play, random, "unclear", "answers its siblings only")


def server_mute(play: "Play", random: Random) -> None:
    fault_of(play, random, "mute", "does what it is asked and does not say so")


def disk_full(play: "Play", random: Random) -> None:
    fault_of(play, random, "full", "has a full disk")


def fault_of(play: "Play", random: Random, fault: str, how: str) -> None:
    def end(server: Server) -> None:
        if server.fault == fault:
            server.fault = "none"

    server = choose_server(play, random)
    if server is not None:
        seconds = length(random)
        play.tell(f"{play.name_of(server)} {how} for {seconds:.0f} s")
        server.fault = fault  # type: ignore[assignment]
        play.stir_later(seconds, server, end)


def password_changed(play: "Play", random: Random) -> None:
    """A user, who is a server admin there, changes kanto's password, and later thinks better of it."""
    server = choose_server(play, random)
    if server is None:
        return
    before = dict(server.admins)
    play.tell(f"kanto's password is changed on {play.name_of(server)}")
    server.admins = dict.fromkeys(before, "another")
    play.stir_later(length(random), server, lambda s: setattr(s, "admins", before))


def server_restarts(play: "Play", random: Random) -> None:
    server = choose_server(play, random)
    if server is not None:
        play.tell(f"{play.name_of(server)} restarts")
        restart(play, server, random)


def restart(play: "Play", server: Server, random: Random) -> None:
    """Its users are back as soon as it is."""
    ticks = random.choice((0, 0, 2, 40))
    server.restart(ticks)
    play.users_come_back(server, ticks)


def fence_forgotten(play: "Play", random: Random) -> None:
    """A server restarts without the settings that were made at run time, a fence among them."""
    if play.laws.is_proved_just_now():
        return
    fenced = [s for s in play.world.servers.values() if s.walls is not None and s.is_up]
    server = random.choice(fenced) if fenced else choose_server(play, random)
    if server is not None:
        play.tell(f"{play.name_of(server)} restarts without its run-time settings")
        server.walls = server.checked = server.fenced = None
        restart(play, server, random)


def choose_server(play: "Play", random: Random) -> Server | None:
    servers = [server for server in play.world.servers.values() if server.fault == "none"]
    return random.choice(servers) if servers else None


# the ring


def link_cut(play: "Play", random: Random) -> None:
    addresses = sorted(play.world.servers)
    if len(addresses) < 2:
        return
    source, target = random.sample(addresses, 2)
    names = f"{play.name_of(play.world.servers[source])} to {play.name_of(play.world.servers[target])}"

    def cut(on: bool) -> None:
        (play.world.cuts.add if on else play.world.cuts.discard)((source, target))

    play.for_a_while(f"no connection from {names}", length(random), cut)


def replication_slow(play: "Play", random: Random) -> None:
    server = choose_server(play, random)
    if server is not None:
        play.tell(f"the replications of {play.name_of(server)} are slow")
        server.moves_every = random.choice((10, 100))
        play.stir_later(length(random), server, lambda s: setattr(s, "moves_every", 1))


def replication_deleted(play: "Play", random: Random) -> None:
    server, doc_id = choose_document(play, random)
    if server is not None:
        play.tell(f"a user deletes {doc_id} on {play.name_of(server)}")
        del server.documents[doc_id]


def replication_altered(play: "Play", random: Random) -> None:
    server, doc_id = choose_document(play, random)
    if server is None:
        return
    document = dict(server.documents[doc_id])
    change = random.choice(("filter", "target", "continuous"))
    if change == "filter":
        document["selector"] = {"_id": "none"}
    elif change == "continuous":
        document.pop("continuous", None)
    else:
        document["target"] = {**document["target"], "url": f"{server.address}/{document['target']['url'][-4:]}"}
    play.tell(f"a user alters {doc_id} on {play.name_of(server)}: {change}")
    server.put_document(document)


def choose_document(play: "Play", random: Random) -> tuple[Server | None, str]:
    there = [
        (server, doc_id)
        for server in play.world.servers.values()
        if server.is_up and not server.is_closed
        for doc_id in server.documents
        if doc_id.startswith(RING)
    ]
    return random.choice(there) if there else (None, "")


def documents_refused(play: "Play", random: Random) -> None:
    """An instance refuses some documents for a while, as its validation functions say."""
    server = choose_server(play, random)
    if server is None or "test" not in server.databases:
        return
    database = server.databases["test"]
    database.refuses |= {f"d{n}" for n in range(1, 4)}
    play.refused |= database.refuses
    play.tell(f"{play.name_of(server)} refuses some documents")
    play.stir_later(length(random), server, lambda _: database.refuses.clear())


def database_deleted(play: "Play", random: Random) -> None:
    """A user deletes a database on one instance. What only that one had is gone by his own hand."""
    server = choose_server(play, random)
    names = [] if server is None else [name for name in server.databases if not name.startswith("_")]
    if server is not None and names and not server.is_closed:
        name = random.choice(names)
        play.tell(f"a user deletes {name} on {play.name_of(server)}")
        play.laws.database_deleted(server, name)
        del server.databases[name]


FAULTS: Mapping[str, Fault] = {
    "worker dies": Fault(worker_dies, 3.0, strikes=True),
    "worker pauses": Fault(worker_pauses, 3.0, strikes=True),
    "wake-ups lost": Fault(wake_ups_lost),
    "wake-ups doubled": Fault(wake_ups_doubled),
    "Redis refuses": Fault(store_refuses),
    "Redis restarts": Fault(store_restarts),
    "Redis lost": Fault(store_lost),
    "Redis restored": Fault(store_restored, 0.5),
    "clock steps": Fault(clock_steps),
    "platform away": Fault(platform_away),
    "platform deaf": Fault(platform_deaf),
    "platform breaks off": Fault(platform_breaks_off),
    "platform slow": Fault(platform_slow),
    "platform starts nothing": Fault(platform_starts_nothing),
    "platform retires slowly": Fault(platform_retires_slowly),
    "instance dies": Fault(instance_dies, 2.0),
    "instance moves": Fault(instance_moves),
    "instance emptied": Fault(instance_emptied, 2.0),
    "all emptied": Fault(all_emptied, 0.3),
    "server down": Fault(server_down),
    "server unclear": Fault(server_unclear),
    "server mute": Fault(server_mute),
    "server restarts": Fault(server_restarts),
    "fence forgotten": Fault(fence_forgotten),
    "disk full": Fault(disk_full),
    "password changed": Fault(password_changed),
    "link cut": Fault(link_cut),
    "replication slow": Fault(replication_slow),
    "replication deleted": Fault(replication_deleted),
    "replication altered": Fault(replication_altered),
    "documents refused": Fault(documents_refused),
    "database deleted": Fault(database_deleted, 0.5),
}
