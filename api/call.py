"""One request to an operation: who asks for what, read but not yet proved."""

from dataclasses import dataclass

from starlette.requests import Request

from api.envelope import Words
from api.fields import Caller, option
from api.forms import Form
from api.gate import Login
from api.prefer import Preference, preference
from api.service import Service


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose form was read and whose caller is named. Nothing of it is proved before `prove`."""

    service: Service
    request: Request
    form: Form
    caller: Caller
    request_id: str
    words: Words

    def preference(self) -> Preference:
        """How long the caller wants to wait for the job."""
        return preference(
            self.request.headers.getlist("prefer"),
            is_async=option(self.form, "async"),
            default_wait=self.service.settings.wait,
        )

    @property
    def host(self) -> str | None:
        """The address that the request came from, as the server says."""
        return None if self.request.client is None else self.request.client.host

    def admit(self) -> Login:
        """Count the request; what proves the caller. Blocks: to be called in a thread, before anything else is read."""
        return self.service.gate.admit(self.caller, self.host)

    async def prove(self, login: Login) -> str:
        """The stored hash, if the caller's token is the one; UserError `unauthorized` otherwise."""
        return await self.service.gate.prove(self.caller, self.host, login)
