"""While a newer version is rolled out, the api of the older one says so of what it may not read, and shows the rest."""

import pytest

from common.cluster import ClusterKey
from common.store.port import Outcome
from tests.api.world import TAG, USER, world
from tests.contract.store.newer import newer_kanto

pytestmark = pytest.mark.anyio

OTHER = "other"


async def test_what_a_newer_kanto_wrote_is_answered_as_away_for_a_while_and_the_rest_is_listed() -> None:
    async with world() as here:
        assert (await here.create()).status_code == 200
        assert (await here.create(cluster_tag=OTHER)).status_code == 200
        here.worker.may_work.clear()
        view = here.store.clusters(USER)[0].view
        lease = here.store.acquire(ClusterKey(USER, TAG), "newer", ttl=15.0)
        assert lease is not None
        with newer_kanto():
            here.store.release(lease, Outcome(30.0, view=view))
        for operation, more in (
            ("detail", {}),
            ("scale", {"replicas": "2"}),
            ("replicate", {"databases": "a"}),
            ("delete", {}),
        ):
            answer = await here.post(operation, {"cluster_tag": TAG, **more})
            assert (answer.status_code, answer.json()["code"]) == (503, "newer_version"), operation
            assert int(answer.headers["retry-after"]) >= 1
            assert "rolled out" in answer.json()["error_detail"]
        listed = {one["Tag"]: one for one in (await here.post("list")).json()["result"]}
        assert list(listed) == sorted([TAG, OTHER])
        assert listed[OTHER]["Status"] == "ready"
        assert listed[TAG]["Status"] == "unknown"
        assert listed[TAG]["Reasons"][0]["code"] == "newer_version"
        with newer_kanto():
            assert (await here.post("detail", cluster_tag=TAG)).status_code == 200
