"""The store's commands as Lua scripts: the text that Redis is given for each."""

from pathlib import Path

from common.codec import encode
from common.jobs import Progress
from common.store import rules

_FOLDER = Path(__file__).with_name("scripts")
_BEFORE = {
    "release": "outcome",
    "save": "outcome",
    "admit": "windows",
    "hit": "windows",
    "give_token": "moving",
    "disable_user": "moving",
}
"""What is put between the prelude and a command."""

COMMANDS = (
    "acquire",
    "add_user",
    "admit",
    "cancel",
    "changes",
    "check",
    "claim",
    "clusters",
    "disable_user",
    "give_token",
    "hit",
    "hold_role",
    "is_rebuilt",
    "job",
    "jobs",
    "now",
    "owner_hash",
    "rebuild",
    "release",
    "remembered",
    "remove_user",
    "renew",
    "save",
    "steps",
    "submit",
    "survey",
    "users",
    "wake",
    "workers",
)


_EMPTY = f"{{step = '', progress = '{encode(Progress())}', reasons = '{encode(())}'}}"
"""What a job's fields that are not written yet stand for; text as it would be written."""

SERVER_CLOCK = "redis.call('TIME')"
"""Lua for the time: seconds and microseconds. Only Redis's own clock counts in service (hazards H19)."""


def build_script(command: str, *, keep_jobs: float, clock: str = SERVER_CLOCK) -> str:
    """The numbers that both stores share, then the prelude, then the command itself. `keep_jobs` is in seconds."""
    numbers = {
        "HORIZON": rules.milliseconds(rules.HORIZON),
        "WORKER_SEEN": rules.milliseconds(rules.WORKER_SEEN),
        "RETRY_TAKEN": rules.milliseconds(rules.RETRY_TAKEN),
        "RETRY_NEWER": rules.milliseconds(rules.RETRY_NEWER),
        "JOBS_PER_USER": rules.JOBS_PER_USER,
        "LATE_PER_CLAIM": rules.LATE_PER_CLAIM,
        "MAX_EVENTS": rules.EVENTS,
        "MAX_CHANGES": rules.CHANGES,
        "MAX_STEPS": rules.STEPS,
        "KEEP_CHANGES": rules.milliseconds(rules.KEEP_CHANGES),
        "ONCE_FOR": rules.milliseconds(rules.ONCE_FOR),
        "KEEP_JOBS": max(rules.milliseconds(keep_jobs), 1),
    }
    header = "".join(
        f"local {name} = {value}\n" for name, value in {**numbers, "CLOCK": clock, "EMPTY": _EMPTY}.items()
    )
    parts = ["prelude", *([_BEFORE[command]] if command in _BEFORE else []), command]
    return header + "\n".join((_FOLDER / f"{part}.lua").read_text("utf-8") for part in parts)
