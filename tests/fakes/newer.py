"""The fake worker as one of the version after this: `python -m tests.fakes.newer field|schema FOLDER PORT`.

`field`: every record that it writes has a member that this version does not know. `schema`: every record is of the next
schema. The fakes' own platform is left out, which stands for no record of kanto's.
"""

import json
import sys
from pathlib import Path

from common import codec

FIELD = "of_the_next_version"


def with_field(value: object, *, plain: object = codec.encode) -> str:
    """As `encode`, but a record has one member more."""
    assert callable(plain)
    outer = json.loads(plain(value))
    if isinstance(outer["data"], dict):
        outer["data"][FIELD] = "something"
    return json.dumps(outer, separators=(",", ":"), sort_keys=True)


def become_newer(how: str) -> None:
    """Before anything else is imported that writes records."""
    if how == "field":
        codec.encode = with_field
    else:
        assert how == "schema"
        own = codec.SCHEMA
        codec.SCHEMA = own + 1
        from tests.fakes import platform

        def encode_as_before(value: object) -> str:
            outer = json.loads(codec.encode(value))
            return json.dumps({**outer, "schema": own})

        platform.encode = encode_as_before  # type: ignore[attr-defined]


if __name__ == "__main__":
    become_newer(sys.argv[1])
    from common.settings import Settings
    from tests.fakes.worker import serve

    sys.exit(serve(Settings(), Path(sys.argv[2]), int(sys.argv[3])))
