"""Settings, read from the environment here and nowhere else.

All begin with KANTO_, but for the two the original named.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from common.names import check_database

Seconds = Annotated[float, Field(gt=0)]


class Settings(BaseSettings):
    """One object for all processes; each reads what it needs. The README's table lists the same names."""

    model_config = SettingsConfigDict(
        env_prefix="KANTO_", env_ignore_empty=True, frozen=True, extra="ignore", populate_by_name=True
    )

    # where things are
    platform: Literal["process", "kubernetes"] = "process"
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
    kubernetes_api_url: str | None = Field(
        default=None, validation_alias=AliasChoices("KUBERNETES_API_URL", "kubernetes_api_url")
    )

    # process platform
    couchdb: str | None = None
    instance_bind: str = "127.0.0.1"
    advertise: str = "127.0.0.1"
    instance_ports: str = "20000-29999"
    grace: Seconds = 5.0

    # time, in seconds
    upkeep_interval: Seconds = 30.0
    bridge_after: Seconds = 60.0
    lease: Seconds = 15.0
    wait: Seconds = 120.0
    deadline_create: Seconds = 3600.0
    deadline_scale: Seconds = 3600.0
    deadline_progress: Seconds = 600.0
    deadline_replicate: Seconds = 300.0
    deadline_delete: Seconds = 600.0
    keep_jobs: Seconds = 7 * 24 * 3600.0

    # how much at once
    worker_threads: Annotated[int, Field(ge=1, le=256)] = 16
    log_format: Literal["auto", "json", "text"] = "auto"

    @field_validator("default_databases", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("default_databases")
    @classmethod
    def _known_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted({check_database(name) for name in value}))

    @field_validator("platform")
    @classmethod
    def _platform_is_there(cls, value: str) -> str:
        if value == "kubernetes":
            raise ValueError("the Kubernetes platform is not there yet: leave it out, or say process")
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
