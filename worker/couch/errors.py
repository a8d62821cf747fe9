"""How a CouchDB can fail to answer, as kanto's errors.

    TemporaryError
    +-- Away         refused or cut: nobody is there                      observed as Down
    +-- Unclear      no answer in time, or one that CouchDB never gives   observed as Unknown
    +-- Refused      kanto's own login is not taken                       observed as Unknown

No message holds a password: they name the instance, the request's path and CouchDB's words.
"""

from common.errors import TemporaryError


class Away(TemporaryError):
    """The connection was refused or cut. A write may have taken place all the same."""

    def __init__(self, message: str) -> None:
        super().__init__("instance_down", message)


class Unclear(TemporaryError):
    """No answer in time, or one that makes no sense: nothing is known."""

    def __init__(self, message: str) -> None:
        super().__init__("instance_unclear", message)


class Refused(TemporaryError):
    """The instance does not take kanto's own login."""

    def __init__(self, message: str) -> None:
        super().__init__(
            "instance_refuses_kanto",
            message,
            action="Put kanto's admin line of this cluster back into the instance's configuration",
            retry_in=5.0,
        )
