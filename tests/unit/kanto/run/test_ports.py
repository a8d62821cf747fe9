import errno
import random
import socket

import pytest

from kanto.refusal import Refusal
from kanto.run import ports


def test_a_taken_port_is_refused_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Refusal, match=rf"Port {port} of 127\.0\.0\.1 is taken .*KANTO_PORT={port + 1} kanto run"):
            ports.check("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(Refusal, match=r"192\.0\.2\.1 is no address of this machine: set KANTO_BIND"):
        ports.check("192.0.2.1", 8080)


def test_a_privileged_port_is_told_as_such() -> None:
    assert "above 1023" in ports.describe("127.0.0.1", 80, PermissionError(errno.EACCES, "Permission denied"))


def test_a_free_port_is_below_what_instances_and_clients_use() -> None:
    port = ports.find_free(random.Random(1))
    assert port in range(10_000, 20_000)
    ports.check("127.0.0.1", port)
