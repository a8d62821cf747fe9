"""Clusters and shapes for the builders' tests: named ones, and any."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from common.cluster import ClusterSpec, Spawner
from common.names import TAG_ALPHABET
from worker.platforms.kubernetes.frame import Frame
from worker.platforms.kubernetes.shape import Client, Resources, Shape

untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For all properties: how long an example takes is the machine's affair."""

ANCHOR_UID = "11111111-2222-3333-4444-555555555555"
SPAWNERS: tuple[Spawner, ...] = ("deployment", "rc", "statefulset")

PLAIN = Shape()
CHOSEN = Shape(
    namespace="couches",
    kanto_namespace="kanto-system",
    image="registry.local/couchdb:3.5.1",
    pull_policy="Always",
    pull_secrets=("registry", "other"),
    service_type="LoadBalancer",
    storage_class="fast",
    storage_size="20Gi",
    resources=Resources(requests={"cpu": "1"}, limits={"memory": "2Gi"}),
    node_selector={"disk": "ssd"},
    priority_class="high",
    grace_seconds=90,
    clients=(Client(cidr="10.0.0.0/8"), Client(namespace="shop"), Client(pods=(("role", "web"),))),
)


def a_spec(spawner: Spawner = "deployment", **other: object) -> ClusterSpec:
    known = {
        "user": "johny2",
        "tag": "my-test-db1",
        "incarnation": "0123456789abcdef",
        "replicas": 3,
        "databases": ("_users", "test"),
        "admin_name": "johny2",
        "admin_line": "-pbkdf2:sha256-00ff,salt,10",
        "spawner": spawner,
    }
    return ClusterSpec(**{**known, **other})  # type: ignore[arg-type]


def a_frame(spawner: Spawner = "deployment", shape: Shape = PLAIN, **other: object) -> Frame:
    return Frame(a_spec(spawner, **other), shape, ANCHOR_UID)


_word = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=10)
_pairs = st.dictionaries(_word, _word, max_size=2)
_quantities = st.dictionaries(st.sampled_from(("cpu", "memory")), st.sampled_from(("1", "128Mi")), max_size=2)

users = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}", fullmatch=True)
tags = st.builds(
    lambda head, middle, tail: head + middle + tail,
    st.sampled_from(TAG_ALPHABET),
    st.text(TAG_ALPHABET + "-", min_size=2, max_size=10),
    st.sampled_from(TAG_ALPHABET),
)
clients = st.one_of(
    st.builds(lambda a: Client(cidr=f"10.{a}.0.0/16"), st.integers(0, 255)),
    st.builds(lambda n: Client(namespace=n), _word),
    st.builds(lambda p: Client(pods=tuple(p.items())), _pairs),
)
shapes = st.builds(
    Shape,
    namespace=_word,
    kanto_namespace=_word,
    image=_word,
    pull_policy=st.sampled_from(("IfNotPresent", "Always", "Never")),
    pull_secrets=st.lists(_word, max_size=2).map(tuple),
    service_type=st.sampled_from(("ClusterIP", "NodePort", "LoadBalancer")),
    storage_class=st.none() | st.just("") | _word,
    storage_size=st.sampled_from(("1Gi", "5Gi")),
    resources=st.builds(Resources, requests=_quantities, limits=_quantities),
    node_selector=_pairs,
    priority_class=st.just("") | _word,
    grace_seconds=st.integers(0, 600),
    clients=st.none() | st.lists(clients, max_size=2).map(tuple),
)
frames = st.builds(
    lambda spawner, shape, user, tag: a_frame(spawner, shape, user=user, tag=tag),
    st.sampled_from(SPAWNERS),
    shapes,
    users,
    tags,
)
