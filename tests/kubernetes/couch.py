"""What tests ask an instance, or an endpoint, themselves."""

from collections.abc import Mapping
from typing import Any

import httpx

from tests.e2e.service import User, is_well, wait_until


def answers(url: str) -> bool:
    """Whether anybody is there. Asked without a login, since a fence refuses users' own even here."""
    return is_well(f"{url}/_up")


def endpoint_of(user: User, shown: Mapping[str, Any]) -> httpx.Client:
    """A client of a cluster's endpoint, once the node's kube-proxy has heard of it, which may take a moment more."""
    url = shown["Endpoint"]
    wait_until("the endpoint to lead to somebody", lambda: answers(url))
    return user.couch(url)
