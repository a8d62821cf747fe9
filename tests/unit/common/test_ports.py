import errno
import socket

from common.ports import why_not


def test_a_port_is_taken_while_somebody_listens_on_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        error = why_not("127.0.0.1", port)
        assert error is not None
        assert error.errno == errno.EADDRINUSE
    assert why_not("127.0.0.1", port) is None


def test_a_name_that_is_no_address_is_told_as_such() -> None:
    assert isinstance(why_not("127.0.0.1.invalid", 20_000), socket.gaierror)
