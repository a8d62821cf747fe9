"""A record of the store in memory: a text for each part of it, as Redis has a field for each."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from common import codec
from common.cluster import ClusterSpec, Durable
from common.codec import ANY, decode, encode, require_schema, schema_of
from common.jobs import Job, JobError, Progress
from common.store.port import ClusterRecord
from common.view import ClusterView, Conflicts, Reason

Kinds = Mapping[str, Any]

OF_A_CLUSTER: Kinds = {"spec": ClusterSpec, "durable": Durable, "view": ClusterView, "conflicts": Conflicts}
OF_A_JOB: Kinds = {
    "progress": Progress,
    "reasons": tuple[Reason, ...],
    "result": ClusterView,
    "error": JobError,
    "restore": ClusterSpec,
    "undo": ClusterSpec,
}

T = TypeVar("T", ClusterRecord, Job)


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """`record` is what its texts say. It is decoded whatever its schema: see `require_known`."""

    record: T
    texts: Mapping[str, str] = field(repr=False)
    schema: int

    def require_known(self) -> None:
        """NewerVersion when a newer kanto wrote any part of it."""
        require_schema(self.schema)


def keep(record: T, before: Kept[T] | None, kinds: Kinds) -> Kept[T]:
    """What is written of a record over what was there `before`: the way to text and back for each part that is new.

    What does not survive it shows here as it does with Redis. A newer kanto writes all parts anew.
    """
    texts, read = {}, {}
    if before is not None and before.schema < codec.SCHEMA:
        before = None
    for name, kind in kinds.items():
        value = getattr(record, name)
        if value is None:
            continue
        if before is not None and name in before.texts and value == (known := getattr(before.record, name)):
            texts[name] = before.texts[name]
        else:
            texts[name] = encode(value)
            known = decode(kind, texts[name], known=ANY)
        if known is not value:
            read[name] = known
    return Kept(replace(record, **read) if read else record, texts, max(map(schema_of, texts.values())))
