"""One request to an operation: who asks for what, read but not yet proved."""

from dataclasses import dataclass

from starlette.requests import Request

from api.envelope import Words
from api.fields import Caller, option
from api.forms import Form
from api.prefer import Preference, preference
from api.service import Service
from api.submit import unauthorized


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

    async def prove(self, stored: str | None) -> str:
        """The stored hash again, if the caller's token is the one; UserError `unauthorized` otherwise."""
        if not await self.service.users.is_right(self.caller, stored) or stored is None:
            raise unauthorized()
        return stored
