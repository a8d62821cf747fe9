"""HTTP for tests of processes: short, and patient where a server is just starting."""

import json
import urllib.error
import urllib.request
from typing import Any

from tests.homes import until

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url: str, path: str = "/") -> Any:
    with OPENER.open(url + path, timeout=10) as answer:
        return json.load(answer)


def put(url: str, path: str, body: bytes) -> None:
    request = urllib.request.Request(url + path, data=body, method="PUT")
    with OPENER.open(request, timeout=10) as answer:
        assert answer.status == 200


def answers(url: str) -> bool:
    try:
        get(url)
    except (urllib.error.URLError, OSError):
        return False
    return True


def wait_for(url: str) -> None:
    until(lambda: answers(url), f"{url} answers")
