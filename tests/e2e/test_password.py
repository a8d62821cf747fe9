"""A cluster's own login on real processes: changed while everything runs, and never old and new refused at once."""

import os
import signal
import threading
from collections.abc import Iterator
from functools import partial

import httpx
import pytest

from tests.e2e.inside import Inside
from tests.e2e.service import Service, User, wait_until
from tests.running import Running

TAG = "logins"
NAME = "app"
OLD = "the-old-password"
NEW = "the-new-password"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("logins") / "home", range(27500, 28000), {"KANTO_UPKEEP_INTERVAL": "2"})
    made.start()
    yield made
    made.end()


def takes(url: str, password: str) -> bool | None:
    """Whether a request with this password is taken; None while nobody answers, or nothing is there yet."""
    try:
        answer = httpx.get(f"{url}/test", auth=(NAME, password), timeout=10, trust_env=False)
    except httpx.TransportError:
        return None
    if answer.status_code in (404, 503):
        return None
    assert answer.status_code in (200, 401), f"{url}: {answer.status_code} {answer.text}"
    return answer.status_code == 200


class Askers(Running):
    """One for each address: tries the old password and the new one. `refused` are the times at which both were."""

    def __init__(self, urls: list[str]) -> None:
        super().__init__([partial(self._run, url) for url in urls], who="a client")
        self.refused: list[str] = []
        self.taken = 0

    def _run(self, url: str, stop: threading.Event) -> None:
        while not stop.wait(0.02):
            # the new one again: between the first two the login may have changed
            answers = (takes(url, NEW), takes(url, OLD), takes(url, NEW))
            if any(answers):
                self.taken += 1
            elif None not in answers:
                self.refused.append(url)


def set_config(url: str, key: str, to: str, *, password: str) -> None:
    answer = httpx.put(f"{url}/_node/_local/_config/{key}", json=to, auth=(NAME, password), timeout=10, trust_env=False)
    assert answer.status_code == 200, answer.text


def allow_wrong_passwords(url: str) -> None:
    """CouchDB holds off an address after five refused logins, and a client that tries both passwords has more."""
    set_config(url, "chttpd_auth_lockout/mode", "off", password=OLD)


def urls_of(user: User) -> list[str]:
    return [one["Url"] for one in user.detail(TAG)["Instances"]]


def test_a_password_is_changed_while_an_instance_dies(service: Service) -> None:
    user = service.user("pia")
    made = user.result("create", cluster_tag=TAG, replicas=3, couchdb_user=NAME, couchdb_password=OLD)
    shown = user.detail(TAG)["Instances"]
    urls = [one["Url"] for one in shown]
    assert [takes(url, OLD) for url in urls] == [True] * 3
    assert [takes(url, user.token) for url in urls] == [False] * 3
    for url in urls:
        allow_wrong_passwords(url)
    with Askers(urls) as askers:  # the endpoint leads to one or the other: there the two are asked of different ones
        job = user.begin("password", cluster_tag=TAG, couchdb_password=NEW)
        os.kill(Inside(service).pid(shown[1]["Name"]), signal.SIGKILL)
        assert user.ended(job)["status"] == "succeeded"
        user.ready(TAG)
        wait_until("the new login everywhere", lambda: all(takes(url, NEW) for url in urls_of(user)))
    assert askers.refused == []
    assert askers.taken > 0
    assert [takes(url, OLD) for url in urls_of(user)] == [False] * 3
    assert takes(made["Endpoint"], NEW)


def test_a_new_instance_and_one_that_starts_again_have_the_new_login(service: Service) -> None:
    user = service.user("pia")
    user.result("scale", cluster_tag=TAG, replicas=4)
    os.kill(Inside(service).pid(user.detail(TAG)["Instances"][0]["Name"]), signal.SIGKILL)
    wait_until("all to answer", lambda: all(takes(url, NEW) for url in urls_of(user)))
    assert [takes(url, OLD) for url in urls_of(user)] == [False] * 4


def test_a_line_that_was_changed_by_hand_is_put_back(service: Service) -> None:
    user = service.user("pia")
    url = urls_of(user)[0]
    set_config(url, f"admins/{NAME}", "by-hand-by-hand", password=NEW)
    wait_until("the spec's login again", lambda: takes(url, NEW) and not takes(url, "by-hand-by-hand"))
    user.ready(TAG)


def test_the_token_as_password_lets_the_login_follow_the_token(service: Service) -> None:
    user = service.user("pia")
    shown = user.result("password", cluster_tag=TAG, couchdb_password=user.token)
    assert not shown.get("OwnPassword")
    assert all(takes(url, user.token) for url in urls_of(user))
