"""Instances: made, kept, started again, retired, removed."""

import threading
from dataclasses import replace

import pytest

from common.errors import LeaseLost, PermanentError
from common.names import cluster_name
from tests.contract.platform.hosts import Host
from tests.contract.platform.steps import is_empty, make, provision, remove, retire, serve, wait_until_running
from tests.homes import SPEC, instances, look, record, until
from worker.core.observed import Instance, Unknown
from worker.ports import Credentials, Platform

NAME = cluster_name(SPEC.user, SPEC.tag)


def test_as_many_instances_as_asked_for(host: Host, platform: Platform) -> None:
    make(platform)
    wait_until_running(platform)
    seen = look(platform, SPEC)
    assert len(seen.instances) == SPEC.replicas
    if host.has_ordinals:
        assert [i.name for i in seen.instances] == [f"{NAME}-0", f"{NAME}-1", f"{NAME}-2"]
    assert all(i.name.startswith(f"{NAME}-") for i in seen.instances)
    for values in ({i.identity for i in seen.instances}, {i.address for i in seen.instances}):
        assert len(values) == 3
    assert seen.endpoint is not None
    assert seen.endpoint not in {i.address for i in seen.instances}
    assert seen.problem == ""


def test_a_new_instance_gets_no_traffic(platform: Platform) -> None:
    make(platform)
    assert not any(i.serving for i in instances(platform, SPEC))


def test_provision_again_changes_nothing(platform: Platform) -> None:
    make(platform)
    wait_until_running(platform)
    before = look(platform, SPEC)
    platform.provision(SPEC, [i.identity for i in before.instances], 1)
    assert look(platform, SPEC) == before


def test_more_instances_come_beside_those_that_are_there(platform: Platform) -> None:
    make(platform)
    before = {i.name: i.identity for i in instances(platform, SPEC)}
    provision(platform, replace(SPEC, replicas=5))
    after = {i.name: i.identity for i in instances(platform, SPEC)}
    assert len(after) == 5
    assert before.items() <= after.items()


def test_provision_never_shrinks(platform: Platform) -> None:
    make(platform)
    before = [i.identity for i in instances(platform, SPEC)]
    platform.provision(replace(SPEC, replicas=1), before, 1)
    assert [i.identity for i in instances(platform, SPEC)] == before


def test_exactly_the_named_serve(platform: Platform) -> None:
    make(platform)
    names = [i.name for i in instances(platform, SPEC)]
    for wanted in (names, names[1:], names[:1], []):
        serve(platform, wanted)


def test_who_is_not_there_cannot_serve(platform: Platform) -> None:
    make(platform)
    first = instances(platform, SPEC)[0].name
    serve(platform, [first])
    platform.serve(SPEC, [first, f"{NAME}-7"], 1)
    assert [i.name for i in instances(platform, SPEC) if i.serving] == [first]


def test_provision_leaves_who_serves(platform: Platform) -> None:
    make(platform)
    second = instances(platform, SPEC)[1].name
    serve(platform, [second])
    provision(platform, replace(SPEC, replicas=4))
    assert [i.name for i in instances(platform, SPEC) if i.serving] == [second]


def test_a_dead_instance_comes_back_as_it_was(host: Host, platform: Platform) -> None:
    if not host.keeps_data:
        pytest.skip("an instance of this host has no volume")
    make(platform)
    wait_until_running(platform)
    before = instances(platform, SPEC)
    serve(platform, [i.name for i in before])
    host.kill(SPEC, before[1].name)
    wait_until_running(platform)
    after = instances(platform, SPEC)
    assert [(i.identity, i.address) for i in after] == [(i.identity, i.address) for i in before]
    assert [i.serving for i in after] == [True, host.keeps_place, True]


def test_a_dead_instance_does_not_run_and_says_why(host: Host, platform: Platform) -> None:
    if not host.keeps_data:
        pytest.skip("an instance of this host that dies is none any more")
    make(platform)
    wait_until_running(platform)
    host.kill(SPEC, instances(platform, SPEC)[1].name)
    seen: list[Instance] = []

    def is_dead() -> bool:
        seen.append(instances(platform, SPEC)[1])
        return seen[-1].phase != "running"

    until(is_dead, "it is seen not to run")
    assert seen[-1].reason


def test_other_data_are_another_identity_without_traffic(host: Host, platform: Platform) -> None:
    make(platform)
    wait_until_running(platform)
    before = instances(platform, SPEC)
    serve(platform, [i.name for i in before])
    host.lose(SPEC, before[1].name)

    def is_lost() -> bool:
        wait_until_running(platform)
        return before[1].identity not in {i.identity for i in instances(platform, SPEC)}

    until(is_lost, "its data are gone")
    wait_until_running(platform)
    after = instances(platform, SPEC)
    kept = {before[0].identity, before[2].identity}
    assert {i.identity for i in after if i.serving} == kept
    assert len({i.identity for i in after} - {i.identity for i in before}) == 1


