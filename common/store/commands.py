"""The store's commands as Lua scripts: the text that Redis is given for each."""

from pathlib import Path

from common.store import rules

_FOLDER = Path(__file__).with_name("scripts")
_WITH_OUTCOME = frozenset({"release", "save"})

COMMANDS = (
    "acquire",
    "cancel",
    "check",
    "claim",
    "clusters",
    "is_rebuilt",
    "job",
    "jobs",
    "now",
    "owner_hash",
    "rebuild",
    "release",
    "renew",
    "save",
    "submit",
    "wake",
    "workers",
)


SERVER_CLOCK = "redis.call('TIME')"
"""Lua for the time: seconds and microseconds. Only Redis's own clock counts in service (hazards H19)."""


def build_script(command: str, *, keep_jobs: float, clock: str = SERVER_CLOCK) -> str:
    """The numbers that both stores share, then the prelude, then the command itself. `keep_jobs` is in seconds."""
    numbers = {
        "HORIZON": rules.milliseconds(rules.HORIZON),
        "WORKER_SEEN": rules.milliseconds(rules.WORKER_SEEN),
        "RETRY_TAKEN": rules.milliseconds(rules.RETRY_TAKEN),
        "JOBS_PER_USER": rules.JOBS_PER_USER,
        "LATE_PER_CLAIM": rules.LATE_PER_CLAIM,
        "MAX_EVENTS": rules.EVENTS,
        "KEEP_JOBS": max(rules.milliseconds(keep_jobs), 1),
    }
    header = "".join(f"local {name} = {value}\n" for name, value in {**numbers, "CLOCK": clock}.items())
    parts = ["prelude", *(["outcome"] if command in _WITH_OUTCOME else []), command]
    return header + "\n".join((_FOLDER / f"{part}.lua").read_text("utf-8") for part in parts)
