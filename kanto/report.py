"""`kanto report USER CLUSTER_TAG`: one archive for a report of a mistake, with all that kanto knows and no secret."""

import io
import json
import platform
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from common.cluster import ClusterKey
from common.jobs import Job
from common.store.port import ClusterRecord, Store
from common.version import own_version
from kanto.refusal import Refusal
from kanto.run.settings import RunSettings
from kanto.store import open_store

HIDDEN = "(hidden)"
SECRET_FIELDS = frozenset(
    {"admin_line", "owner_hash", "redis_url", "password", "couchdb_password", "token", "cookie", "secret"}
)
"""Left out wherever they stand: a hash can be guessed at, too."""

JOBS = 20
LIBRARIES = ("celery", "fastapi", "httpx", "kombu", "kubernetes", "pydantic", "redis", "starlette", "uvicorn")

README = """\
What kanto knows of one cluster, for a report of a mistake.

about.json     versions of kanto, Python, the system and the libraries, and the settings
service.json   counts over all clusters and jobs
cluster.json   the spec, what was seen last, what `decide` remembers, the plan's reasons
steps.json     what workers did to this cluster and met, latest last, upkeep too
jobs.json      the latest jobs of this cluster, each with its latest changes

Left out: passwords, tokens, their hashes, the address of Redis. In it: the user's name, names of databases, addresses
of instances, documents' counts. Look through it before you send it to a stranger.
"""


def report(user: str, tag: str, *, output: Path | None, settings: RunSettings) -> Path:
    """Write the archive and say where. A Refusal for a cluster that is not there, or a place that cannot be written."""
    with open_store(settings) as store:
        files = gather(store, ClusterKey(user, tag), settings=settings)
    path = output or Path(f"kanto-report-{tag}.tar.gz")
    try:
        with path.open("xb") as file:
            write(file, files)
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}. Name another with --output") from error
    return path


def gather(store: Store, key: ClusterKey, *, settings: RunSettings) -> dict[str, str]:
    """The archive's files by name. Reads only."""
    record = store.cluster(key)
    if record is None:
        raise Refusal(f"There is no cluster {key.tag} of {key.user} in this kanto")
    found = store.jobs(key.user, tag=key.tag, limit=JOBS)
    return {
        "README": README,
        "about.json": text(about(settings)),
        "service.json": text(service(store)),
        "cluster.json": text(cluster(record)),
        "steps.json": text([asdict(step) for step in store.steps(key)]),
        "jobs.json": text([job_with_changes(store, job) for job in found]),
    }


def about(settings: RunSettings) -> dict[str, Any]:
    return {
        "kanto": own_version(),
        "python": sys.version,
        "system": platform.platform(),
        "libraries": {name: version_of(name) for name in LIBRARIES},
        "settings": settings.model_dump(mode="json"),
    }


def version_of(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def service(store: Store) -> dict[str, Any]:
    """Of other clusters nothing but their number."""
    survey = store.survey()
    return {
        "now": store.now(),
        "rebuilt": store.is_rebuilt(),
        "workers": survey.workers,
        "clusters": len(survey.clusters),
        "latest_seconds": max((one.late for one in survey.clusters), default=0.0),
        "unfinished_jobs": survey.unfinished,
        "overdue_jobs": survey.overdue,
        "ended_jobs": {" ".join(how): asdict(total) for how, total in sorted(survey.ended.items())},
        "memory_bytes": survey.memory,
    }


def cluster(record: ClusterRecord) -> dict[str, Any]:
    memory = json.loads(record.memory) if record.memory else None
    return {**asdict(record), "memory": memory}


def job_with_changes(store: Store, job: Job) -> dict[str, Any]:
    log = store.changes(job.id, after=0)
    return {**asdict(job), "changes": [asdict(change) for change in log.changes] if log is not None else []}


def text(value: object) -> str:
    return json.dumps(without_secrets(value), indent=1, sort_keys=True, default=str) + "\n"


def without_secrets(value: object) -> object:
    """The same, with every field of a secret's name hidden, however deep."""
    if isinstance(value, Mapping):
        return {
            str(name): HIDDEN if str(name).lower() in SECRET_FIELDS and part else without_secrets(part)
            for name, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_secrets(part) for part in value]
    return value


def write(file: Any, files: Mapping[str, str]) -> None:
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in files.items():
            data = content.encode()
            entry = tarfile.TarInfo(f"kanto-report/{name}")
            entry.size, entry.mode = len(data), 0o600
            archive.addfile(entry, io.BytesIO(data))
