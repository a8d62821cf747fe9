"""The gate: how often who may ask, counted in the one call of the store that gives what proves the caller."""

from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv6Address, ip_address

from limits import parse_many

from api.fields import Caller
from api.threads import Threads
from api.users import Users
from common.errors import TemporaryError, UserError
from common.settings import Settings
from common.store.admission import Full, Knock, Window
from common.store.port import Store

IPV6_NETWORK = 64
"""Bits that belong to one caller: a household is given so many (RFC 6177), and may use them all."""


@dataclass(frozen=True, slots=True)
class Login:
    """What the store has for a caller. `is_known`: the caller was proved by the same token within the last minute."""

    owner_hash: str | None = field(repr=False)
    is_known: bool = False


class Gate:
    """Counts requests and proves callers.

    Requests count for the address, and for the user once the caller is proved, so that no stranger uses up what is the
    user's. Refused logins count for the pair of user and address, and for the address: a stranger slows down nobody who
    comes from elsewhere, and whoever was proved within the last minute passes in any case. Without the store nobody
    passes.
    """

    def __init__(self, store: Store, threads: Threads, users: Users, settings: Settings) -> None:
        self._store = store
        self._threads = threads
        self._users = users
        self._settings = settings

    def admit(self, caller: Caller, host: str | None) -> Login:
        """What proves the caller, who has to be proved yet. TemporaryError `too_many_...` for one too many. Blocks."""
        proved = self._users.proved_by(caller)
        admission = self._store.admit(
            Knock(
                caller.user,
                proved,
                callers=_windows(self._settings.limit_address_requests, f"address:{network(host)}"),
                users=self._user(caller),
                refusals=self._refusals(caller, host),
            )
        )
        if admission.full is not None:
            raise _too_many(admission.full)
        return Login(admission.owner_hash, admission.owner_hash is not None and admission.owner_hash == proved)

    async def prove(self, caller: Caller, host: str | None, login: Login) -> str:
        """The stored hash, if the caller's token is the one; UserError `unauthorized` otherwise, which is counted."""
        if login.is_known and login.owner_hash is not None:
            return login.owner_hash
        if not await self._users.is_right(caller, login.owner_hash) or login.owner_hash is None:
            await self._threads.run(self._store.hit, self._refusals(caller, host))
            raise unauthorized()
        full = await self._threads.run(self._store.hit, self._user(caller))
        if full is not None:
            raise _too_many(full)
        return login.owner_hash

    def _user(self, caller: Caller) -> tuple[Window, ...]:
        return _windows(self._settings.limit_user_requests, f"user:{caller.user}")

    def _refusals(self, caller: Caller, host: str | None) -> tuple[Window, ...]:
        where = network(host)
        return (
            *_windows(self._settings.limit_refused_logins, f"refused:{caller.user}@{where}"),
            *_windows(self._settings.limit_refused_address, f"refused-at:{where}"),
        )


def network(host: str | None) -> str:
    """What counts as one address: an IPv4 address, the /64 of an IPv6 address, or whatever else the server says."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return host or "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return f"{IPv6Address(int(address) >> IPV6_NETWORK << IPV6_NETWORK)}/{IPV6_NETWORK}"
    return str(address)


def _windows(text: str, name: str) -> tuple[Window, ...]:
    return tuple(Window(name, most, seconds) for most, seconds in _rates(text))


@cache
def _rates(text: str) -> tuple[tuple[int, int], ...]:
    """How many in how many seconds. Settings do not change while a process runs."""
    return tuple((rate.amount, rate.get_expiry()) for rate in parse_many(text)) if text else ()


_TOLD = {
    "user": ("too_many_requests", "too many requests by this user"),
    "address": ("too_many_requests", "too many requests from this address"),
    "refused": ("too_many_refused", "too many refused logins as this user from this address"),
    "refused-at": ("too_many_refused", "too many refused logins from this address"),
}


def _too_many(full: Full) -> TemporaryError:
    code, told = _TOLD[full.name.partition(":")[0]]
    wait = max(1, round(full.retry_in + 0.5))
    return TemporaryError(code, told, action=f"Try again in {wait} seconds", retry_in=wait)


def unauthorized() -> UserError:
    return UserError(
        "unauthorized", "username and token do not belong together", action="Send the token that is this username's now"
    )
