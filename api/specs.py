"""What each request changes in a spec. Pure: a spec and the request in, the new spec out."""

from dataclasses import replace

from api.fields import MAX_DATABASES, Caller, Databases, too_many_databases
from common.change import Change, former
from common.cluster import ClusterSpec, Drop, Spawner
from common.errors import UserError
from common.jobs import JobKind
from common.settings import Settings


def creation(
    *,
    caller: Caller,
    tag: str,
    replicas: int,
    incarnation: str,
    admin_name: str,
    admin_line: str,
    has_own_password: bool,
    settings: Settings,
) -> Change:
    """A new cluster with its CouchDB admin, which replicates the databases that new clusters do.

    Canceled it is a cluster to be removed.
    """
    spawner: Spawner = "process" if settings.platform == "process" else settings.spawner_type
    spec = ClusterSpec(
        user=caller.user,
        tag=tag,
        incarnation=incarnation,
        replicas=replicas,
        databases=settings.default_databases,
        admin_name=admin_name,
        admin_line=admin_line,
        spawner=spawner,
        has_own_password=has_own_password,
    )
    return Change(JobKind.CREATE, spec, undo=replace(spec, deleted=True))


def scaling(spec: ClusterSpec, *, replicas: int, force: bool) -> Change:
    """Another number of instances. Fewer may turn out impossible, so the former spec is kept at hand."""
    shrinks = replicas < spec.replicas
    restore = replace(spec, force=False) if shrinks else None
    return Change(JobKind.SCALE, replace(spec, replicas=replicas, force=force), restore, undo=former(spec))


def replication(spec: ClusterSpec, databases: Databases) -> Change:
    """More names in the saved list; `*` adds all databases there are and will be."""
    names = tuple(sorted({*spec.databases, *databases.names}))
    if len(names) > MAX_DATABASES:
        raise too_many_databases(len(names))
    everything = spec.all_databases or databases.everything
    new = replace(spec, databases=names, all_databases=everything, force=False)
    return Change(JobKind.REPLICATE, new, undo=former(spec))


def unreplication(spec: ClusterSpec, databases: Databases, *, drop_id: str | None) -> Change:
    """Fewer names in the saved list; `*` takes the `*` off it. What is not on it is off it already.

    With `drop_id` the databases go too, while the job stands: if it ends without success no more of them are dropped,
    and one that is canceled brings the list back, not what was dropped.
    """
    everything = spec.all_databases and not databases.everything
    if everything and drop_id is None:
        raise UserError(
            "bad_databases",
            "the saved list has *, so every database is replicated, those that you name too",
            action="Take * off first (databases=*), or send drop=1 if they are to go for good",
        )
    if drop_id is not None:
        check_droppable(databases)
    new = replace(
        spec,
        databases=tuple(sorted({*spec.databases} - {*databases.names})),
        all_databases=everything,
        force=False,
        drop=None if drop_id is None else Drop(drop_id, databases.names),
    )
    restore = None if drop_id is None else replace(new, drop=None)
    return Change(JobKind.UNREPLICATE, new, restore, undo=former(spec))


def check_droppable(databases: Databases) -> None:
    if databases.everything:
        raise UserError(
            "bad_databases",
            "drop=1 needs the names of the databases, * is none",
            action="Name each database that is to go",
        )
    if any(name.startswith("_") for name in databases.names):
        raise UserError(
            "bad_databases",
            "_users holds the logins of the cluster and is not dropped",
            action="Leave drop=1 or _users out",
        )


def password_change(spec: ClusterSpec, *, user: str | None, line: str, is_own: bool) -> Change:
    """Another password of the databases' login, whose name stays: `user`, if given, must be that name.

    A job that fails leaves the new password: some instances have it already, and the others follow.
    """
    if user is not None and user != spec.admin_name:
        raise UserError(
            "bad_couchdb_user",
            f"the login of these databases is {spec.admin_name}, and keeps that name",
            action="Leave couchdb_user out; a login of another name is made through CouchDB itself, in _users",
        )
    new = replace(spec, admin_line=line, has_own_password=is_own, force=False)
    return Change(JobKind.PASSWORD, new, undo=former(spec))
