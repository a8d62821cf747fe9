"""Bad input, each kind of it: an envelope with a stable code and the right status, and nothing left behind."""

import pytest

from common.cluster import ClusterKey
from common.errors import CODES
from tests.api.world import ME, TAG, TOKEN, USER, World, world

pytestmark = pytest.mark.anyio

NEEDED = {
    "create": {"replicas": "3"},
    "scale": {"cluster_tag": TAG, "replicas": "3"},
    "replicate": {"cluster_tag": TAG, "databases": "a"},
    "delete": {"cluster_tag": TAG},
    "list": {},
    "detail": {"cluster_tag": TAG},
    "job": {"job_id": "0" * 32},
}

MISSING = [
    (operation, field, form)
    for operation, fields in NEEDED.items()
    for field in ("username", "token", *fields)
    for form in ("missing", "empty")
]


def refused(answer: object, code: str) -> dict[str, str]:
    """The envelope of an answer with this code; what every refusal has is looked at here."""
    assert hasattr(answer, "json")
    assert hasattr(answer, "status_code")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (CODES[code], code)
    assert body["status"] == ("unauthorized" if code == "unauthorized" else "error")
    assert body["status_message"]
    assert ". " in body["error_detail"], "what was wrong, and what to do"
    assert "result" not in body
    found: dict[str, str] = body
    return found


def nothing_left(here: World) -> None:
    assert here.store.owner_hash(USER) is None
    assert here.store.clusters(USER) == ()
    assert here.bell.rung == []


@pytest.mark.parametrize(("operation", "field", "form"), MISSING)
async def test_missing_and_empty_fields(operation: str, field: str, form: str) -> None:
    async with world() as here:
        fields = {**ME, **NEEDED[operation]}
        if form == "empty":
            fields[field] = ""
        else:
            del fields[field]
        answer = await here.client.post(f"/v0/{operation}", data=fields)
        refused(answer, f"missing_{field}")
        nothing_left(here)


@pytest.mark.parametrize("replicas", ["three", "2.5", "1e3", "0x2", "3 4", "--1", "-", "٣", "3\0", "None"])
@pytest.mark.parametrize("operation", ["create", "scale"])
async def test_replicas_that_are_no_integer(operation: str, replicas: str) -> None:
    async with world() as here:
        refused(await here.post(operation, cluster_tag=TAG, replicas=replicas), "bad_replicas")
        nothing_left(here)


@pytest.mark.parametrize(
    ("replicas", "taken_as"),
    [("-1", 1), ("0", 1), ("99999999999", 10), ("9" * 5000, 10), ("-" + "9" * 5000, 1), ("007", 7)],
)
async def test_replicas_out_of_range_are_taken_as_the_nearest(replicas: str, taken_as: int) -> None:
    async with world() as here:
        answer = await here.create(replicas=replicas)
        assert answer.status_code == 200
        assert answer.json()["result"]["Replicas"] == taken_as


@pytest.mark.parametrize(
    "tag",
    [
        "MyTag",
        "my.tag",
        "my/tag",
        "-mytag",
        "mytag-",
        "my_tag",
        "my tag",
        "myt\0ag",
        "valid-until12\0",
        "täg-x",
        '"my"tag',
    ],
)
@pytest.mark.parametrize("operation", ["create", "detail"])
async def test_tags_outside_the_rules(operation: str, tag: str) -> None:
    async with world() as here:
        refused(await here.post(operation, cluster_tag=tag, replicas="1"), "bad_cluster_tag")
        nothing_left(here)


async def test_a_long_tag_is_cut_alike_everywhere() -> None:
    async with world() as here:
        long = "a" * 300
        created = await here.create(cluster_tag=long)
        assert created.json()["result"]["Tag"] == "a" * 12
        shown = await here.post("detail", cluster_tag=long)
        assert shown.json()["result"]["Tag"] == "a" * 12


async def test_a_long_tag_that_is_bad_after_the_cut() -> None:
    async with world() as here:
        refused(await here.create(cluster_tag="abcdefghijk-" + "x" * 288), "bad_cluster_tag")
        nothing_left(here)


@pytest.mark.parametrize(
    "name", ['jo"hny', "jo\nhny", "j" * 5000, "-johny", "jo hny", "jo\0hny", "jöhny", "jo\\hny", "../x"]
)
async def test_usernames_outside_the_rules(name: str) -> None:
    async with world() as here:
        refused(await here.create(username=name), "bad_username")
        assert here.bell.rung == []


@pytest.mark.parametrize(
    "token", ['has"quote12', "has\\slash12", "has space12", "short", "x" * 129, "line\nfeed12", "nul\0nul12"]
)
async def test_tokens_outside_the_rules_are_not_repeated(token: str) -> None:
    async with world() as here:
        answer = await here.create(token=token)
        refused(answer, "bad_token")
        assert token not in answer.text
        nothing_left(here)


async def test_a_plus_that_became_a_space_is_hinted_at() -> None:
    async with world() as here:
        body = f"username=a+b&token={TOKEN}&replicas=1"
        answer = await here.client.post("/v0/create", content=body)
        assert "%2B" in refused(answer, "bad_username")["error_detail"]


