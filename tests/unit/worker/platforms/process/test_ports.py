import socket
from pathlib import Path

import pytest

from common.errors import PermanentError
from worker.platforms.process import ports

RANGE = range(20_000, 20_010)


def test_a_search_goes_on_from_its_first_choice_and_round() -> None:
    found = ports.choose(RANGE, first=20_007, taken={20_008}, count=4, is_free=lambda port: port != 20_000)
    assert found == [20_007, 20_009, 20_001, 20_002]


def test_too_few_free_ports_are_told_with_a_way_out() -> None:
    with pytest.raises(PermanentError) as refused:
        ports.choose(RANGE, first=20_000, taken=set(), count=3, is_free=lambda port: port < 20_002)
    assert "KANTO_INSTANCE_PORTS" in refused.value.detail


def test_two_homes_begin_at_different_places() -> None:
    homes = [Path(f"/home/u{number}/.kanto") for number in range(50)]
    firsts = {ports.first_choice(home, range(20_000, 30_000)) for home in homes}
    assert len(firsts) > 45
    assert ports.first_choice(homes[0], RANGE) == ports.first_choice(homes[0], RANGE)


def test_a_port_that_somebody_listens_on_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert ports.why_not("127.0.0.1", port) == f"port {port} of 127.0.0.1 is taken by another program"
    assert ports.why_not("127.0.0.1", port) is None


def test_an_address_of_another_machine_is_told() -> None:
    assert "cannot be used" in str(ports.why_not("127.0.0.1.invalid", 20_000))
