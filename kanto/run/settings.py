"""What `kanto run` reads from the environment: what all processes read, and how many workers to start."""

from typing import Annotated

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import SettingsConfigDict

from common.settings import Settings
from kanto.refusal import Refusal


class RunSettings(Settings):
    """The settings of all processes, so that a wrong one is told before anything starts, and one of our own."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    workers: Annotated[int, Field(ge=1, le=64)] = 2

    @property
    def has_own_redis(self) -> bool:
        """Whether we start one, since nobody named one."""
        return "redis_url" not in self.model_fields_set

    @field_validator("redis_url", mode="after")
    @classmethod
    def _has_scheme(cls, value: str) -> str:
        if not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return value


def load() -> RunSettings:
    """The settings; a Refusal that names the variable when one of them makes no sense."""
    try:
        return RunSettings()
    except ValidationError as error:
        raise Refusal("; ".join(sentence(problem["loc"], problem["msg"]) for problem in error.errors())) from None


def sentence(place: tuple[int | str, ...], message: str) -> str:
    """What is wrong with one variable. The value is not repeated: it may hold a password."""
    name = str(place[0]).upper() if place else "KANTO_?"
    if not name.startswith(("KANTO_", "SPAWNER_", "KUBERNETES_")):
        name = f"KANTO_{name}"
    return f"{name}: {message.removeprefix('Value error, ')}"
