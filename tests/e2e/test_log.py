"""The log of a running service: one id from the request to its job's steps in another process, and no secret."""

import json
from typing import Any

import httpx

from tests.e2e.conftest import MakeService

TOKEN = "Zq8-nobody-else-has-this"
REQUEST = "the-callers-own-id"


def test_one_id_goes_from_the_request_to_each_step_and_no_secret_is_written(make_service: MakeService) -> None:
    service = make_service(KANTO_LOG_FORMAT="json")
    form = {"username": "logan", "token": TOKEN, "cluster_tag": "logged", "replicas": "2"}
    answer = httpx.post(f"{service.url}/v0/create", data=form, headers={"X-Request-Id": REQUEST}, timeout=120)
    assert answer.status_code == 200, answer.text
    service.user("logan", TOKEN).result("delete", cluster_tag="logged")
    service.stop()

    written = service.log.read_text()
    for secret in (TOKEN, (service.home / "redis" / "password").read_text().strip(), "argon2id", "pbkdf2"):
        assert secret not in written
    found = [line for line in lines(written) if line.get("request_id") == REQUEST]
    events = {line["event"] for line in found}
    assert {"request", "acts", "job_ended"} <= events
    assert len({line["job"] for line in found if "job" in line}) == 1


def lines(written: str) -> list[dict[str, Any]]:
    """What is JSON in it, after the name that `kanto run` puts before each line."""
    found = []
    for line in written.splitlines():
        _, brace, rest = line.partition("{")
        try:
            found.append(json.loads(brace + rest))
        except ValueError:
            continue
    return found
