"""The watch that makes clusters due: what it tells, and how it comes back from what befalls it."""

import threading
from collections.abc import Callable

from common.cluster import ClusterKey
from tests.fake_kubernetes.objects import Refused
from tests.fake_kubernetes.server import FakeKubernetes
from tests.homes import until
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.platform import KubernetesPlatform
from worker.platforms.kubernetes.watch import Watcher

from .clusters import a_spec
from .steps import running

SPEC = a_spec("statefulset")


class Heard:
    """The keys that were told, and whether this worker has the role."""

    def __init__(self) -> None:
        self.keys: list[ClusterKey] = []
        self.has_role = True
        self.given_back = threading.Event()

    def hold(self, seconds: float) -> bool:
        if seconds == 0:
            self.given_back.set()
        return self.has_role

    def watcher(self, client: Client, *, turn_seconds: int = 1) -> Watcher:
        return Watcher(client, hold=self.hold, on_change=self.keys.append, turn_seconds=turn_seconds, ask_seconds=0.01)


def heard_so_far(client: Client) -> tuple[Heard, Watcher]:
    """A watcher that has told what is there, and what it tells from now on."""
    heard = Heard()
    watcher = heard.watcher(client)
    watcher.turn()
    heard.keys.clear()
    return heard, watcher


def while_watching(watcher: Watcher, act: Callable[[], None], holds: Callable[[], bool], what: str) -> None:
    watcher.start()
    try:
        act()
        until(holds, what)
    finally:
        watcher.stop()


def test_what_is_there_at_first_is_told_once(client: Client, platform: KubernetesPlatform) -> None:
    running(platform, SPEC)
    heard = Heard()
    watcher = heard.watcher(client)
    assert watcher.turn() == 0
    assert set(heard.keys) == {SPEC.key}
    told = len(heard.keys)
    assert watcher.turn() == 0
    assert len(heard.keys) == told


def test_a_pod_that_goes_makes_its_cluster_due(
    fake: FakeKubernetes, client: Client, platform: KubernetesPlatform
) -> None:
    name = running(platform, SPEC)[0].name
    heard, watcher = heard_so_far(client)

    def act() -> None:
        with fake.change() as objects:
            objects.delete("pods", name)

    while_watching(watcher, act, lambda: SPEC.key in heard.keys, "the cluster is due")


def test_what_kanto_sets_itself_makes_nothing_due(client: Client, platform: KubernetesPlatform) -> None:
    running(platform, SPEC)
    heard, watcher = heard_so_far(client)
    platform.serve(SPEC, [], 1)
    watcher.turn()
    assert heard.keys == []


def test_after_a_410_it_lists_anew_and_tells_what_it_missed(
    fake: FakeKubernetes, client: Client, platform: KubernetesPlatform
) -> None:
    name = running(platform, SPEC)[0].name
    heard, watcher = heard_so_far(client)
    with fake.change() as objects:
        objects.delete("pods", name)
        objects.compact()
    assert watcher.turn() > 0, "it pauses"
    assert watcher.turn() == 0
    assert SPEC.key in heard.keys


def test_an_api_server_that_is_away_is_asked_ever_more_seldom(fake: FakeKubernetes, client: Client) -> None:
    watcher = Heard().watcher(client)
    fake.refuse("list", "pods", Refused(503, "ServiceUnavailable", "away"))
    pauses = [watcher.turn() for _ in range(10)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 1
    assert pauses[-1] == 30
    fake.faults.clear()
    assert watcher.turn() == 0
    fake.refuse("list", "pods", Refused(503, "ServiceUnavailable", "away"))


def test_a_worker_without_the_role_watches_nothing(fake: FakeKubernetes, client: Client) -> None:
    heard = Heard()
    heard.has_role = False
    watcher = heard.watcher(client)
    assert watcher.turn() > 0
    assert fake.requests == []


def test_whoever_gets_the_role_later_lists_anew(
    fake: FakeKubernetes, client: Client, platform: KubernetesPlatform
) -> None:
    heard = Heard()
    watcher = heard.watcher(client)
    watcher.turn()
    heard.has_role = False
    watcher.turn()
    running(platform, SPEC)
    fake.requests.clear()
    heard.has_role = True
    watcher.turn()
    assert ("list", "pods") in {(request.verb, request.plural) for request in fake.requests}
    assert SPEC.key in heard.keys


def test_it_ends_in_the_middle_of_a_watch_and_gives_the_role_back(fake: FakeKubernetes, client: Client) -> None:
    heard = Heard()
    watcher = heard.watcher(client, turn_seconds=3600)
    watcher.start()
    until(lambda: any(request.verb == "watch" for request in fake.requests), "it watches")
    watcher.stop()
    assert heard.given_back.is_set()


def test_pods_of_nobody_are_nobodys(fake: FakeKubernetes, client: Client) -> None:
    heard = Heard()
    with fake.change() as objects:
        pod = {"metadata": {"name": "p", "labels": {"app.kubernetes.io/managed-by": "kanto"}}, "spec": {"claims": []}}
        pod["status"] = {"containerStatuses": [{"state": {}}]}
        objects.create("pods", pod)
    assert heard.watcher(client).turn() == 0
    assert heard.keys == []


def test_instances_that_start_make_their_cluster_due_again(client: Client, platform: KubernetesPlatform) -> None:
    """The fake starts what was seen to wait, which the watcher's own list does."""
    platform.claim(SPEC, 1)
    platform.provision(SPEC, (), 1)
    heard = Heard()
    heard.watcher(client).turn()
    assert heard.keys == [SPEC.key] * 6
