import pytest

from common.errors import PermanentError
from worker.platforms.kubernetes.shape import Client, parse_clients, parse_names, parse_pairs


def test_pairs_and_names_are_read() -> None:
    assert parse_pairs(" a=b, c = d=e ,", setting="KANTO_X") == {"a": "b", "c": "d=e"}
    assert parse_pairs("", setting="KANTO_X") == {}
    assert parse_names("a, b,") == ("a", "b")


def test_clients_are_read() -> None:
    assert parse_clients("*", setting="KANTO_CLIENTS") is None
    assert parse_clients("", setting="KANTO_CLIENTS") == ()
    assert parse_clients("10.0.0.0/8, fd00::/8,namespace:shop,pods:role=web", setting="KANTO_CLIENTS") == (
        Client(cidr="10.0.0.0/8"),
        Client(cidr="fd00::/8"),
        Client(namespace="shop"),
        Client(pods=(("role", "web"),)),
    )


@pytest.mark.parametrize("text", ["shop", "namespace:", "pods:", "pods:web", "10.0.0.1/8", "*,10.0.0.0/8"])
def test_clients_that_mean_nothing_are_refused_by_name(text: str) -> None:
    with pytest.raises(PermanentError, match="KANTO_CLIENTS must"):
        parse_clients(text, setting="KANTO_CLIENTS")


@pytest.mark.parametrize("text", ["a", "=b", "a=b,c"])
def test_pairs_that_mean_nothing_are_refused_by_name(text: str) -> None:
    with pytest.raises(PermanentError, match="KANTO_NODE_SELECTOR must"):
        parse_pairs(text, setting="KANTO_NODE_SELECTOR")
