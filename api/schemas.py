"""The shapes of answers, as JSON Schema (2020-12, as OpenAPI 3.1 has it). api/render.py draws what they describe.

A word that workers choose (codes, states) is a string with all that this version knows in `x-extensible-enum`: a client
has to bear others, since a worker may be newer than the api.
"""

from collections.abc import Iterable
from typing import Any, get_args

from common.cluster import Spawner
from common.errors import CODES, JOB_ERRORS, REASONS
from common.jobs import JobKind, JobStatus
from common.names import JOB_ID
from common.view import InstanceState, ReplicationState, Status

Schema = dict[str, Any]


def shape(properties: Schema, *, optional: Iterable[str] = ()) -> Schema:
    """An object of these members, all of them there but the optional ones."""
    return {
        "type": "object",
        "required": [name for name in properties if name not in set(optional)],
        "properties": properties,
    }


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def text(description: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def word(known: Iterable[str], description: str) -> Schema:
    return text(description, **{"x-extensible-enum": sorted(known)})


def maybe(schema: Schema) -> Schema:
    """Or null: not known, or not there."""
    if "$ref" in schema:
        return {"oneOf": [schema, {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}


def many(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def answer(result: Schema | None) -> Schema:
    """The envelope of a success."""
    members = {"status": text(enum=["ok"]), "status_message": text()}
    return shape(members if result is None else {**members, "result": result})


_COUNT: Schema = {"type": "integer", "minimum": 0}
_TIME: Schema = {"type": "string", "format": "date-time"}
_TAG = text("the cluster's short name")
_USER = text("whose it is")
_JOB_ID = text(pattern=f"^{JOB_ID}$")

_HEAD: Schema = {"Tag": _TAG, "Username": _USER}
_MIDDLE: Schema = {
    "Replicas": {"type": "integer", "minimum": 1, "maximum": 10, "description": "how many instances were asked for"},
    "Endpoint": maybe(text("the one address of the cluster; null until it is known")),
    "Namespace": maybe(text()),
    "CouchdbUser": text("the login of the databases, where it is another than Username and token"),
    "OwnPassword": {
        "type": "boolean",
        "description": "with CouchdbUser: whether its password is another than the token",
    },
    "Status": word(get_args(Status), "what is true now, as of ObservedAt"),
    "Reasons": many(ref("Reason")),
    "Databases": many(text()) | {"description": "the saved list: what the instances replicate"},
    "Spawner": text("what carries the instances", enum=list(get_args(Spawner))),
}
_OWN_LOGIN = ["CouchdbUser", "OwnPassword"]
_PARTS: Schema = {
    "Instances": {"type": ["array", "null"], "items": ref("Instance")},
    "Links": {"type": ["array", "null"], "items": ref("Link")},
}
_TAIL: Schema = {
    "Job": maybe(text("the id of the job that has not ended")),
    "ObservedAt": maybe({**_TIME, "description": "when a worker looked last"}),
}
_HOW_FAR: Schema = {
    "step": text("what is under way, in words"),
    "progress": shape({"done": _COUNT, "total": _COUNT, "instances": many(text("a line per instance"))}),
    "reasons": many(ref("Reason")),
}
_JOB_LINE: Schema = {
    "id": _JOB_ID,
    "kind": text(enum=[kind.value for kind in JobKind]),
    "cluster_tag": _TAG,
    "status": text(enum=[status.value for status in JobStatus]),
    "done": {"type": "boolean", "description": "whether it has ended"},
    **_HOW_FAR,
    "created_at": _TIME,
    "started_at": maybe(_TIME),
    "ended_at": maybe(_TIME),
    "error": ref("JobError"),
}
_CODE = word(CODES, "a stable word: which rule was broken, or what happened")
_ERROR: Schema = {
    "status": text(enum=["error", "unauthorized"]),
    "status_message": text(),
    "error_detail": text("what was wrong, and what to do"),
    "code": _CODE,
}
_CHECKS: Schema = {
    "redis": {"type": "boolean", "description": "whether Redis answers"},
    "rebuilt": {"type": ["boolean", "null"], "description": "whether it was filled since it was new"},
    "workers": {"type": ["integer", "null"], "description": "seen within the last 30 seconds"},
}

COMPONENTS: Schema = {
    "Reason": shape(
        {
            "code": word(REASONS, "a stable word"),
            "text": text("a sentence"),
            "instance": text("the name of the instance that is meant"),
        },
        optional=["instance"],
    ),
    "Instance": shape(
        {
            "Name": text(),
            "Url": text(),
            "State": word(get_args(InstanceState), "what it is doing"),
            "Uuid": maybe(text("of its data")),
            "Since": maybe({**_TIME, "description": "when this state was first seen"}),
        }
    ),
    "Replication": shape(
        {
            "Database": text(),
            "State": word(get_args(ReplicationState), "as CouchDB says"),
            "Pending": maybe({**_COUNT, "description": "changes that wait"}),
            "Refused": maybe({**_COUNT, "description": "documents that the target refused"}),
        }
    ),
    "Link": shape({"Source": text(), "Target": text(), "Replications": many(ref("Replication"))}),
    "Conflicts": shape(
        {
            "CountedAt": _TIME,
            "Instance": maybe(text("where; null: none answered")),
            "Databases": many(ref("ConflictCount")),
        }
    ),
    "ConflictCount": shape(
        {
            "Database": text(),
            "Documents": maybe({**_COUNT, "description": "in conflict; null: not looked at"}),
            "Complete": {"type": "boolean", "description": "false: so many at least"},
        }
    ),
    "ClusterLine": shape(
        {
            **_HEAD,
            **_MIDDLE,
            "Lag": maybe({**_COUNT, "description": "changes that wait on the slowest link; null: not known"}),
            **_TAIL,
        },
        optional=_OWN_LOGIN,
    ),
    "UnreadCluster": shape(
        {**_HEAD, "Status": text("a newer kanto wrote its record", enum=["unknown"]), "Reasons": many(ref("Reason"))}
    ),
    "Cluster": shape(
        {
            **_HEAD,
            "Password": text("the token that the caller has just sent: after create and scale", format="password"),
            **_MIDDLE,
            **_PARTS,
            **_TAIL,
            "Conflicts": maybe(ref("Conflicts")),
        },
        optional=["Password", "Conflicts", *_OWN_LOGIN],
    ),
    "AcceptedJob": shape({**_HEAD, "Job": _JOB_ID}),
    "CanceledJob": shape({**_HEAD, "Job": _JOB_ID, "Kind": _JOB_LINE["kind"], "Undone": text("what it leaves")}),
    "JobError": shape({"code": word(JOB_ERRORS, "a stable word"), "message": text(), "detail": text("what to do")}),
    "JobLine": shape(_JOB_LINE, optional=["error"]),
    "Job": shape(
        {**_JOB_LINE, "result": maybe(ref("Cluster")) | {"description": "once it has succeeded; null: gone since"}},
        optional=["error", "result"],
    ),
    "JobPage": shape({"jobs": many(ref("JobLine")), "next": maybe(text("send it as cursor for the next page"))}),
    "JobChange": shape({"status": _JOB_LINE["status"], **_HOW_FAR, "at": _TIME}),
    "Checks": shape(_CHECKS),
    "Done": answer(None),
    "ClusterAnswer": answer(ref("Cluster")),
    "ClustersAnswer": answer(many({"anyOf": [ref("ClusterLine"), ref("UnreadCluster")]})),
    "JobAnswer": answer(ref("Job")),
    "JobsAnswer": answer(ref("JobPage")),
    "CanceledAnswer": answer(ref("CanceledJob")),
    "ReadyAnswer": answer(ref("Checks")),
    "StillRunning": shape(
        {
            "status": text("ok for one who did not want to wait", enum=["ok", "error"]),
            "status_message": text(),
            "error_detail": text("where to ask"),
            "result": ref("AcceptedJob"),
            "code": text(enum=["still_running"]),
            "job": _JOB_ID,
        },
        optional=["error_detail", "code"],
    ),
    "Error": shape({**_ERROR, "job": text("the id of the job that is meant")}, optional=["job"]),
    "NotReady": shape(
        {
            "status": text(enum=["error"]),
            "status_message": text(),
            "error_detail": _ERROR["error_detail"],
            "result": ref("Checks"),
            "code": text(enum=["not_ready"]),
        }
    ),
}
