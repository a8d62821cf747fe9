"""The Secret of a cluster's logins: made once, before its first instance, never again (hazards H26). Pure."""

import base64
import binascii
from collections.abc import Mapping
from pathlib import PurePosixPath

from common.codec import decode, encode
from common.errors import PermanentError
from worker.platforms import ini
from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.frame import Frame, Manifest, metadata
from worker.platforms.login import Login

LOGIN = "login.json"
"""kanto's own admin with its password. Pods do not mount this key."""
INI = "kanto.ini"
"""What pods mount: the settings that all instances share, with hashed admin lines and the cookies' secret."""


def build_login(frame: Frame, login: Login, *, databases: PurePosixPath, last: str) -> Manifest:
    """The Secret, to be created and never applied: its data are random. Nobody changes it later, so it is immutable."""
    settings = ini.build_ini(
        uuid=None,
        secret=login.secret,
        admins={login.name: login.line, frame.spec.admin_name: frame.spec.admin_line},
        port=names.PORT,
        bind="any",
        data=databases,
    )
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(frame, names.login(frame.spec), component="login"),
        "type": "Opaque",
        "immutable": True,
        "data": {LOGIN: _in_base64(encode(login)), INI: _in_base64(ini.render(settings, last=last))},
    }


def read_login(data: Mapping[str, str] | None, *, name: str) -> Login:
    """The login in the `data` of a Secret, as the API gives it; PermanentError `bad_record` when it is damaged."""
    try:
        text = base64.b64decode((data or {})[LOGIN], validate=True).decode()
    except (KeyError, binascii.Error, UnicodeDecodeError) as error:
        raise PermanentError(
            "bad_record",
            f"Secret {name} holds no readable {LOGIN}: kanto cannot log in to this cluster",
            action="Put the Secret back from a copy; kanto never makes a second one",
        ) from error
    return decode(Login, text)


def _in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
