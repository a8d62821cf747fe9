"""What `kanto run` reads from the environment: what all do, so that a wrong setting is told before anything starts."""

from pydantic import field_validator
from pydantic_settings import SettingsConfigDict

from common import environment
from common.settings import Settings
from kanto.refusal import Refusal


class RunSettings(Settings):
    """The settings of all processes, and what is asked of them where kanto may have a Redis of its own."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

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
        return environment.load(RunSettings)
    except environment.WrongSettings as wrong:
        raise Refusal(str(wrong)) from None
