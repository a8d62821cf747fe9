"""A Redis behind TLS: who asks it believes a certificate of a known authority, and no other."""

import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.broker import build_celery
from common.errors import StoreUnavailable
from common.store.connection import connect, translated
from tests.servers import RedisServer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, its own authority, with its key in the same file."""
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=redis"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(file), "-out", f"{file}.crt"]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@pytest.fixture
def url(shared_redis: RedisServer, certificate: Path) -> Iterator[str]:
    """A port that speaks TLS, and passes on to the shared server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    class Pipe(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                inner = context.wrap_socket(self.request, server_side=True)
            except OSError:  # the other side does not believe the certificate
                return
            with inner, socket.create_connection(("127.0.0.1", shared_redis.port), timeout=10) as outer:
                while asked := inner.recv(65536):
                    outer.sendall(asked)
                    inner.sendall(outer.recv(65536))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Pipe) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"rediss://127.0.0.1:{server.server_address[1]}/0"
        server.shutdown()


def ping_store(url: str) -> None:
    with connect(url, connections=1) as client, translated("ping"):
        assert client.ping()


def ping_broker(url: str) -> None:
    with build_celery(url).connection_for_read() as connection:
        channel: Any = connection.default_channel
        assert channel.client.ping()


def test_a_known_authority_is_believed(url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    ping_store(url)
    ping_broker(url)


def test_a_stranger_is_not(url: str) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        ping_store(url)
    assert "CERTIFICATE_VERIFY_FAILED" in str(refused.value.__cause__)
    with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
        ping_broker(url)