BAD_DATABASES = [
    "_replicator",
    "_global_changes",
    "../x",
    "Orders",
    "1st",
    "a b",
    "a\0b",
    "x" * 239,
    "good,_replicator",
    "ä",
]


@pytest.mark.parametrize("databases", BAD_DATABASES)
async def test_databases_that_couchdb_refuses(databases: str) -> None:
    async with world() as here:
        await here.create()
        refused(await here.post("replicate", cluster_tag=TAG, databases=databases), "bad_databases")
        assert len(here.bell.rung) == 1


async def test_ten_thousand_databases() -> None:
    async with world() as here:
        await here.create()
        many = ",".join(f"d{number:04}" for number in range(10_000))
        refused(await here.post("replicate", cluster_tag=TAG, databases=many[:30_000]), "bad_databases")
        refused(await here.post("replicate", cluster_tag=TAG, databases=many), "too_large")


async def test_a_saved_list_that_grows_too_long() -> None:
    async with world() as here:
        await here.create(replicas="1")
        first, second = (",".join(f"{letter}{number}" for number in range(600)) for letter in "de")
        assert (await here.post("replicate", cluster_tag=TAG, databases=first)).status_code == 200
        refused(await here.post("replicate", cluster_tag=TAG, databases=second), "bad_databases")


async def test_the_same_database_twice_is_once() -> None:
    async with world() as here:
        await here.create(replicas="1")
        answer = await here.post("replicate", cluster_tag=TAG, databases="a, b,a ,test,,")
        assert answer.json()["result"]["Databases"] == ["_users", "a", "b", "test"]


async def test_databases_of_commas_only() -> None:
    async with world() as here:
        refused(await here.post("replicate", cluster_tag=TAG, databases=" , ,"), "missing_databases")


@pytest.mark.parametrize("field", ["username", "token", "cluster_tag", "replicas", "other"])
async def test_duplicate_fields(field: str) -> None:
    async with world() as here:
        body = f"username={USER}&token={TOKEN}&cluster_tag={TAG}&replicas=3&other=1&{field}=secretly"
        answer = await here.client.post("/v0/create", content=body)
        refused(answer, "duplicate_field")
        assert "secretly" not in answer.text
        nothing_left(here)


async def test_a_body_of_three_megabytes() -> None:
    async with world() as here:
        answer = await here.create(cluster_tag="x" * 3_000_000)
        refused(answer, "too_large")
        nothing_left(here)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"username":"johny2"}', "application/x-www-form-urlencoded"),
        (b'{"username":"johny2"}', "application/json"),
        (b"<form/>", ""),
        (b"johny2", "application/x-www-form-urlencoded"),
        (b"?", "application/x-www-form-urlencoded"),
        (b"username=johny2&secret-token-alone", ""),
        (b"=johny2", ""),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"username=johny2", "text/plain"),
    ],
)
async def test_bodies_that_are_no_form(body: bytes, content_type: str) -> None:
    async with world() as here:
        headers = {"Content-Type": content_type} if content_type else {}
        answer = await here.client.post("/v0/list", content=body, headers=headers)
        refused(answer, "bad_form")
        assert "secret-token" not in answer.text


@pytest.mark.parametrize(
    "body", [b"username=%ff%fe&token=Ty5wvW7LuQ3T", b"username=\xff&token=Ty5wvW7LuQ3T", b"\xff=1"]
)
async def test_bytes_that_are_not_utf8(body: bytes) -> None:
    async with world() as here:
        refused(await here.client.post("/v0/list", content=body), "bad_encoding")


async def test_another_charset() -> None:
    async with world() as here:
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=iso-8859-1"}
        refused(await here.client.post("/v0/list", content=b"username=a", headers=headers), "bad_encoding")


@pytest.mark.parametrize("operation", list(NEEDED))
async def test_credentials_in_the_query_string_do_not_count(operation: str) -> None:
    async with world() as here:
        answer = await here.client.post(f"/v0/{operation}", params={**ME, **NEEDED[operation]}, data=NEEDED[operation])
        body = refused(answer, "missing_username")
        assert "query string" in body["error_detail"]
        assert TOKEN not in answer.text
        nothing_left(here)


async def test_a_token_in_the_query_string_reaches_no_log(capsys: pytest.CaptureFixture[str]) -> None:
    async with world() as here:
        await here.client.post("/v0/list", params=ME, data={"username": USER})
        await here.client.get("/v0/list", params=ME)
        said = capsys.readouterr()
        assert "/v0/list" in said.out
        assert TOKEN not in said.out + said.err


@pytest.mark.parametrize(
    ("option", "operation"), [("async", "create"), ("async", "delete"), ("force", "scale"), ("force", "delete")]
)
async def test_options_that_are_neither_yes_nor_no(option: str, operation: str) -> None:
    async with world() as here:
        answer = await here.post(operation, {**NEEDED[operation], option: "yes"})
        refused(answer, "bad_option")
        nothing_left(here)


