"""Who leaves, and when (hazards H4)."""

from dataclasses import replace

import pytest

from common.cluster import ClusterSpec
from common.errors import TemporaryError
from tests.fake_kubernetes.server import FakeKubernetes
from tests.homes import instances
from worker.core.observed import Instance
from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.platform import KubernetesPlatform

from .clusters import a_spec
from .steps import keep, repeat, replicas, running

DEPLOYMENT, STATEFUL, RC = a_spec("deployment"), a_spec("statefulset"), a_spec("rc")


def fail(fake: FakeKubernetes, name: str) -> None:
    """The pod's container does not run any more."""
    with fake.change() as objects:
        state = {"waiting": {"reason": "CrashLoopBackOff"}}
        status = {"phase": "Pending", "containerStatuses": [{"name": "couchdb", "state": state}]}
        objects.patch("pods", name, {"status": status})


def has_left(platform: KubernetesPlatform, spec: ClusterSpec, instance: Instance) -> bool:
    platform.retire(spec, instance, 1)
    return instance.identity not in keep(platform, spec)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_deployment_lets_go_of_the_one_that_is_meant(
    fake: FakeKubernetes, platform: KubernetesPlatform, at: int
) -> None:
    before = running(platform, DEPLOYMENT)
    platform.retire(DEPLOYMENT, before[at], 1)
    left = instances(platform, DEPLOYMENT)
    assert {i.identity for i in left} == {i.identity for i in before} - {before[at].identity}
    assert replicas(fake, "deployments") == [2]


def test_a_deployment_waits_while_another_would_go_first(fake: FakeKubernetes, platform: KubernetesPlatform) -> None:
    before = running(platform, DEPLOYMENT)
    fail(fake, before[0].name)
    platform.retire(DEPLOYMENT, before[1], 1)
    assert replicas(fake, "deployments") == [3]
    assert keep(platform, DEPLOYMENT) == [i.identity for i in before]


def test_a_deployment_lets_go_of_one_at_a_time(fake: FakeKubernetes, platform: KubernetesPlatform) -> None:
    before = running(platform, DEPLOYMENT)
    fake.controllers.ends_pods = False
    platform.retire(DEPLOYMENT, before[2], 1)
    going = [i for i in instances(platform, DEPLOYMENT) if i.is_going]
    assert [i.identity for i in going] == [before[2].identity]
    platform.retire(DEPLOYMENT, before[2], 1)
    assert replicas(fake, "deployments") == [2]


def test_one_that_is_spared_after_all_may_stay(fake: FakeKubernetes, platform: KubernetesPlatform) -> None:
    """The lowest cost is taken off a leaver of before, or the wrong one would go."""
    before = running(platform, DEPLOYMENT)
    with fake.change() as objects:
        cost = {"metadata": {"annotations": {names.DELETION_COST: "-1000"}}}
        objects.patch("pods", before[0].name, cost)
    platform.retire(DEPLOYMENT, before[1], 1)
    assert before[0].identity in keep(platform, DEPLOYMENT)
    assert before[1].identity not in keep(platform, DEPLOYMENT)


def test_if_the_controller_took_another_the_leaver_goes_too_and_one_comes(
    fake: FakeKubernetes, platform: KubernetesPlatform
) -> None:
    before = running(platform, DEPLOYMENT)
    with fake.change() as objects:
        change = {"metadata": {"annotations": {"kanto/retired": before[2].identity}}, "spec": {"replicas": 2}}
        objects.patch("deployments", names.workload(DEPLOYMENT), change)
        objects.delete("pods", before[0].name)
    repeat(lambda: has_left(platform, DEPLOYMENT, before[2]))
    assert replicas(fake, "deployments") == [2]
    assert before[1].identity in keep(platform, DEPLOYMENT)
    assert len(keep(platform, DEPLOYMENT)) == 2


def test_a_pod_that_can_not_be_made_is_waited_for_no_longer(fake: FakeKubernetes, platform: KubernetesPlatform) -> None:
    fake.controllers.quota = 3
    before = running(platform, DEPLOYMENT)
    platform.provision(replace(DEPLOYMENT, replicas=5), keep(platform, DEPLOYMENT), 1)
    assert replicas(fake, "deployments") == [5]
    platform.retire(DEPLOYMENT, before[2], 1)
    platform.retire(DEPLOYMENT, before[2], 1)
    assert replicas(fake, "deployments") == [3]
    assert keep(platform, DEPLOYMENT) == [i.identity for i in before]


def test_a_stateful_set_lets_go_from_the_top(fake: FakeKubernetes, platform: KubernetesPlatform) -> None:
    before = running(platform, STATEFUL)
    platform.retire(STATEFUL, before[1], 1)
    assert replicas(fake, "statefulsets") == [3]
    platform.retire(STATEFUL, before[2], 1)
    platform.retire(STATEFUL, before[1], 1)
    assert replicas(fake, "statefulsets") == [1]
    assert keep(platform, STATEFUL) == [before[0].identity]


@pytest.mark.parametrize("spec", [STATEFUL, RC], ids=["statefulset", "rc"])
def test_one_that_leaves_is_going_until_its_volume_is_gone(
    fake: FakeKubernetes, platform: KubernetesPlatform, spec: ClusterSpec
) -> None:
    before = running(platform, spec)
    fake.controllers.ends_pods = False
    platform.retire(spec, before[2], 1)
    assert [i.is_going for i in instances(platform, spec)] == [False, False, True]
    platform.provision(replace(spec, replicas=2), keep(platform, spec), 1)
    assert instances(platform, spec)[2].is_going, "it is not asked for again"
    with fake.change():
        fake.controllers.ends_pods = True
    repeat(lambda: has_left(platform, spec, before[2]))
    assert len(keep(platform, spec)) == 2


def test_nothing_is_begun_that_a_missing_right_would_leave_half_done(
    fake: FakeKubernetes, platform: KubernetesPlatform
) -> None:
    before = running(platform, RC)
    fake.forbid("delete", "services")
    with pytest.raises(TemporaryError):
        platform.retire(RC, before[2], 1)
    assert instances(platform, RC) == before
    with fake.change() as objects:
        assert len(objects.all("replicationcontrollers")) == 3


def test_a_volume_that_somebody_deletes_is_not_a_retirement(fake: FakeKubernetes, platform: KubernetesPlatform) -> None:
    before = running(platform, STATEFUL)
    with fake.change() as objects:
        objects.delete("persistentvolumeclaims", names.claim(STATEFUL, 2))
    seen = instances(platform, STATEFUL)[2]
    assert (seen.identity, seen.phase, seen.is_going) == (before[2].identity, "running", False)


@pytest.mark.parametrize("spec", [DEPLOYMENT, STATEFUL, RC], ids=["deployment", "statefulset", "rc"])
def test_nobody_else_leaves_under_the_same_name(platform: KubernetesPlatform, spec: ClusterSpec) -> None:
    before = running(platform, spec)
    stranger: Instance = replace(before[2], identity="another")
    platform.retire(spec, stranger, 1)
    assert keep(platform, spec) == [i.identity for i in before]
