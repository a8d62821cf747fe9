"""What objects look like as far as whoever runs kanto chooses. Pure; built once from settings."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from common.errors import PermanentError

ServiceType = Literal["ClusterIP", "NodePort", "LoadBalancer"]
PullPolicy = Literal["IfNotPresent", "Always", "Never"]

EVERYONE = "*"

_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?([eE][0-9]+|[numkMGTPE]|[KMGTPE]i)?")
"""Kubernetes, resource.Quantity, without signs and without the forms that nobody writes."""

DEFAULT_REQUESTS = {"cpu": "50m", "memory": "128Mi"}
"""Measured on CouchDB 3.5.0: 65 to 95 MiB and 1 to 3 % of a core with 20 replications."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a container asks for and may take at most, in Kubernetes' quantities; no limit where none is given."""

    requests: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_REQUESTS))
    limits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Client:
    """Who may reach instances besides kanto and their siblings, in a NetworkPolicy's terms: one of the three."""

    cidr: str = ""
    namespace: str = ""
    pods: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """Every choice of these objects that is not the user's. Existing pods keep the one they were made with (H3).

    `namespace` holds all objects; kanto's own pods are in `kanto_namespace`. `storage_class` None leaves the choice to
    the cluster, "" asks for volumes made beforehand. `clients` None lets everyone in, as a cluster without
    NetworkPolicies would. `grace_seconds` is how long an instance that is told to end may take.
    """

    namespace: str = "default"
    kanto_namespace: str = "default"
    image: str = "couchdb:3.5"
    pull_policy: PullPolicy = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    service_type: ServiceType = "ClusterIP"
    storage_class: str | None = None
    storage_size: str = "5Gi"
    resources: Resources = Resources()
    node_selector: Mapping[str, str] = field(default_factory=dict)
    priority_class: str = ""
    grace_seconds: int = 30
    clients: tuple[Client, ...] | None = None


def parse_pairs(text: str, *, setting: str) -> dict[str, str]:
    """`a=b,c=d` as a mapping; PermanentError `bad_setting`, naming the setting, for anything else."""
    pairs = {}
    for part in _parts(text):
        key, equals, value = part.partition("=")
        if not (equals and key.strip()):
            raise _bad(setting, text, "must be pairs such as a=b,c=d")
        pairs[key.strip()] = value.strip()
    return pairs


def parse_quantities(text: str, *, setting: str) -> dict[str, str]:
    """Pairs whose values are quantities, such as `cpu=500m,memory=512Mi`; PermanentError `bad_setting` otherwise."""
    return {name: check_quantity(value, setting=setting) for name, value in parse_pairs(text, setting=setting).items()}


def check_quantity(text: str, *, setting: str) -> str:
    """A quantity above zero, as it is; PermanentError `bad_setting` for what the API server would refuse later."""
    if not _QUANTITY.fullmatch(text) or not text.strip("0.EPTGMkiumn"):
        raise _bad(setting, text, "must be of quantities such as 500m, 2 or 5Gi")
    return text


def parse_names(text: str) -> tuple[str, ...]:
    """`a,b` as names."""
    return tuple(_parts(text))


def parse_clients(text: str, *, setting: str) -> tuple[Client, ...] | None:
    """Who may reach instances: `*` for everyone, else a list of three forms with commas between them.

    `10.0.0.0/8` (addresses), `namespace:NAME` (every pod there), `pods:KEY=VALUE` (pods of the clusters' own namespace
    with this label). Nothing at all means kanto and siblings only. PermanentError `bad_setting` for anything else.
    """
    if text.strip() == EVERYONE:
        return None
    return tuple(_parse_client(part, setting) for part in _parts(text))


def _parse_client(part: str, setting: str) -> Client:
    kind, colon, rest = part.partition(":")
    if colon and kind == "namespace" and rest:
        return Client(namespace=rest)
    if colon and kind == "pods" and rest:
        return Client(pods=tuple(parse_pairs(rest, setting=setting).items()))
    try:
        return Client(cidr=str(ipaddress.ip_network(part)))
    except ValueError as error:
        raise _bad(
            setting, part, "must be *, addresses such as 10.0.0.0/8, namespace:NAME or pods:KEY=VALUE"
        ) from error


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _bad(setting: str, text: str, what: str) -> PermanentError:
    return PermanentError("bad_setting", f"{setting} {what}, not {text!r}", action=f"Correct {setting}")