def test_retire_takes_one_by_identity(platform: Platform) -> None:
    make(platform)
    seen = instances(platform, SPEC)
    serve(platform, [i.name for i in seen])
    retire(platform, seen[2])
    platform.retire(SPEC, seen[2], 1)
    assert [i.identity for i in instances(platform, SPEC)] == [i.identity for i in seen[:2]]
    assert all(i.serving for i in instances(platform, SPEC))


def test_retire_leaves_another_of_the_same_name(platform: Platform) -> None:
    make(platform)
    seen = instances(platform, SPEC)
    platform.retire(SPEC, replace(seen[2], identity="another"), 1)
    assert [i.identity for i in instances(platform, SPEC)] == [i.identity for i in seen]


def test_who_comes_after_a_retired_one_is_new(platform: Platform) -> None:
    make(platform)
    seen = instances(platform, SPEC)
    serve(platform, [i.name for i in seen])
    retire(platform, seen[2])
    provision(platform)
    after = instances(platform, SPEC)
    assert len(after) == 3
    new = next(i for i in after if i.identity not in {old.identity for old in seen})
    assert not new.serving


def test_removal_leaves_nothing(platform: Platform) -> None:
    make(platform)
    gone = replace(SPEC, deleted=True)
    platform.mirror(record(gone, version=2))
    remove(platform)
    platform.remove(gone, 1)
    assert isinstance(platform.credentials(gone), Unknown)
    found = platform.records()
    assert not isinstance(found, Unknown)
    assert list(found) == []


def test_removal_leaves_another_incarnation(platform: Platform) -> None:
    make(platform)
    before = instances(platform, SPEC)
    platform.remove(replace(SPEC, incarnation="earlier", deleted=True), 9)
    assert [i.identity for i in instances(platform, SPEC)] == [i.identity for i in before]


def test_a_cluster_made_again_shares_nothing_with_the_one_before(platform: Platform) -> None:
    make(platform)
    before, login = instances(platform, SPEC), platform.credentials(SPEC)
    remove(platform)
    after = replace(SPEC, incarnation="second")
    make(platform, after, fence=2)
    assert is_empty(platform, SPEC)
    assert not {i.identity for i in before} & {i.identity for i in instances(platform, after)}
    assert platform.credentials(after) != login


def test_the_login_is_made_once(host: Host, platform: Platform) -> None:
    platform.claim(SPEC, 1)
    assert isinstance(platform.credentials(SPEC), Unknown)
    platform.provision(SPEC, (), 1)
    login = platform.credentials(SPEC)
    assert isinstance(login, Credentials)
    assert login.password
    assert login.password not in repr(login)
    platform.provision(replace(SPEC, replicas=4), (), 1)
    assert host.platform().credentials(SPEC) == login


def test_a_login_that_is_lost_is_not_made_again(host: Host, platform: Platform) -> None:
    make(platform)
    host.lose_credentials(SPEC)
    assert isinstance(platform.credentials(SPEC), Unknown)
    with pytest.raises(PermanentError) as refused:
        platform.provision(SPEC, (), 1)
    assert refused.value.code == "credentials_lost"
    assert isinstance(platform.credentials(SPEC), Unknown)


def test_another_worker_sees_the_same(host: Host, platform: Platform) -> None:
    make(platform)
    wait_until_running(platform)
    serve(platform, [instances(platform, SPEC)[0].name])
    until(lambda: not look(platform, SPEC).problem, "what serves to be ready")
    other = host.platform()
    assert other.observe(SPEC) == platform.observe(SPEC)
    other.claim(SPEC, 2)
    with pytest.raises(LeaseLost):
        platform.serve(SPEC, [], 1)


def test_workers_that_provision_at_once_make_one_set(host: Host) -> None:
    workers = [host.platform() for _ in range(4)]
    workers[0].claim(SPEC, 1)
    start = threading.Barrier(len(workers))
    errors: list[BaseException] = []

    def work(platform: Platform) -> None:
        start.wait(30)
        try:
            platform.provision(SPEC, (), 1)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(platform,)) for platform in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    until(lambda: len(instances(workers[0], SPEC)) >= SPEC.replicas, "all instances are there")
    assert len(instances(workers[0], SPEC)) == SPEC.replicas
    assert len({platform.credentials(SPEC) for platform in workers}) == 1
