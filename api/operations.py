"""The table of operations: a path, what it is for, its fields, its words, and who carries it out. One entry each."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from api.call import Call
from api.cancel import CANCEL_WORDS, cancel
from api.change import delete, password, replicate, scale, unreplicate
from api.create import create
from api.envelope import Answer, Words
from api.jobs import list_jobs
from api.show import detail, job, list_clusters

Run: TypeAlias = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form, for the welcome and for /docs. The rules themselves are in api/fields.py."""

    name: str
    text: str
    is_needed: bool = True


@dataclass(frozen=True, slots=True)
class Operation:
    """`makes_job`: it changes something, so it answers 202 to one who does not want to wait for the end.

    `answer` names the shape of its success in api/schemas.py.
    """

    path: str
    text: str
    words: Words
    run: Run
    fields: tuple[Field, ...] = ()
    makes_job: bool = False
    answer: str = "ClusterAnswer"

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def all_fields(self) -> tuple[Field, ...]:
        return (USERNAME, TOKEN, *self.fields, *((ASYNC,) if self.makes_job else ()))


USERNAME = Field("username", "1 to 64 of A-Z a-z 0-9 . _ @ + - that begin with a letter or digit")
TOKEN = Field("token", "8 to 128 printable ASCII characters without space, quote and backslash")
TAG = Field("cluster_tag", "the cluster's short name; cut to 12 characters")
NEW_TAG = Field(
    "cluster_tag", "a short name of a-z 0-9 -, cut to 12; under 4 characters: a random one", is_needed=False
)
REPLICAS = Field("replicas", "how many instances: an integer, taken as the nearest of 1 to 10")
DATABASES = Field("databases", "a,b,c; * means all, later ones too")
SAVED = Field("databases", "a,b,c; * takes the * off the list")
DROP = Field("drop", "1: the databases go for good too, on every instance", is_needed=False)
CONFLICTS = Field("conflicts", "1: count the documents in conflict, which takes seconds", is_needed=False)
PAGE = (
    Field("cluster_tag", "only jobs of this cluster", is_needed=False),
    Field("status", "only queued,running,succeeded,failed,canceled: some of them", is_needed=False),
    Field("limit", "jobs on a page: 1 to 100, 20 if you do not say", is_needed=False),
    Field("cursor", "the next of the page before", is_needed=False),
)
COUCHDB_USER = Field(
    "couchdb_user", "the name of the databases' login, by the rules of username; else your username", is_needed=False
)
COUCHDB_PASSWORD = Field(
    "couchdb_password", "its password, by the rules of token; else your token, and each new one", is_needed=False
)
SAME_USER = Field("couchdb_user", "the name of the databases' login, which stays what it is", is_needed=False)
NEW_PASSWORD = Field(
    "couchdb_password", "the new password, by the rules of token; your token: the login follows your token again"
)
JOB_ID = Field("job_id", "the id that the answer with the job named")
FORCE = Field("force", "1: an instance may go without the proof that others hold what it held", is_needed=False)
OLD_FORCE = Field("force", "taken, and changes nothing: a delete is never refused", is_needed=False)
ASYNC = Field("async", "1: answer at once, with the id of the job", is_needed=False)

OPERATIONS = (
    Operation(
        "/v0/create",
        "make a cluster; the first create of a username claims it with its token",
        Words("couchdb cluster creation"),
        create,
        (NEW_TAG, REPLICAS, COUCHDB_USER, COUCHDB_PASSWORD),
        makes_job=True,
    ),
    Operation(
        "/v0/scale",
        "change the number of instances",
        Words("couchdb cluster scaling"),
        scale,
        (TAG, REPLICAS, FORCE),
        makes_job=True,
    ),
    Operation(
        "/v0/replicate",
        "add databases to those that the instances replicate",
        Words("couchdb cluster configure db replication"),
        replicate,
        (TAG, DATABASES),
        makes_job=True,
    ),
    Operation(
        "/v0/unreplicate",
        "take databases off those that the instances replicate",
        Words("couchdb cluster unconfigure db replication"),
        unreplicate,
        (TAG, SAVED, DROP),
        makes_job=True,
    ),
    Operation(
        "/v0/password",
        "change the password of the login to a cluster's databases, on all instances, while they run",
        Words("couchdb cluster password change"),
        password,
        (TAG, NEW_PASSWORD, SAME_USER),
        makes_job=True,
    ),
    Operation(
        "/v0/delete",
        "remove a cluster and its data",
        Words("couchdb cluster deletion"),
        delete,
        (TAG, OLD_FORCE),
        makes_job=True,
        answer="Done",
    ),
    Operation(
        "/v0/list", "your clusters", Words("couchdb list clusters", "user"), list_clusters, answer="ClustersAnswer"
    ),
    Operation("/v0/detail", "a cluster as it is now", Words("couchdb cluster detail"), detail, (TAG, CONFLICTS)),
    Operation(
        "/v0/jobs",
        "your jobs, newest first",
        Words("couchdb list jobs", "user"),
        list_jobs,
        PAGE,
        answer="JobsAnswer",
    ),
    Operation(
        "/v0/job",
        "a job: how far it is, or how it ended",
        Words("couchdb job detail", "job"),
        job,
        (JOB_ID,),
        answer="JobAnswer",
    ),
    Operation(
        "/v0/cancel",
        "cancel a job: the cluster goes back to what it was",
        CANCEL_WORDS,
        cancel,
        (JOB_ID,),
        answer="CanceledAnswer",
    ),
)
