"""Where instances and endpoints listen, and by which addresses they are reached. Pure."""

from dataclasses import dataclass

ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (compared with, not bound to)


@dataclass(frozen=True, slots=True)
class Network:
    """`bind` is what servers listen on, `advertise` the host in what people are shown.

    `inside` is the host by which kanto and siblings reach an instance, where `bind` does not say it.
    """

    bind: str
    advertise: str
    inside: str = ""

    @property
    def host(self) -> str:
        return self.inside or self.beside

    @property
    def beside(self) -> str:
        """The host by which a process beside an instance reaches it: a balancer needs no name to be looked up."""
        return ANY.get(self.bind, self.bind)

    def address(self, port: int) -> str:
        return url(self.host, port)

    def shown(self, port: int) -> str:
        return url(self.advertise, port)


def url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
