"""The endpoint of a cluster: one small balancer process, and the file that tells it who serves."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.platforms.process import files
from worker.platforms.process.launcher import Launch, minimal_environment
from worker.platforms.process.layout import ClusterPlace

BALANCER = Path(__file__).with_name("balancer.py")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the balancer listens, and the port of each serving instance by name. `grace` in seconds."""

    bind: str
    port: int
    grace: float
    host: str
    serving: Mapping[str, int]


def load(path: Path) -> Endpoint | None:
    """None when there is none. ValueError, KeyError or TypeError for what cannot be read."""
    text = files.read(path)
    if text is None:
        return None
    values = json.loads(text)
    serving = {backend["name"]: backend["port"] for backend in values["backends"]}
    return Endpoint(values["bind"], values["port"], values["grace"], values["host"], serving)


def save(path: Path, endpoint: Endpoint) -> None:
    """In the form that `balancer` reads: it knows nothing of kanto."""
    backends = [{"name": n, "host": endpoint.host, "port": port} for n, port in sorted(endpoint.serving.items())]
    values = {
        "bind": endpoint.bind,
        "port": endpoint.port,
        "grace": endpoint.grace,
        "host": endpoint.host,
        "backends": backends,
    }
    text = json.dumps(values)
    if files.read(path) != text:
        files.write(path, text)


def build_launch(place: ClusterPlace) -> Launch:
    command = (sys.executable, "-I", "-S", str(BALANCER), str(place.endpoint))
    return Launch(str(place.balancer), command, minimal_environment())
