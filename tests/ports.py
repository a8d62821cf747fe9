"""Free ports of the loopback address for servers that tests start."""

import secrets
import socket

PORTS = (*range(10_000, 20_000), *range(30_000, 32_700))
"""Below those of outgoing connections, so that nobody takes one while its server restarts; not those of instances."""

_given: set[int] = set()


def free_port() -> int:
    """A port on which nobody listens, never the same twice in one run."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """The first of so many ports in a row on which nobody listens, none of them the same twice in one run."""
    for _ in range(1000):
        first: int = secrets.choice(PORTS)
        ports = set(range(first, first + count))
        if ports <= set(PORTS) - _given and all(is_free("127.0.0.1", port) for port in ports):
            _given.update(ports)
            return first
    raise AssertionError("no free port")


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
