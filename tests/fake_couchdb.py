"""A small HTTP server that takes the same ini files as CouchDB: run as a file by a bare interpreter.

GET gives its uuid and counts the requests of its life, POST gives back the body's length and hash, PUT /NAME keeps the
body in a file of its data folder, GET /NAME reads it. GET /_slow answers half, and the rest when /_go_on is asked.
"""

import configparser
import hashlib
import http.server
import json
import os
import socketserver
import sys
import threading
from pathlib import Path


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    ini = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    may_go_on = threading.Event()

    def do_GET(self) -> None:
        if self.path == "/_slow":
            self.answer_slowly()
            return
        if self.path == "/_go_on":
            self.may_go_on.set()
        kept = self.file()
        if kept.exists():
            self.answer({"kept": kept.read_text(encoding="utf-8")})
        else:
            self.answer({"uuid": self.ini["couchdb"]["uuid"], "client": self.client_address[1]})

    def do_POST(self) -> None:
        left = int(self.headers["Content-Length"])
        digest = hashlib.sha256()
        while left > 0 and (piece := self.rfile.read(min(left, 65536))):
            digest.update(piece)
            left -= len(piece)
        self.answer({"sha256": digest.hexdigest()})

    def do_PUT(self) -> None:
        self.file().write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer({"ok": True})

    def file(self) -> Path:
        return Path(self.ini["couchdb"]["database_dir"]) / f"kept-{self.path.strip('/')}"

    def answer_slowly(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"first")
        self.wfile.flush()
        self.may_go_on.wait(60)
        self.wfile.write(b"-last")

    def answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def main() -> None:
    ini = Handler.ini
    ini.optionxform = str  # type: ignore[assignment, method-assign]
    ini.read(os.environ["COUCHDB_INI_FILES"].split(), encoding="utf-8")
    try:
        server = Server((ini["chttpd"]["bind_address"], int(ini["chttpd"]["port"])), Handler)
    except OSError as error:
        sys.exit(f"cannot listen: {error.strerror}")
    print("serves", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
