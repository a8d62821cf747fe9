import pytest

from common.errors import PermanentError
from worker.platforms.kubernetes.shape import (
    Client,
    check_quantity,
    parse_clients,
    parse_names,
    parse_pairs,
    parse_quantities,
)


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


def test_quantities_are_read() -> None:
    text = "cpu=0.5,memory=512Mi,ephemeral-storage=1e9,hugepages-2Mi=2M"
    assert parse_quantities(text, setting="KANTO_LIMITS") == parse_pairs(text, setting="KANTO_LIMITS")
    assert check_quantity("5Gi", setting="KANTO_STORAGE_SIZE") == "5Gi"


@pytest.mark.parametrize("text", ["512MB", "", "lots", "-1", "0", "0Mi", "0.0", "1.", "5 Gi", "1Ki2"])
def test_what_is_no_quantity_is_refused_before_any_cluster_is_made(text: str) -> None:
    with pytest.raises(PermanentError, match="KANTO_LIMITS must"):
        parse_quantities(f"memory={text}", setting="KANTO_LIMITS")
