"""The Kubernetes platform from settings."""

from collections.abc import Callable
from pathlib import Path

from common.settings import Settings
from worker.platforms.kubernetes.call import Caller
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.connect import connect, own_namespace
from worker.platforms.kubernetes.platform import KubernetesPlatform
from worker.platforms.kubernetes.shape import (
    Resources,
    Shape,
    check_quantity,
    parse_clients,
    parse_names,
    parse_pairs,
    parse_quantities,
)
from worker.times import Times

SPARE_CONNECTIONS = 4
"""Besides one for each thread that carries out an action: the watch, the ticker, and who looks meanwhile."""


def build_shape(settings: Settings) -> Shape:
    """PermanentError `bad_setting` that names the variable."""
    own = own_namespace()
    return Shape(
        namespace=settings.namespace or own,
        kanto_namespace=own,
        image=settings.image,
        pull_policy=settings.pull_policy,
        pull_secrets=parse_names(settings.pull_secrets),
        service_type=settings.service_type,
        storage_class=settings.storage_class,
        storage_size=check_quantity(settings.storage_size, setting="KANTO_STORAGE_SIZE"),
        resources=Resources(
            parse_quantities(settings.requests, setting="KANTO_REQUESTS"),
            parse_quantities(settings.limits, setting="KANTO_LIMITS"),
        ),
        node_selector=parse_pairs(settings.node_selector, setting="KANTO_NODE_SELECTOR"),
        priority_class=settings.priority_class,
        grace_seconds=settings.pod_grace,
        clients=parse_clients(settings.clients, setting="KANTO_CLIENTS"),
    )


def build_client(settings: Settings, *, on_call: Callable[[str, int, float], None]) -> Client:
    """Connects to nothing yet."""
    api = connect(
        url=settings.kubernetes_api_url,
        kubeconfig=Path(settings.kubeconfig) if settings.kubeconfig else None,
        is_in_cluster=settings.kubernetes_service_host is not None,
        connections=settings.worker_threads * 3 + SPARE_CONNECTIONS,
    )
    times = Times.within(settings.lease)
    caller = Caller(api, timeouts=(times.connect, times.read), on_call=on_call)
    return Client(caller, settings.namespace or own_namespace())


def build_platform(
    settings: Settings, *, on_call: Callable[[str, int, float], None] = lambda _verb, _status, _seconds: None
) -> KubernetesPlatform:
    """`on_call` hears of each call: verb, HTTP status (0: no answer) and seconds."""
    return KubernetesPlatform(build_client(settings, on_call=on_call), build_shape(settings))
