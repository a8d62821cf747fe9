"""HTTP to CouchDB: one client for all threads, a deadline for every exchange; httpx's errors stop here."""

import json
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from worker.core.observed import Instance
from worker.couch.errors import Away, Refused, Unclear
from worker.couch.pools import build_pools
from worker.ports import Credentials

CONNECT_SECONDS = 1.0
READ_SECONDS = 5.0
KEEP_ALIVE_SECONDS = 30.0
CONNECTIONS = 16
"""At once to one instance."""

LARGEST_ANSWER = 64 * 1024 * 1024
REPEATABLE = frozenset({"GET", "HEAD"})
LONGEST_WORDS = 200

logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every request at INFO: some a second and instance


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and the JSON that came with it, which may hold passwords."""

    status: int
    body: Any = field(repr=False)

    def words(self) -> str:
        """CouchDB's own error and reason, short."""
        if isinstance(self.body, Mapping):
            parts = [str(self.body[key]) for key in ("error", "reason") if self.body.get(key)]
            return ": ".join(parts)[:LONGEST_WORDS] or f"status {self.status}"
        return f"status {self.status}"


class Client:
    """Connections to all instances of all clusters, shared by all threads. Keeps no cookies, takes no proxy.

    Idle connections are kept to as many instances as `connections` says. `transport` takes the place of the network.
    `on_call` hears of each exchange: its method, status (0 without an answer) and seconds.
    """

    def __init__(
        self,
        *,
        connections: int,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
        transport: httpx.BaseTransport | None = None,
        on_call: Callable[[str, int, float], None] = lambda _method, _status, _seconds: None,
    ) -> None:
        self.monotonic = monotonic
        self.on_call = on_call
        self.connect_seconds = connect_seconds
        self.read_seconds = read_seconds
        if transport is None:
            transport = build_pools(
                kept=connections, connections=CONNECTIONS, idle_seconds=KEEP_ALIVE_SECONDS, monotonic=monotonic
            )
        self._http = httpx.Client(
            timeout=httpx.Timeout(read_seconds, connect=connect_seconds),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"Accept": "application/json"},
            transport=transport,
            trust_env=False,
            follow_redirects=False,
        )

    def talk(self, instance: Instance, credentials: Credentials, *, until: float) -> "Talk":
        """Requests to one instance, all of them done by `until` on the client's clock."""
        return Talk(self, self._http, instance, credentials, until)

    def close(self) -> None:
        self._http.close()


@dataclass(frozen=True)
class Talk:
    """Requests to one instance as kanto, all of them done by `until` on the client's clock (H18: within the lease)."""

    client: Client
    http: httpx.Client
    instance: Instance
    credentials: Credentials
    until: float

    def get(self, path: str, *, params: Mapping[str, str] | None = None, accept: Collection[int] = (200,)) -> Answer:
        return self._ask("GET", path, accept, params=params)

    def put(
        self,
        path: str,
        body: object = None,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int],
    ) -> Answer:
        return self._ask("PUT", path, accept, params=params, body=body, headers=headers)

    def post(self, path: str, body: object, *, accept: Collection[int]) -> Answer:
        return self._ask("POST", path, accept, body=body)

    def delete(self, path: str, *, accept: Collection[int]) -> Answer:
        return self._ask("DELETE", path, accept)

    def _ask(
        self,
        method: str,
        path: str,
        accept: Collection[int],
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer, whose status is in `accept`; Away, Unclear or Refused otherwise.

        A read whose connection is cut is asked once more: a connection kept from before may have ended with a restart.
        """
        request = self.http.build_request(
            method,
            self.instance.address.rstrip("/") + path,
            params=params,
            json=body,
            headers=headers,
        )
        try:
            answer = self._exchange(request)
        except Away:
            if method not in REPEATABLE:
                raise
            answer = self._exchange(request)
        if answer.status in accept:
            return answer
        if answer.status in (401, 403) and _is_about_login(answer):
            raise Refused(f"{self.instance.name} refuses kanto's own login: {answer.words()}")
        raise Unclear(f"{self.instance.name} answered {method} {path} with {answer.status} ({answer.words()})")

    def _exchange(self, request: httpx.Request) -> Answer:
        what = f"{self.instance.name} at {self.instance.address}"
        left = self.until - self.client.monotonic()
        if left <= 0:
            raise Unclear(f"{what} was too slow: no time was left for {request.method} {request.url.path}")
        request.extensions["timeout"] = {
            "connect": min(self.client.connect_seconds, left),
            "read": min(self.client.read_seconds, left),
            "write": min(self.client.read_seconds, left),
            "pool": min(self.client.read_seconds, left),
        }
        auth = httpx.BasicAuth(self.credentials.name, self.credentials.password)
        began, status = self.client.monotonic(), 0
        try:
            response = self.http.send(request, auth=auth, stream=True)
            status = response.status_code
            try:
                return Answer(response.status_code, _json(self._read(response, what), what))
            finally:
                response.close()
        except httpx.TimeoutException as error:
            raise Unclear(f"{what} did not answer {request.method} {request.url.path} in time") from error
        except httpx.ConnectError as error:
            raise _not_connected(what, error) from error
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            raise Away(f"{what} cut the connection") from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Unclear(f"{what} gave an answer that makes no sense: {type(error).__name__}") from error
        finally:
            self.client.on_call(request.method, status, self.client.monotonic() - began)

    def _read(self, response: httpx.Response, what: str) -> bytes:
        """The whole body, unless it drips in beyond the deadline or never ends."""
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_bytes():
            chunks.append(chunk)
            size += len(chunk)
            if self.client.monotonic() > self.until:
                raise Unclear(f"{what} did not end its answer in time")
            if size > LARGEST_ANSWER:
                raise Unclear(f"{what} gave an answer larger than {LARGEST_ANSWER} bytes")
        return b"".join(chunks)


def _json(body: bytes, what: str) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError as error:
        raise Unclear(f"{what} gave an answer that is not JSON") from error


def _is_about_login(answer: Answer) -> bool:
    """Any 401, and the 403 of an account that is locked after wrong passwords (CouchDB 3.4 and later)."""
    return answer.status == 401 or "locked" in answer.words()


def _not_connected(what: str, error: httpx.ConnectError) -> Away | Unclear:
    """Refused is an answer. A name that is not found or a network without a way there tells nothing of the instance."""
    text = str(error).lower()
    if "refused" in text or "reset" in text:
        return Away(f"{what} cannot be reached: connection refused")
    return Unclear(f"{what} cannot be reached: {text[:LONGEST_WORDS] or 'no connection'}")
