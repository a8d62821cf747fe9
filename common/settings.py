"""Settings, read from the environment here and nowhere else.

All begin with KANTO_, but for the two the original named.
"""

import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from common.errors import UserError
from common.names import check_database

LONGEST = 1e9
"""Seconds, 30 years: what waits for longer waits for ever, and some clocks of the system cannot count so far."""

Seconds = Annotated[float, Field(gt=0, le=LONGEST, allow_inf_nan=False)]

LEAST_LEASE = 3.0
"""Seconds. A lease is renewed each third of it: below this a busy machine loses leases that nobody gave up."""

_RATE = r"[1-9][0-9]{0,8}/([1-9][0-9]{0,3} )?(second|minute|hour|day)"
_RATES = re.compile(f"{_RATE}(;{_RATE})*")


def _check_rates(text: str) -> str:
    """Rates as the library `limits` reads them; an empty text for `off`."""
    if text == "off":
        return ""
    if not _RATES.fullmatch(text):
        raise ValueError("must be rates such as 600/minute or 10/minute;60/hour, or off")
    return text


Rates = Annotated[str, AfterValidator(_check_rates)]

PREFIX = "KANTO_"

OF_COMPOSE = frozenset(
    PREFIX + name for name in ("PUBLISH", "REDIS_IMAGE", "REDIS_USER", "REDIS_PASSWORD", "BASE", "COUCHDB_IMAGE", "TAG")
)
"""What docker-compose.yml reads besides settings: set for that, it may stand in any process' environment."""

STORAGE_CLASS = f"{PREFIX}STORAGE_CLASS"


def _storage_class() -> str | None:
    """Unset and empty are two things here, and everywhere else they are one."""
    return os.environ.get(STORAGE_CLASS)


def _platform(settled: dict[str, Any]) -> Literal["process", "kubernetes"]:
    """Where nobody says it: Kubernetes inside of it, and wherever the way to one is set."""
    return "kubernetes" if any(settled.get(field) for field in WAYS_TO_KUBERNETES) else "process"


WAYS_TO_KUBERNETES = {
    "kubernetes_service_host": "KUBERNETES_SERVICE_HOST",
    "kubernetes_api_url": "KUBERNETES_API_URL",
    "kubeconfig": "KUBECONFIG",
}
"""The fields that make Kubernetes the platform, and their names in the environment; the first is set in every pod."""


class Settings(BaseSettings):
    """One object for all processes; each reads what it needs. The README's table lists the same names."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore", populate_by_name=True
    )

    # where things are
    kubernetes_service_host: str | None = Field(
        default=None, validation_alias=AliasChoices("KUBERNETES_SERVICE_HOST", "kubernetes_service_host")
    )
    kubernetes_api_url: str | None = Field(
        default=None, validation_alias=AliasChoices("KUBERNETES_API_URL", "kubernetes_api_url")
    )
    kubeconfig: str | None = Field(default=None, validation_alias=AliasChoices("KUBECONFIG", "kubeconfig"))
    platform: Literal["process", "kubernetes"] = Field(default_factory=_platform)
    home: Path = Path(".kanto")
    redis_url: str = Field(default="redis://127.0.0.1:6379/0", repr=False)  # it may hold a password
    bind: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8080

    # what clusters are like
    default_databases: Annotated[tuple[str, ...], NoDecode] = ("_users", "test")
    auth: Literal["enroll", "strict"] = "enroll"
    password_iterations: Annotated[int, Field(ge=1, le=10_000_000)] = 600_000
    spawner_type: Literal["deployment", "rc", "statefulset"] = Field(
        default="deployment", validation_alias=AliasChoices("SPAWNER_TYPE", "spawner_type")
    )

    # what one user may have and how often one may ask; 0 and `off` are no limit
    limit_clusters: Annotated[int, Field(ge=0)] = 100
    limit_instances: Annotated[int, Field(ge=0)] = 500
    limit_jobs: Annotated[int, Field(ge=0)] = 100
    limit_user_requests: Rates = "1200/minute"
    limit_address_requests: Rates = "6000/minute"
    limit_refused_logins: Rates = "10/minute;60/hour"
    limit_refused_address: Rates = "100/minute"
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()

    # process platform
    couchdb: str | None = None
    instance_bind: str = "127.0.0.1"
    instance_host: str = ""
    instances_socket: Path | None = None
    advertise: str = "127.0.0.1"
    instance_ports: str = "20000-29999"
    grace: Seconds = 5.0

    # Kubernetes; texts are read where they are used
    namespace: str | None = None
    image: str = "couchdb:3.5"
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    pull_secrets: str = ""
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    storage_class: str | None = Field(default_factory=_storage_class)
    storage_size: str = "5Gi"
    requests: str = "cpu=50m,memory=128Mi"
    limits: str = ""
    node_selector: str = ""
    priority_class: str = ""
    pod_grace: Annotated[int, Field(ge=0)] = 30
    clients: str = "*"

    # time, in seconds
    upkeep_interval: Seconds = 30.0
    bridge_after: Seconds = 60.0
    lease: Annotated[float, Field(ge=LEAST_LEASE, le=LONGEST, allow_inf_nan=False)] = 15.0
    wait: Seconds = 120.0
    deadline_create: Seconds = 3600.0
    deadline_scale: Seconds = 3600.0
    deadline_progress: Seconds = 600.0
    deadline_replicate: Seconds = 300.0
    deadline_delete: Seconds = 600.0
    keep_jobs: Seconds = 7 * 24 * 3600.0

    # how much at once
    workers: Annotated[int, Field(ge=1, le=64)] = 2  # that `kanto run` starts
    worker_threads: Annotated[int, Field(ge=1, le=256)] = 16
    log_format: Literal["auto", "json", "text"] = "auto"
    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    metrics_bind: str = "127.0.0.1"
    metrics_clusters: bool = False

    @field_validator("default_databases", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("default_databases")
    @classmethod
    def _known_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(sorted({check_database(name) for name in value}))
        except UserError as error:
            raise ValueError(error.message) from None  # as a setting it is refused like any other

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            for network in value:
                ip_network(network)
        except ValueError:
            raise ValueError("must be addresses or networks such as 10.0.0.0/8, with commas between them") from None
        return value

    @field_validator("instance_ports")
    @classmethod
    def _port_range(cls, value: str) -> str:
        low, _, high = value.partition("-")
        if not (low.isdecimal() and high.isdecimal() and 1 <= int(low) < int(high) <= 65535):
            raise ValueError("must be two ports with a dash between them, such as 20000-29999")
        return value

    @property
    def port_range(self) -> range:
        low, _, high = self.instance_ports.partition("-")
        return range(int(low), int(high) + 1)

    @property
    def why_platform(self) -> str:
        """What decided where instances run, for the log."""
        if "platform" in self.model_fields_set:
            return "KANTO_PLATFORM says so"
        named = [name for field, name in WAYS_TO_KUBERNETES.items() if getattr(self, field)]
        return f"{named[0]} is set" if named else f"none of {', '.join(WAYS_TO_KUBERNETES.values())} is set"
