"""Fences an instance and undoes it, by the configuration API, in the order of hazard H8.

Every piece may be cut short after any request and begun again by any worker.
"""

from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import quote

from worker.couch.client import Talk
from worker.couch.errors import Away
from worker.couch.fence_config import (
    CHECKED,
    FENCED,
    KANTO,
    KEPT_ADMINS,
    KEPT_VALUES,
    MARKER,
    WAS,
    WAS_NOT_SET,
    Config,
    dead_line,
    fence_values,
    has_all_values,
    has_trace,
    is_dead,
    is_fence_value,
    other_admins,
    value,
)


def read_config(talk: Talk) -> Config:
    """All settings that were set, by section and key: one request."""
    config: Mapping[str, Mapping[str, str]] = talk.get("/_node/_local/_config").body
    return config


def fence(talk: Talk, nonce: str) -> None:
    """Move the fence forward as far as one call can: up to the restart, or after it to the end.

    The restart is asked for only after marker and values were seen together. The nonce is written only when the marker
    is gone, that is after a restart, and everything was read again: what stands then took effect at that restart, and
    whatever was under way before it has been cut.
    """
    config = read_config(talk)
    if value(config, KANTO, CHECKED) == nonce and has_all_values(config, nonce, talk.credentials):
        if value(config, KANTO, MARKER) is not None:
            _restart(talk)
        elif value(config, KANTO, FENCED) != nonce:
            set_value(talk, KANTO, FENCED, nonce)
        return
    _unset_all(talk, config, KANTO, (FENCED, CHECKED))
    set_value(talk, KANTO, MARKER, nonce, persist=False)
    _set_values(talk, config, nonce)
    _kill_admins(talk, config, nonce)
    written = read_config(talk)
    if value(written, KANTO, MARKER) == nonce and has_all_values(written, nonce, talk.credentials):
        set_value(talk, KANTO, CHECKED, nonce)
        _restart(talk)


def _restart(talk: Talk) -> None:
    """Ask for it; the answer may be cut off by the restart itself. Asking twice is harmless."""
    with suppress(Away):
        talk.post("/_node/_local/_restart", {}, accept=(200, 202))


def _set_values(talk: Talk, config: Config, nonce: str) -> None:
    """Each setting, after what was there is kept: once, so that a fence is never kept as what was before it."""
    for (section, key), wanted in fence_values(nonce).items():
        found = value(config, section, key)
        kept = f"{section}.{key}"
        if kept not in config.get(KEPT_VALUES, {}) or not is_fence_value(section, key, found):
            set_value(talk, KEPT_VALUES, kept, WAS_NOT_SET if found is None else WAS + found)
        if found != wanted:
            set_value(talk, section, key, wanted)


def _kill_admins(talk: Talk, config: Config, nonce: str) -> None:
    """Overwrite every admin line but kanto's: one that a lower file sets could not be deleted."""
    for name, line in other_admins(config, talk.credentials).items():
        if not is_dead(name, line, talk.credentials):
            set_value(talk, KEPT_ADMINS, name, line)
        dead = dead_line(name, nonce, talk.credentials)
        if line != dead:
            set_value(talk, "admins", name, dead)


def unfence(talk: Talk) -> None:
    """Undo a fence, whole or half-made, the nonce first. No restart is needed: all logins of before work again."""
    config = read_config(talk)
    if not has_trace(config, talk.credentials):
        return
    _unset_all(talk, config, KANTO, (FENCED, CHECKED, MARKER))
    for name, line in config.get(KEPT_ADMINS, {}).items():
        if is_dead(name, value(config, "admins", name) or "", talk.credentials):
            set_value(talk, "admins", name, line)
        _unset(talk, KEPT_ADMINS, name)
    for kept, former in config.get(KEPT_VALUES, {}).items():
        section, _, key = kept.partition(".")
        found = value(config, section, key)
        if found is not None and is_fence_value(section, key, found):
            _restore(talk, section, key, former)
        _unset(talk, KEPT_VALUES, kept)


def _restore(talk: Talk, section: str, key: str, former: str) -> None:
    if former == WAS_NOT_SET:
        _unset(talk, section, key)
    else:
        set_value(talk, section, key, former.removeprefix(WAS))


def _path(section: str, key: str) -> str:
    return f"/_node/_local/_config/{section}/{quote(key, safe='')}"


def set_value(talk: Talk, section: str, key: str, to: str, *, persist: bool = True) -> None:
    """Set one setting, for good unless `persist` is False."""
    headers = {} if persist else {"X-Couch-Persist": "false"}
    talk.put(_path(section, key), to, headers=headers, accept=(200,))


def _unset(talk: Talk, section: str, key: str) -> None:
    talk.delete(_path(section, key), accept=(200, 404))


def _unset_all(talk: Talk, config: Config, section: str, keys: tuple[str, ...]) -> None:
    for key in keys:
        if value(config, section, key) is not None:
            _unset(talk, section, key)
