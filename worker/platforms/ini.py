"""kanto's own ini file of an instance, wherever it runs. Pure."""

from collections.abc import Mapping
from pathlib import PurePath

from common.errors import PermanentError

Ini = Mapping[str, Mapping[str, str]]

REPLICATOR = {
    "startup_jitter": "100",
    "interval": "5000",
    "checkpoint_interval": "5000",
    "cluster_start_period": "1",
    "max_jobs": "3000",
}
"""Measured on CouchDB 3.5.0: with the defaults a ring needs up to a minute to run, and as long to try again.

And with its 500 jobs at once (docs, Replicator) the links of a longer saved list take turns and never all run. A saved
list holds 1,000 names, and an instance has one link for each, two while one is down, and pulls each when it is new.
"""

MOST_OPEN = 3_000
"""Shards open at once, one or more of each database that replicates.

Beyond it (500 by default) CouchDB refuses (`all_dbs_active`).
"""


def build_ini(*, uuid: str | None, secret: str, admins: Mapping[str, str], port: int, bind: str, data: PurePath) -> Ini:
    """Settings from the first start on.

    The uuid is the data's, or checkpoints are lost; None where a file of its own gives it. The secret is shared, or the
    first logins race for their own.
    """
    return {
        "couchdb": {
            "single_node": "true",
            **({} if uuid is None else {"uuid": uuid}),
            "database_dir": str(data),
            "view_index_dir": str(data),
            "max_dbs_open": str(MOST_OPEN),
        },
        "chttpd": {"port": str(port), "bind_address": bind},
        "chttpd_auth": {"secret": secret},
        "cluster": {"q": "1", "n": "1"},
        "replicator": REPLICATOR,
        "log": {"level": "warning"},
        "admins": admins,
    }


def render(ini: Ini, *, last: str) -> str:
    """The text of the file; PermanentError for what would not come back as it went in. `last` names the last file."""
    lines = [f"; Written by kanto at each start. What is set at run time goes to {last}.", ""]
    for section, values in ini.items():
        lines.append(f"[{section}]")
        for key, value in values.items():
            if "=" in key or any(c in key + value for c in "\r\n") or " ;" in value or key[:1] in ("[", ";"):
                raise PermanentError("bad_record", f"a setting of section {section} cannot be written to an ini file")
            lines.append(f"{key} = {value}")
        lines.append("")
    return "\n".join(lines)
