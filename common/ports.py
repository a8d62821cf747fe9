"""Whether a server could listen on a port of this machine."""

import socket


def why_not(bind: str, port: int) -> OSError | None:
    """The error of listening there just now, None if it works.

    SO_REUSEADDR as servers set it: connections that were closed a moment ago are no bar. An address that is a name is
    looked up; where it is none, the error is a socket.gaierror.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(bind, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        return error
    return None
