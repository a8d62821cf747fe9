"""A cluster as a value that actions change at once: enough of a platform and of CouchDB for the laws of `decide`."""

from dataclasses import dataclass, field, replace

from common.cluster import ClusterSpec
from worker.core.actions import (
    Action,
    CreateDatabases,
    DeleteFills,
    DeleteReplications,
    Drain,
    DropDatabases,
    Fact,
    Fence,
    Provision,
    PutFills,
    PutLogin,
    PutReplications,
    PutSecurity,
    Remove,
    Retire,
    Serve,
    Unfence,
)
from worker.core.observed import Down, Drained, Fill, Instance, Node, Observed, Platformed, Proof, Replication, Unknown
from worker.core.observed import Fence as Fenced


@dataclass
class Toy:
    """Names of instances are `t-<ordinal>`. `down` and `unread` are names that do not answer or cannot be read."""

    instances: dict[str, Instance] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    made: int = 0

    def observe(self) -> Observed:
        nodes: dict[str, Node | Down | Unknown] = dict(self.nodes)
        nodes |= {name: Down("connection refused") for name in self.down & set(nodes)}
        nodes |= {name: Unknown("timed out") for name in self.unread & set(nodes)}
        endpoint = "http://127.0.0.1:20000" if self.instances else None
        return Observed(Platformed(tuple(self.instances.values()), endpoint), nodes)

    def do(self, spec: ClusterSpec, action: Action) -> Fact | None:  # noqa: C901, PLR0912 -- one case an action
        match action:
            case Provision(keep):
                self._provision(max(spec.replicas, len(keep)))
            case CreateDatabases(name, databases, _):
                self._change(name, databases=tuple(sorted({*self.nodes[name].databases, *databases})))
            case DropDatabases(name, databases):
                self._change(name, databases=tuple(d for d in self.nodes[name].databases if d not in databases))
            case PutReplications(name, wanted):
                new = {(w.target, w.database) for w in wanted}
                kept = [r for r in self.nodes[name].replications if (r.target, r.database) not in new]
                put = [Replication(d, t, is_sound=True, state="running", pending=0, refused=0) for t, d in sorted(new)]
                self._change(name, replications=(*kept, *put))
            case DeleteReplications(name, unwanted):
                old = {(w.target, w.database) for w in unwanted}
                left = tuple(r for r in self.nodes[name].replications if (r.target, r.database) not in old)
                self._change(name, replications=left)
            case PutFills(name, source, databases):
                self._change(name, fills=tuple(Fill(d, source, "completed") for d in databases))
            case DeleteFills(name):
                self._change(name, fills=())
            case Serve(names):
                self.instances = {n: replace(i, serving=n in names) for n, i in self.instances.items()}
            case Fence(name, nonce):
                self._change(name, fence=Fenced(nonce))
            case Unfence(name):
                self._change(name, fence=None)
            case PutSecurity(name, texts):
                self._change(name, security={**self.nodes[name].security, **dict(texts)})
            case PutLogin(name, user, line):
                self._change(name, admins={**(self.nodes[name].admins or {}), user: line})
            case Drain(name, _, target, _):
                return self._drain(name, target)
            case Retire(name, identity):
                if self.instances[name].identity == identity:
                    del self.instances[name], self.nodes[name]
            case Remove():
                self.instances, self.nodes = {}, {}
        return None

    def replace_data(self, name: str) -> None:
        """The instance comes back empty: other data, another identity, not behind the endpoint (hazards H5)."""
        old = self.instances[name]
        self.made += 1
        self.instances[name] = replace(old, identity=f"id{self.made}", serving=False)
        self.nodes[name] = Node(f"uuid{self.made}", ("_replicator",))

    def _provision(self, total: int) -> None:
        ordinal = 0
        while len(self.instances) < total:
            name = f"t-{ordinal}"
            ordinal += 1
            if name not in self.instances:
                self.made += 1
                address = f"http://127.0.0.1:{20001 + ordinal}"
                self.instances[name] = Instance(name, f"id{self.made}", address, address, "running", serving=False)
                self.nodes[name] = Node(f"uuid{self.made}", ("_replicator",))

    def _drain(self, name: str, target: str) -> Drained:
        databases = tuple(d for d in self.nodes[name].databases if d != "_replicator")
        self._change(target, databases=tuple(sorted({*self.nodes[target].databases, *databases})))
        uuid = self.nodes[target].uuid
        return Drained(databases, tuple(Proof(d, target, uuid, "0", "0", is_complete=True) for d in databases))

    def _change(self, name: str, **changes: object) -> None:
        self.nodes[name] = replace(self.nodes[name], **changes)  # type: ignore[arg-type]
