"""Free ports of the loopback address for servers that tests start."""

import secrets
import socket

PORTS = (*range(10_000, 20_000), *range(30_000, 32_700))
"""Below those of outgoing connections, so that nobody takes one while its server restarts; not those of instances."""

_given: set[int] = set()


def free_port() -> int:
    """A port on which nobody listens, never the same twice in one run."""
    for _ in range(1000):
        port: int = secrets.choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port
    raise AssertionError("no free port")
