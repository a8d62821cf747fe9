"""What a person reads once all is up."""

import ipaddress
from pathlib import Path

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (compared with, not bound)


def reachable(bind: str, port: int) -> str:
    """Host and port, as they stand in a URL that works on this machine."""
    host = EVERYWHERE.get(bind, bind)
    try:
        is_six = ipaddress.ip_address(host).version == 6
    except ValueError:
        is_six = False
    return f"[{host}]:{port}" if is_six else f"{host}:{port}"


def build_banner(*, at: str, home: Path, redis: str, couchdb: str) -> str:
    """Where the service is, where its data lies, what it runs, and a first request to try."""
    return f"""
kanto is ready at http://{at}

  data    {home}
  redis   {redis}
  couchdb {couchdb}
  stop    Ctrl-C; data stays, and the next `kanto run` goes on with it

Try it: a CouchDB of three instances, each a copy of the others,

  curl {at}/v0/create -d "username=johny2&token=Ty5wvW7LuQ3T&cluster_tag=my-test-db1&replicas=3"
"""
