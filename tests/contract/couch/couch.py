"""A CouchDB server as the suite talks to it."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

TIMEOUT = httpx.Timeout(30.0)
QUICK = {"startup_jitter": "100", "interval": "5000"}


def open_client(base: str, login: tuple[str, str] | None) -> httpx.Client:
    """A client that takes nothing from the environment: proxies and netrc must not come between."""
    return httpx.Client(base_url=base, auth=login, timeout=TIMEOUT, trust_env=False)


@dataclass(frozen=True)
class Couch:
    """One server: where it is, its admin, and a client with the admin's login."""

    base: str
    admin: str
    password: str
    client: httpx.Client

    @classmethod
    def at(cls, url: str) -> "Couch":
        """A server by URL with its admin's name and password."""
        parts = urlsplit(url)
        assert parts.username, f"a CouchDB URL must name the admin: {parts.hostname}"
        assert parts.password, f"a CouchDB URL must carry the admin's password: {parts.hostname}"
        base = f"{parts.scheme}://{parts.hostname}:{parts.port}"
        return cls(base, parts.username, parts.password, open_client(base, (parts.username, parts.password)))

    def as_nobody(self) -> httpx.Client:
        return open_client(self.base, None)

    def as_user(self, name: str, password: str) -> httpx.Client:
        return open_client(self.base, (name, password))

    def endpoint(self, database: str, **more: Any) -> dict[str, Any]:
        """One end of a replication, as kanto writes it."""
        login = {"username": self.admin, "password": self.password}
        return {"url": f"{self.base}/{database}", "auth": {"basic": login}, **more}

    def set_config(self, section: str, key: str, value: str, *, persist: bool = True) -> None:
        headers = {} if persist else {"X-Couch-Persist": "false"}
        path = f"/_node/_local/_config/{section}/{quote(key, safe='')}"
        answer = self.client.put(path, content=json.dumps(value), headers=headers)
        assert answer.status_code == 200, f"{section}/{key}: {answer.text}"

    def hurry(self) -> None:
        """Short waits in the replicator, until the next restart."""
        for key, value in QUICK.items():
            self.set_config("replicator", key, value, persist=False)

    def drop_config(self, section: str, key: str) -> None:
        answer = self.client.delete(f"/_node/_local/_config/{section}/{quote(key, safe='')}")
        assert answer.status_code in {200, 404}, answer.text

    def get_config(self, section: str) -> dict[str, str]:
        answer = self.client.get(f"/_node/_local/_config/{section}")
        assert answer.status_code == 200, answer.text
        values: dict[str, str] = answer.json()
        return values

    def is_up(self) -> bool:
        try:
            with self.as_nobody() as nobody:
                return nobody.get("/_up").status_code == 200
        except httpx.TransportError:
            return False

    def state(self, doc_id: str) -> dict[str, Any]:
        """The replication of a document as the scheduler tells it; empty where it knows none."""
        answer = self.client.get(f"/_scheduler/docs/_replicator/{quote(doc_id, safe='')}")
        assert answer.status_code in {200, 404}, answer.text
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return found


def hash_line(password: str, *, salt: str | None = None, prf: str = "sha1", iterations: int = 10) -> str:
    """A pre-hashed admin line; of sha1 in the form that CouchDB 1.3 brought."""
    salt = salt or secrets.token_hex(16)
    key = hashlib.pbkdf2_hmac(prf, password.encode(), salt.encode(), iterations).hex()
    head = "-pbkdf2-" if prf == "sha1" else f"-pbkdf2:{prf}-"
    return f"{head}{key},{salt},{iterations}"
