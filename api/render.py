"""How clusters and jobs look on the wire: members, their order and their case. Pure. What is not known is null."""

from dataclasses import replace
from datetime import UTC, datetime

from api.envelope import Json
from common.cluster import ClusterKey, ClusterSpec
from common.jobs import Job, JobChange, JobStatus
from common.store.port import ClusterRecord
from common.view import ClusterView, InstanceView, LinkView, Reason, ReplicationView, Status

MARGIN = 10.0
"""Seconds that a look may take, on top of two upkeep intervals, before the view it leaves counts as too old."""


def time(seconds: float | None) -> str | None:
    """RFC 3339 in UTC with a Z, to the second."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def cluster_detail(record: ClusterRecord, *, now: float, upkeep_interval: float) -> dict[str, Json]:
    """All of a cluster, as of its last look."""
    view = current(record, now=now, upkeep_interval=upkeep_interval)
    return {**_head(record.spec, view), **_middle(record.spec, view), **_parts(view), **_tail(record.job, view)}


def cluster_line(record: ClusterRecord, *, now: float, upkeep_interval: float) -> dict[str, Json]:
    """A cluster among others: its slowest link in place of its instances and links."""
    view = current(record, now=now, upkeep_interval=upkeep_interval)
    return {**_head(record.spec, view), **_middle(record.spec, view), "Lag": lag(view), **_tail(record.job, view)}


def cluster_of_newer(key: ClusterKey) -> dict[str, Json]:
    """A cluster among others of which this kanto may read nothing but its name."""
    reason = Reason("newer_version", "a newer kanto than the one that answers wrote its record: ask again")
    return {"Tag": key.tag, "Username": key.user, "Status": "unknown", "Reasons": [reason_of(reason)]}


def cluster_result(spec: ClusterSpec, view: ClusterView | None, *, password: str | None) -> dict[str, Json]:
    """A cluster as a job left it. Old scripts count quotes up to `Endpoint`; no value before it can hold one."""
    return {**_head(spec, view, password=password), **_middle(spec, view), **_parts(view), **_tail(None, view)}


def cluster_accepted(key: ClusterKey, job_id: str) -> dict[str, Json]:
    """What is known of a cluster whose job goes on."""
    return {"Tag": key.tag, "Username": key.user, "Job": job_id}


def current(record: ClusterRecord, *, now: float, upkeep_interval: float) -> ClusterView | None:
    """The view as far as it is true now: one that is too old, or of a former spec, cannot say `ready`."""
    view = record.view
    if view is None:
        return None
    age = now - view.observed_at
    if age > 2 * upkeep_interval + MARGIN:
        text = f"last looked at {age:.0f} s ago: is a worker running?"
        return _with_status(view, "unknown", Reason("not_observed", text))
    if view.version != record.version and view.status == "ready":
        if record.spec.deleted:
            return _with_status(view, "deleting", None)
        reason = Reason("spec_changed", "a change was accepted that no look has seen yet")
        return _with_status(view, "scaling" if record.spec.replicas != len(view.instances) else "degraded", reason)
    return view


def _with_status(view: ClusterView, status: Status, reason: Reason | None) -> ClusterView:
    reasons = view.reasons if reason is None else (reason, *view.reasons)
    return replace(view, status=status, reasons=reasons)


def _head(spec: ClusterSpec, view: ClusterView | None, *, password: str | None = None) -> dict[str, Json]:
    shown: dict[str, Json] = {"Tag": spec.tag, "Username": spec.user}
    if password is not None:
        shown["Password"] = password
    endpoint = view.endpoint if view is not None else None
    shown |= {"Replicas": spec.replicas, "Endpoint": endpoint, "Namespace": view.namespace if view else None}
    return {**shown, **_login(spec)}


def _login(spec: ClusterSpec) -> dict[str, Json]:
    """The login to the databases, where it is another than the account's username and token."""
    if spec.admin_name == spec.user and not spec.has_own_password:
        return {}
    return {"CouchdbUser": spec.admin_name, "OwnPassword": spec.has_own_password}


