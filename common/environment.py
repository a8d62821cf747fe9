"""From the environment to settings: what makes no sense there, and what is no setting at all, in sentences."""

import os
from collections.abc import Iterable
from difflib import get_close_matches
from typing import TypeVar

from pydantic import ValidationError

from common.log import get
from common.settings import OF_COMPOSE, PREFIX, Settings

AnySettings = TypeVar("AnySettings", bound=Settings)


class WrongSettings(Exception):
    """A setting that makes no sense. The message names its variable, and not its value: it may hold a password."""


def load(kind: type[AnySettings]) -> AnySettings:
    """The settings of this process. WrongSettings when one of them makes no sense."""
    try:
        return kind()
    except ValidationError as error:
        told = [(e["loc"], e["msg"].removeprefix("Value error, ")) for e in error.errors()]
        raise WrongSettings(
            "; ".join(f"{variable(str(place[0]))}: {why}" if place else why for place, why in told)
        ) from None


def variable(field: str) -> str:
    """The environment variable of a setting; errors name some of them by it already."""
    alias = Settings.model_fields[field].validation_alias if field in Settings.model_fields else None
    name = field if alias is None else str(getattr(alias, "choices", [field])[0])
    return name if name.isupper() else f"{PREFIX}{name.upper()}"


def unknown_names(names: Iterable[str]) -> dict[str, str]:
    """Those of these variables that look like settings and are none, each with the one it may be meant for, or "".

    Read are names in letters of any case, and those of other systems (SPAWNER_TYPE, say) with the prefix too.
    """
    known = {variable(field) for field in Settings.model_fields}
    read = known | {f"{PREFIX}{field.upper()}" for field in Settings.model_fields} | OF_COMPOSE
    return {
        name: _nearest(name, known)
        for name in sorted(names)
        if name.upper().startswith(PREFIX) and name.upper() not in read
    }


def _nearest(name: str, known: Iterable[str]) -> str:
    """One that begins with it, else one that is spelt alike."""
    by_word = {one.removeprefix(PREFIX): one for one in sorted(known)}
    word = name.upper().removeprefix(PREFIX)
    longer = [one for one in by_word if one.startswith(word)]
    return next((by_word[one] for one in longer or get_close_matches(word, by_word, n=1, cutoff=0.7)), "")


def tell_unknown_names() -> None:
    """A warning in the log for each: it changes nothing, and whoever set it thinks that it does."""
    for name, meant in unknown_names(os.environ).items():
        get("settings").warning("unknown_setting", name=name, meant=meant or None)
