"""What an instance holds is read whole, or not at all."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from worker.core.observed import Instance
from worker.couch.client import Client
from worker.couch.errors import Unclear
from worker.couch.holdings import Holdings, read_holdings
from worker.ports import Credentials

LOGIN = Credentials("kanto-1", "Xy-the-secret-Zz")
LEAVER = Instance("leaver", "leaver", "http://leaver.test:5984", "", "running", serving=False)
INFO = {"instance_start_time": "7", "doc_count": 2, "doc_del_count": 1}


def read(alone: Mapping[str, tuple[int, Any]]) -> Holdings:
    """With databases of which `_dbs_info` tells nothing, each with the answer that it gives when asked by itself."""

    def handler(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/_all_dbs":
            return httpx.Response(200, json=["_users", "test", *alone])
        if path == "/_dbs_info":
            keys = json.loads(request.content)["keys"]
            rows = [{"key": k, "error": "not_found"} if k in alone else {"key": k, "info": INFO} for k in keys]
            return httpx.Response(200, json=rows)
        if path == "/":
            return httpx.Response(200, json={"uuid": "u"})
        status, body = alone[path[1:]]
        return httpx.Response(status, json=body)

    client = Client(connections=1, transport=httpx.MockTransport(handler))
    try:
        return read_holdings(client.talk(LEAVER, LOGIN, until=client.monotonic() + 10))
    finally:
        client.close()


def test_a_database_of_which_nothing_was_told_is_asked_for_by_itself() -> None:
    found = read({"orders": (200, INFO), "deleted": (404, {"error": "not_found", "reason": "no such database"})})
    assert found.to_give == ("_users", "orders", "test")
    assert found.documents["orders"] == 3


def test_one_that_cannot_be_opened_just_now_is_not_left_out() -> None:
    with pytest.raises(Unclear, match="orders with 500"):
        read({"orders": (500, {"error": "all_dbs_active"})})
