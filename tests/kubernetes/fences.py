"""Instances that stay fenced until a test lets them go, and that are restarted meanwhile."""

import subprocess
from typing import Any

from tests.e2e.service import User, wait_until
from tests.e2e.writers import numbered, put_all
from tests.kubernetes.admin import Admin, Json
from worker.platforms.kubernetes.pod import CONTAINER
from worker.platforms.kubernetes.resources import PODS

NEVER = "function (document, before, user) { throw {forbidden: 'never'}; }"


def make_what_cannot_be_proved(user: User, made: dict[str, Any]) -> None:
    """On each instance a database whose documents no other one takes: whoever leaves cannot be drained."""
    clients = [user.couch(one["Url"]) for one in made["Instances"]]
    for number, holder in enumerate(clients):
        for client in clients:
            assert client.put(f"/stuck{number}").status_code == 201
        put_all(holder, f"stuck{number}", numbered(3))
        for client in clients:
            if client is not holder:
                answer = client.put(f"/stuck{number}/_design/no", json={"validate_doc_update": NEVER})
                assert answer.status_code == 201, answer.text


def let_everything_through(user: User, made: dict[str, Any], *, but: str) -> None:
    """What was refused is taken from now on, by all instances but the fenced one."""
    clients = [user.couch(one["Url"]) for one in made["Instances"] if one["Name"] != but]
    for client in clients:
        for number in range(len(made["Instances"])):
            found = client.get(f"/stuck{number}/_design/no")
            if found.status_code == 200:
                answer = client.delete(f"/stuck{number}/_design/no", params={"rev": found.json()["_rev"]})
                assert answer.status_code == 200, answer.text


def fenced(user: User, tag: str) -> dict[str, Any] | None:
    return next((one for one in user.detail(tag)["Instances"] if one["State"] == "fenced"), None)


def restart(admin: Admin, namespace: str, name: str) -> None:
    """End the container's program; the kubelet starts it again in the same pod, with the same volumes."""
    subprocess.run(
        ["kubectl", "exec", "-n", namespace, name, "-c", CONTAINER, "--", "kill", "1"], check=True, timeout=60
    )
    wait_until("the container to be started again", lambda: restarts(admin.there(PODS, namespace, name)) == 1)


def restarts(pod: Json) -> int:
    count: int = next(one["restartCount"] for one in pod["status"]["containerStatuses"] if one["name"] == CONTAINER)
    return count
