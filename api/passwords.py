"""The login of a cluster's databases: its password as CouchDB keeps it, and whose choice that password is."""

from api.fields import Caller, DatabaseLogin
from api.service import Service
from common.passwords import admin_line


async def line_of(service: Service, password: str) -> str:
    """An admin line with a salt of its own: half a second of work at 600,000 rounds."""

    def make() -> str:
        return admin_line(password, salt=service.random_id(), iterations=service.settings.password_iterations)

    return await service.hashing.run(make)


def is_own_password(caller: Caller, login: DatabaseLogin) -> bool:
    """Whether the user chose a password for these databases. One that is the token itself goes on with the token."""
    return login.password is not None and login.password != caller.token