async def test_unknown_fields_are_ignored() -> None:
    async with world() as here:
        assert (await here.create(colour="blue", kind="\0")).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("operation", list(NEEDED))
async def test_other_methods_of_an_operation(operation: str, method: str) -> None:
    async with world() as here:
        answer = await here.client.request(method, f"/v0/{operation}")
        assert answer.headers["allow"] == "POST"
        if method == "HEAD":
            assert (answer.status_code, answer.content) == (405, b"")
        else:
            refused(answer, "wrong_method")


@pytest.mark.parametrize(
    "path", ["/v0", "/v0/", "/v0/create/", "/v1/create", "/v0/CREATE", "/x" * 1000, "/%00", "/v0/jobs/a/b"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_unknown_paths_are_welcomed(method: str, path: str) -> None:
    async with world() as here:
        answer = await here.client.request(method, path, content=b"x=1")
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/plain")
        assert "/v0/create" in answer.text


async def test_create_of_what_exists() -> None:
    async with world() as here:
        await here.create()
        before = here.store.cluster(ClusterKey(USER, TAG))
        refused(await here.create(replicas="5"), "cluster_exists")
        assert here.store.cluster(ClusterKey(USER, TAG)) == before


@pytest.mark.parametrize("operation", ["scale", "replicate", "delete", "detail"])
async def test_operations_on_what_does_not_exist(operation: str) -> None:
    async with world() as here:
        await here.create(cluster_tag="another")
        refused(await here.post(operation, NEEDED[operation]), "no_such_cluster")
        assert here.store.cluster(ClusterKey(USER, TAG)) is None


@pytest.mark.parametrize("operation", ["scale", "replicate"])
async def test_a_second_job_while_one_runs(operation: str) -> None:
    async with world() as here:
        here.worker.may_work.clear()
        first = await here.create(**{"async": "1"})
        body = refused(await here.post(operation, NEEDED[operation]), "job_running")
        assert body["job"] == first.json()["job"]


@pytest.mark.parametrize("operation", ["scale", "replicate", "delete", "detail"])
async def test_somebody_elses_cluster_does_not_exist(operation: str) -> None:
    async with world() as here:
        await here.create()
        mary = {"username": "mary", "token": "another-token"}
        await here.post("create", {**mary, "cluster_tag": "marys", "replicas": "1"})
        refused(await here.post(operation, {**NEEDED[operation], **mary}), "no_such_cluster")


async def test_somebody_elses_job_does_not_exist() -> None:
    async with world() as here:
        job = (await here.create(**{"async": "1"})).json()["job"]
        mary = {"username": "mary", "token": "another-token"}
        await here.post("create", {**mary, "replicas": "1"})
        refused(await here.post("job", mary, job_id=job), "no_such_job")
        refused(await here.client.get(f"/v0/jobs/{job}", auth=("mary", "another-token")), "no_such_job")


@pytest.mark.parametrize("job_id", ["x", "0" * 32, "0" * 5000, "\0", "../x", "{}"])
async def test_jobs_that_do_not_exist(job_id: str) -> None:
    async with world() as here:
        await here.create()
        refused(await here.post("job", job_id=job_id), "no_such_job")


@pytest.mark.parametrize("operation", [name for name in NEEDED if name != "create"])
async def test_an_unknown_user_is_unauthorized_and_not_enrolled(operation: str) -> None:
    async with world() as here:
        refused(await here.post(operation, NEEDED[operation]), "unauthorized")
        nothing_left(here)


@pytest.mark.parametrize("operation", list(NEEDED))
async def test_a_wrong_token_is_unauthorized(operation: str) -> None:
    async with world() as here:
        await here.create()
        refused(await here.post(operation, NEEDED[operation], token="another-token"), "unauthorized")


async def test_strict_takes_no_new_users() -> None:
    async with world(auth="strict") as here:
        refused(await here.create(), "unauthorized")
        nothing_left(here)


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic", "Basic !", "Basic am9obnky", "Bearer x", "Basic /w==", "basic am9obnkyOg=="],
)
async def test_a_job_needs_basic_credentials(authorization: str) -> None:
    async with world() as here:
        headers = {"Authorization": authorization} if authorization else {}
        answer = await here.client.get(f"/v0/jobs/{'0' * 32}", headers=headers)
        assert answer.json()["code"] in ("unauthorized", "bad_token")
        if answer.status_code == 401:
            assert answer.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_job_is_asked_for_by_get_and_canceled_by_delete(method: str) -> None:
    async with world() as here:
        answer = await here.client.request(method, f"/v0/jobs/{'0' * 32}")
        refused(answer, "wrong_method")
        assert answer.headers["allow"] == "DELETE, GET"


async def test_no_worker_and_the_job_waits() -> None:
    async with world() as here:
        here.worker.may_work.clear()
        answer = await here.post("create", {"cluster_tag": TAG, "replicas": "1"}, headers={"Prefer": "wait=0"})
        assert (answer.status_code, answer.json()["code"]) == (202, "still_running")
        shown = await here.post("job", job_id=answer.json()["job"])
        assert shown.json()["result"]["status"] == "queued"
        assert shown.headers["retry-after"]
