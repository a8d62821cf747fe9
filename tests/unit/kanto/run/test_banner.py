from pathlib import Path

import pytest

from kanto.run.banner import build_banner, reachable


@pytest.mark.parametrize(
    ("bind", "at"),
    [
        ("127.0.0.1", "127.0.0.1:8080"),
        ("0.0.0.0", "127.0.0.1:8080"),
        ("::", "[::1]:8080"),
        ("::1", "[::1]:8080"),
        ("localhost", "localhost:8080"),
    ],
)
def test_the_address_works_on_this_machine(bind: str, at: str) -> None:
    assert reachable(bind, 8080) == at


def test_the_banner_has_a_request_that_can_be_copied() -> None:
    banner = build_banner(at="127.0.0.1:8080", home=Path("/data"), redis="Redis 7.0", couchdb="a stand-in")
    first = 'curl 127.0.0.1:8080/v0/create -d "username=johny2&token=Ty5wvW7LuQ3T&cluster_tag=my-test-db1&replicas=3"'
    assert first in [line.strip() for line in banner.splitlines()]
    assert "/data" in banner
    assert "a stand-in" in banner
    assert "http://127.0.0.1:8080" in banner
