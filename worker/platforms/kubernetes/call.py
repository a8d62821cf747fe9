"""One call to the API server: bounded in time, tried again within bounds, its answer JSON or one of our errors."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import urllib3
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException

from common.errors import TemporaryError
from worker.platforms.kubernetes.refusals import RETRIED, Asked, Refusal, error_of, read_refusal
from worker.times import CONNECT, READ

Json = dict[str, Any]

TRIES = 3
PATIENCE = 1.0
"""Seconds for which a call that was refused for the moment is tried again before the caller hears of it."""

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent. `asked` is the same in the words of a Role, for messages."""

    asked: Asked
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Json | None = None
    content: str = JSON


class Caller:
    """Sends calls through the library's client, which gives login, TLS and connections. For many threads.

    `on_call` hears of each answer: verb, HTTP status (0: none) and seconds.
    """

    def __init__(
        self,
        api: ApiClient,
        *,
        timeouts: tuple[float, float] = (CONNECT, READ),
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        on_call: Callable[[str, int, float], None] = lambda _verb, _status, _seconds: None,
    ) -> None:
        self._api: Any = api
        self._timeouts = timeouts
        self._monotonic = monotonic
        self._sleep = sleep
        self._on_call = on_call

    def close(self) -> None:
        self._api.close()

    def answer(self, call: Call) -> Json:
        """The answer's JSON. What is busy (429, 5xx) is asked again for a second at most, as Retry-After allows."""
        ends = self._monotonic() + PATIENCE
        tried = 1
        while isinstance(answer := self._try(call), Refusal):
            pause = max(answer.retry_after or 0.0, 0.1 * 2**tried)
            if answer.status not in RETRIED or tried == TRIES or self._monotonic() + pause > ends:
                raise error_of(call.asked, answer)
            self._sleep(pause)
            tried += 1
        return answer

    def _try(self, call: Call) -> Json | Refusal:
        response = self.send(call)
        try:
            data = response.read()
            if not 200 <= response.status < 300:
                return read_refusal(response.status, data, response.headers)
            found: Json = json.loads(data)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise away(call.asked, error) from error
        finally:
            response.release_conn()
        return found

    def send(self, call: Call, *, seconds: float = 0.0) -> Any:
        """The response as it begins (urllib3's). `seconds` more than usual may pass between two pieces of it."""
        connect, read = self._timeouts
        request = self._api.param_serialize(
            call.method,
            call.path,
            query_params=list(call.query.items()),
            header_params={"Accept": JSON, "Content-Type": call.content},
            body=call.body,
            auth_settings=["BearerToken"],
        )
        began, status = self._monotonic(), 0
        try:
            response = self._api.call_api(*request, _request_timeout=(connect, read + seconds)).response
            status = response.status
        except (urllib3.exceptions.HTTPError, ApiException, OSError) as error:
            raise away(call.asked, error) from error
        finally:
            self._on_call(call.asked.verb, status, self._monotonic() - began)
        return response


def away(asked: Asked, error: Exception) -> TemporaryError:
    """No answer, or none that can be read. urllib3 wraps what happened; that is what people want to hear."""
    reason = getattr(error, "reason", None) or error
    return TemporaryError("kubernetes_away", f"the API server did not answer to {asked}: {reason}")
