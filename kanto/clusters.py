"""`kanto clusters ...`: what an operator does to the clusters of all users."""

import argparse
import time
import uuid
from collections.abc import Callable, Iterator

from common.change import build_submission, deletion
from common.store.port import ClusterRecord, Store
from kanto.refusal import Refusal
from kanto.run.settings import RunSettings
from kanto.store import open_store

PAUSE = 1.0
"""Seconds between two looks at what is left."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`clusters` and what it can do, for the command line."""
    parser = commands.add_parser("clusters", help="list the clusters of all users, or remove all of them")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", title="actions")
    actions.add_parser("list", help="all clusters: user, cluster_tag, status")
    removing = actions.add_parser(
        "remove-all",
        help="delete every cluster of every user, with all data",
        description="Enqueue a delete of every cluster and wait for the end. Workers have to be at work.",
    )
    removing.add_argument("--yes", action="store_true", help="say that all data may go")
    removing.add_argument("--wait", type=float, default=600.0, metavar="SECONDS", help="how long to wait (600)")


def clusters(parsed: argparse.Namespace, settings: RunSettings) -> Iterator[str]:
    """Carry out one action; the lines to print. A Refusal when something has to be put right first."""
    with open_store(settings) as store:
        yield from act(store, parsed, settings, clock=time.monotonic, sleep=time.sleep)


def act(
    store: Store,
    parsed: argparse.Namespace,
    settings: RunSettings,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Iterator[str]:
    """As `clusters`, on a store."""
    if parsed.action == "list":
        for record in _all(store):
            status = record.view.status if record.view else "unknown"
            yield f"{record.spec.user}\t{record.spec.tag}\t{status}"
        return
    if not parsed.yes:
        raise Refusal("This deletes every cluster of every user with all data: say --yes if that is what you want")
    ends = clock() + parsed.wait
    told = set()
    while left := _all(store):
        for record in left:
            if record.spec.key not in told and _delete(store, record, settings):
                told.add(record.spec.key)
                yield f"{record.spec.user}\t{record.spec.tag}\tbeing deleted"
        if clock() >= ends:
            raise Refusal(
                f"{len(left)} clusters are not gone after {parsed.wait:.0f} s: look at their jobs, then again"
            )
        sleep(PAUSE)
    yield f"{len(told)} deleted"


def _all(store: Store) -> list[ClusterRecord]:
    return [record for user in store.users() for record in store.clusters(user.name)]


def _delete(store: Store, record: ClusterRecord, settings: RunSettings) -> bool:
    """Whether its delete is under way now. It is not if the record moved meanwhile: then it is asked again."""
    if record.spec.deleted:
        return True
    submission = build_submission(
        deletion(record.spec, force=False),
        owner_hash=record.owner_hash,
        version=record.version,
        job_id=uuid.uuid4().hex,
        settings=settings,
    )
    return store.submit(submission).refusal is None