def _middle(spec: ClusterSpec, view: ClusterView | None) -> dict[str, Json]:
    if view is None:
        status = "deleting" if spec.deleted else "creating"
        return {"Status": status, "Reasons": [], "Databases": list(spec.databases), "Spawner": spec.spawner}
    names = sorted({*spec.databases, *view.databases}) if spec.all_databases else list(spec.databases)
    reasons = [reason_of(reason) for reason in view.reasons]
    return {"Status": view.status, "Reasons": reasons, "Databases": names, "Spawner": spec.spawner}


def _parts(view: ClusterView | None) -> dict[str, Json]:
    if view is None:
        return {"Instances": None, "Links": None}
    return {"Instances": [_instance(one) for one in view.instances], "Links": [_link(one) for one in view.links]}


def _tail(job: str | None, view: ClusterView | None) -> dict[str, Json]:
    return {"Job": job, "ObservedAt": time(view.observed_at) if view is not None else None}


def _instance(one: InstanceView) -> dict[str, Json]:
    return {"Name": one.name, "Url": one.url, "State": one.state, "Uuid": one.uuid, "Since": time(one.since)}


def _link(one: LinkView) -> dict[str, Json]:
    return {
        "Source": one.source,
        "Target": one.target,
        "Replications": [_replication(each) for each in one.replications],
    }


def _replication(one: ReplicationView) -> dict[str, Json]:
    return {"Database": one.database, "State": one.state, "Pending": one.pending, "Refused": one.refused}


def lag(view: ClusterView | None) -> int | None:
    """Changes that wait on the slowest link; 0 where there is nothing to link, None when any part is not known."""
    if view is None or view.status == "unknown":
        return None
    if not view.links:
        return 0 if len(view.instances) == 1 else None
    waiting = [one.pending for link in view.links for one in link.replications]
    known = [pending for pending in waiting if pending is not None]
    return max(known, default=0) if len(known) == len(waiting) else None


def reason_of(reason: Reason) -> dict[str, Json]:
    shown: dict[str, Json] = {"code": reason.code, "text": reason.text}
    return shown if reason.instance is None else {**shown, "instance": reason.instance}


def job_detail(job: Job, record: ClusterRecord | None) -> dict[str, Json]:
    """A job; `record` is its cluster as it is now, if it is. Ends with `result` or `error` once the job has ended."""
    shown = job_line(job)
    if job.status is JobStatus.SUCCEEDED:
        shown["result"] = _job_result(job, record)
    return shown


def job_line(job: Job) -> dict[str, Json]:
    """A job among others: as its detail, but for the result."""
    shown: dict[str, Json] = {
        "id": job.id,
        "kind": job.kind,
        "cluster_tag": job.key.tag,
        "status": job.status,
        "done": job.status.is_ended,
        **job_state(job),
        "created_at": time(job.created_at),
        "started_at": time(job.started_at),
        "ended_at": time(job.ended_at),
    }
    if job.status.is_ended and job.status is not JobStatus.SUCCEEDED:
        code, message, detail = job_error(job)
        shown["error"] = {"code": code, "message": message, "detail": detail}
    return shown


def job_state(job: Job | JobChange) -> dict[str, Json]:
    """How far a job is, or was after a change."""
    return {
        "step": job.step,
        "progress": {
            "done": job.progress.done,
            "total": job.progress.total,
            "instances": list(job.progress.instances),
        },
        "reasons": [reason_of(reason) for reason in job.reasons],
    }


def job_change(change: JobChange) -> dict[str, Json]:
    """A change of a job, for those who listen."""
    return {"status": change.status, **job_state(change), "at": time(change.at)}


def job_error(job: Job) -> tuple[str, str, str]:
    """Code, message and detail of a job that ended without success."""
    if job.error is not None:
        return job.error.code, job.error.message, job.error.detail
    if job.status is JobStatus.CANCELED:
        return "canceled", "The job was canceled", ""
    return "job_failed", "The job failed", ""


def _job_result(job: Job, record: ClusterRecord | None) -> dict[str, Json] | None:
    """The cluster as the job left it. What a later job changed in the spec is not this one's result."""
    if job.result is None or record is None or record.spec.deleted:
        return None
    spec = record.spec
    if record.version != job.version:
        spec = replace(spec, replicas=len(job.result.instances), databases=job.result.databases)
    return cluster_result(spec, job.result, password=None)
