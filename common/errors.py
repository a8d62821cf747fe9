"""kanto's errors: one class per reaction, not per place.

    KantoError
    +-- UserError         the caller's mistake: answered at once, no job is made
    +-- TemporaryError    something is away or slow: tried again, shown in the job's progress
    |   +-- StoreUnavailable   Redis does not answer: the api says 503 with Retry-After
    |   +-- NotRebuilt         a new or lost Redis that no worker has filled yet (hazards H22): 503 too
    |   +-- NewerVersion       a record that a newer kanto wrote and that this one must not touch: 503 too
    |   +-- OlderCopy          Redis knows less than the platform's mirror (hazards H21): the mirrors are read again
    +-- PermanentError    ends the job as failed, with what to do
    +-- LeaseLost         another worker has this cluster now: the step stops without a word

Third-party exceptions stop at the adapter that met them and become one of these, cause kept.
`code` is a stable word, and all there are stand in three tables below: CODES, the codes of answers with their HTTP
status; REASONS, of what a status or a job that waits gives as its reasons; UNSEEN, which no answer carries.
"""


class KantoError(Exception):
    """Base of all. `message` is a sentence for people, `action` says what to do."""

    def __init__(self, code: str, message: str, *, action: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.action = action

    @property
    def detail(self) -> str:
        return f"{self.message}. {self.action}" if self.action else self.message


class UserError(KantoError):
    """The caller's mistake. `job` names a job where one is meant."""

    def __init__(self, code: str, message: str, *, action: str = "", job: str | None = None) -> None:
        super().__init__(code, message, action=action)
        self.job = job


class TemporaryError(KantoError):
    """Worth another try, `retry_in` seconds from now."""

    def __init__(self, code: str, message: str, *, action: str = "", retry_in: float = 1.0) -> None:
        super().__init__(code, message, action=action)
        self.retry_in = retry_in


class StoreUnavailable(TemporaryError):
    """Redis could not be reached or did not answer in time. Whether a write took place is not known."""

    def __init__(self, message: str) -> None:
        super().__init__("store_unavailable", message, action="Try again in a few seconds", retry_in=2.0)


class NotRebuilt(TemporaryError):
    """Redis answers but holds no record of having been filled from the platform since it was last empty."""

    def __init__(self) -> None:
        super().__init__(
            "not_rebuilt", "kanto is reading its clusters back", action="Try again in a few seconds", retry_in=2.0
        )


class NewerVersion(TemporaryError):
    """A record is of a schema that this kanto does not know: it is left to the kanto that wrote it."""

    def __init__(self, message: str) -> None:
        super().__init__(
            "newer_version",
            message,
            action="Another version is being rolled out: try again in a few seconds. "
            "If it stays so, run a kanto as new as the one that wrote it",
            retry_in=5.0,
        )


class OlderCopy(TemporaryError):
    """Redis came back without its last writes: nothing is done by its word before the mirrors were taken in."""

    def __init__(self, message: str) -> None:
        super().__init__(
            "older_copy", message, action="Nothing to do: a worker takes in what is newer on the platform", retry_in=2.0
        )


class PermanentError(KantoError):
    """No use in trying again as things are: the job ends as failed."""


class LeaseLost(KantoError):
    """The lease has run out or the spec has changed: whatever this worker still wanted to do is not its to do."""

    def __init__(self, message: str) -> None:
        super().__init__("lease_lost", message)


FAILURES = frozenset(
    {
        "deadline",
        "job_failed",
        "bad_home",
        "credentials_lost",
        "forbidden",
        "kubernetes_refused",
        "mirror_conflict",
        "name_taken",
        "no_couchdb",
        "no_free_port",
        "no_namespace",
        "wrong_platform",
    }
)
"""What ends a job as failed, besides `internal` and `bad_record`."""

CODES: dict[str, int] = {
    # bad input
    "bad_username": 400,
    "missing_username": 400,
    "bad_token": 400,
    "missing_token": 400,
    "bad_couchdb_user": 400,
    "bad_couchdb_password": 400,
    "missing_couchdb_password": 400,
    "bad_cluster_tag": 400,
    "missing_cluster_tag": 400,
    "bad_replicas": 400,
    "missing_replicas": 400,
    "bad_databases": 400,
    "missing_databases": 400,
    "missing_job_id": 400,
    "bad_option": 400,
    "duplicate_field": 400,
    "bad_form": 400,
    "bad_idempotency_key": 400,
    "bad_page": 400,
    "bad_status": 400,
    "bad_encoding": 400,
    "slow_body": 408,
    "too_large": 413,
    # who and what
    "unauthorized": 401,
    "no_such_cluster": 404,
    "no_such_job": 404,
    "wrong_method": 405,
    "cluster_exists": 409,
    "job_running": 409,
    "job_ended": 409,
    "no_way_back": 409,
    "superseded": 409,
    "canceled": 409,
    "idempotency_key_spent": 409,
    "idempotency_key_reused": 422,
    # how it went
    "still_running": 202,
    **dict.fromkeys(sorted(FAILURES), 502),
    "too_busy": 429,
    "too_many_requests": 429,
    "too_many_refused": 429,
    "too_many_clusters": 429,
    "too_many_instances": 429,
    "too_many_jobs": 429,
    "contended": 503,
    "store_unavailable": 503,
    "not_rebuilt": 503,
    "newer_version": 503,
    "not_ready": 503,
    "internal": 500,
    "bad_record": 500,
}
"""Of every answer that is not ok. An awaited job that failed is answered 502 whatever its code."""

JOB_ERRORS = FAILURES | {"canceled", "superseded", "internal", "bad_record"}
"""What a job that ended without success gives as its error."""

REASONS = FAILURES | {
    # what a look found
    "data_lost",
    "database_unknown",
    "documents_refused",
    "endpoint_missing",
    "instance_down",
    "instance_lost",
    "instance_silent",
    "instance_unknown",
    "instances_missing",
    "link_altered",
    "link_missing",
    "link_not_running",
    "link_stalled",
    "login_differs",
    "not_observed",
    "platform_problem",
    "platform_unknown",
    "same_uuid",
    "security_disputed",
    "spec_changed",
    "writes_fail",
    # what is under way
    "draining",
    "dropping",
    "fencing",
    "filling",
    "forced",
    "grace",
    "in_progress",
    "leaver_serves",
    "removing",
    "retiring",
    "unfencing",
    # what a step met, which is tried again
    "bad_record",
    "clearing",
    "cluster_locked",
    "credentials_unknown",
    "ending",
    "host_away",
    "instance_refuses_kanto",
    "instance_unclear",
    "internal",
    "kubernetes_away",
    "kubernetes_busy",
    "kubernetes_conflict",
    "kubernetes_expired",
    "kubernetes_login",
    "kubernetes_missing",
    "launcher_failed",
    "newer_version",
    "no_endpoint",
    "no_such_instance",
    "older_copy",
    "platform_io",
    "process_remains",
    "quota_exceeded",
    "replicator_conflict",
    "replicator_refused",
    "store_unavailable",
}
"""Why a cluster is not ready, or what its job waits for."""

UNSEEN = frozenset(
    {
        "bad_setting",  # a worker that does not start
        "lease_lost",  # the step of a worker that is not its cluster's any more
        "no_such_user",  # an operator's commands
        "user_exists",
        "user_has_clusters",
    }
)
"""Codes of errors that end in a log or on a terminal."""
