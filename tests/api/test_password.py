"""The login of a cluster's databases: chosen at create, changed by /v0/password."""

import pytest

from common.cluster import ClusterKey, ClusterSpec
from common.passwords import admin_line
from tests.api.golden import same
from tests.api.test_answers import still
from tests.api.world import TAG, TOKEN, USER, World, world

pytestmark = pytest.mark.anyio

WORD = "a-word-of-my-own"


def spec_of(here: World) -> ClusterSpec:
    record = here.store.cluster(ClusterKey(USER, TAG))
    assert record is not None
    return record.spec


def is_password(here: World, password: str) -> bool:
    line = spec_of(here).admin_line
    return line == admin_line(password, salt=line.split(",")[1], iterations=1)


async def test_without_a_login_of_its_own_it_is_username_and_token() -> None:
    async with world() as here:
        answer = await here.create()
        assert "CouchdbUser" not in answer.json()["result"]
        assert (spec_of(here).admin_name, spec_of(here).has_own_password) == (USER, False)
        assert is_password(here, TOKEN)


async def test_a_cluster_with_a_login_of_its_own_tells_the_name_and_never_the_password() -> None:
    async with world() as here:
        answer = await here.create(couchdb_user="app", couchdb_password=WORD)
        result = answer.json()["result"]
        assert (result["Username"], result["Password"]) == (USER, TOKEN)
        assert (result["CouchdbUser"], result["OwnPassword"]) == ("app", True)
        assert WORD not in answer.text
        assert spec_of(here).admin_name == "app"
        assert is_password(here, WORD)
        assert (await here.post("detail", cluster_tag=TAG)).json()["result"]["CouchdbUser"] == "app"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"couchdb_user": "-app"}, "bad_couchdb_user"),
        ({"couchdb_user": "a b"}, "bad_couchdb_user"),
        ({"couchdb_password": "short"}, "bad_couchdb_password"),
        ({"couchdb_password": 'with-a-"quote'}, "bad_couchdb_password"),
    ],
)
async def test_a_login_outside_the_rules_is_refused_and_not_repeated(fields: dict[str, str], code: str) -> None:
    async with world() as here:
        answer = await here.create(**fields)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert not any(value in answer.text for value in fields.values())
        assert here.store.owner_hash(USER) is None, "nobody is enrolled by a request that is refused"


async def test_password_to_the_byte() -> None:
    async with world(store=still()) as here:
        await here.create(replicas="1")
        same(await here.post("password", cluster_tag=TAG, couchdb_password=WORD), "password")


async def test_a_change_has_a_new_salt_and_leaves_all_else() -> None:
    async with world() as here:
        await here.create()
        before = spec_of(here)
        for _ in range(2):
            answer = await here.post("password", cluster_tag=TAG, couchdb_password=WORD)
            assert (answer.status_code, WORD in answer.text) == (200, False)
            assert is_password(here, WORD)
            assert spec_of(here).admin_line != before.admin_line
            before = spec_of(here)
        assert before.has_own_password


async def test_the_token_as_password_follows_the_token_again() -> None:
    async with world() as here:
        await here.create(couchdb_password=WORD)
        await here.post("password", cluster_tag=TAG, couchdb_password=TOKEN)
        assert not spec_of(here).has_own_password
        assert is_password(here, TOKEN)


async def test_what_password_refuses() -> None:
    async with world() as here:
        await here.create()
        missing = await here.post("password", cluster_tag=TAG)
        assert (missing.status_code, missing.json()["code"]) == (400, "missing_couchdb_password")
        other = await here.post("password", cluster_tag=TAG, couchdb_password=WORD, couchdb_user="somebody")
        assert (other.status_code, other.json()["code"]) == (400, "bad_couchdb_user")
        stranger = await here.post("password", cluster_tag=TAG, couchdb_password=WORD, token="another-token")
        assert stranger.status_code == 401
        none = await here.post("password", cluster_tag="another", couchdb_password=WORD)
        assert (none.status_code, none.json()["code"]) == (404, "no_such_cluster")
        assert is_password(here, TOKEN)


async def test_a_cancel_brings_the_former_login_back() -> None:
    async with world() as here:
        await here.create()
        before = spec_of(here)
        here.worker.stop()
        job = (await here.post("password", {"cluster_tag": TAG, "couchdb_password": WORD, "async": "1"})).json()["job"]
        busy = await here.post("scale", cluster_tag=TAG, replicas="2")
        assert (busy.status_code, busy.json()["code"]) == (409, "job_running")
        undone = (await here.post("cancel", job_id=job)).json()["result"]["Undone"]
        assert "password of before" in undone
        assert spec_of(here) == before


async def test_a_repeated_request_is_one_change_and_no_password_is_kept() -> None:
    async with world() as here:
        await here.create()
        fields = {"cluster_tag": TAG, "couchdb_password": WORD}
        first = await here.post("password", fields, headers={"Idempotency-Key": "k"})
        line = spec_of(here).admin_line
        again = await here.post("password", fields, headers={"Idempotency-Key": "k"})
        assert (first.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
        assert spec_of(here).admin_line == line
        assert WORD not in repr(here.store.remembered(USER, "k"))
