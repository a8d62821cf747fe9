"""What whoever runs kanto decides by settings: how it logs in, and where clients reach a cluster."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.service import is_well, wait_until
from tests.e2e.writers import assert_everywhere, numbered, put_all
from tests.kubernetes.admin import Admin, Json
from tests.kubernetes.conftest import MakeService
from tests.kubernetes.couch import endpoint_of
from tests.kubernetes.figures import told
from tests.kubernetes.place import Place, made_place
from tests.kubernetes.service import Service
from tests.ports import free_port
from worker.platforms.kubernetes.names import COMPONENT, PORT
from worker.platforms.kubernetes.resources import SERVICES

BALANCER = "10.96.255.250"
"""Of the addresses that the lab routes to the node, and given to no Service by itself: they are given from below."""


def live(service: Service, admin: Admin, user_name: str) -> None:
    """Create, a write, scale up and down, and delete."""
    user = service.user(user_name)
    made = user.result("create", cluster_tag="live", replicas=2)
    assert made["Namespace"] == service.namespace
    put_all(endpoint_of(user, made), "test", numbered(10))
    user.result("scale", cluster_tag="live", replicas=3)
    user.result("scale", cluster_tag="live", replicas=1)
    assert_everywhere(user, "live", {f"doc{n}" for n in range(10)})
    user.result("delete", cluster_tag="live")
    admin.wait_until_nothing_is_left(service.namespace, user.name, "live")


@contextmanager
def proxied(place: Place) -> Iterator[str]:
    """A plain address of the API server, where whoever asks has kanto's rights."""
    port = free_port()
    command = ["kubectl", "proxy", f"--port={port}", f"--kubeconfig={place.kubeconfig}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until("the proxy", lambda: is_well(f"{url}/version"))
            yield url
        finally:
            process.terminate()


def test_a_plain_address_is_enough(admin: Admin, tmp_path: Path) -> None:
    """KUBERNETES_API_URL, and no kubeconfig."""
    with made_place(admin, tmp_path, "plain") as place, proxied(place) as url:
        service = Service(tmp_path, place, settings={"KUBERNETES_API_URL": url, "KUBECONFIG": "/nonexistent"})
        try:
            service.start()
            live(service, admin, "petra")
        finally:
            service.end()


def test_a_cluster_is_reached_by_the_port_of_a_node(make_service: MakeService, admin: Admin) -> None:
    service = make_service("port", KANTO_SERVICE_TYPE="NodePort")
    user = service.user("nora")
    made = user.result("create", cluster_tag="port", replicas=2)
    given = the_endpoint(service, admin)["spec"]["ports"][0]["nodePort"]
    assert made["Endpoint"] == f"http://{node_address(admin)}:{given}"
    put_all(endpoint_of(user, made), "test", numbered(10))
    user.result("scale", cluster_tag="port", replicas=1)
    assert user.result("detail", cluster_tag="port")["Endpoint"] == made["Endpoint"]
    user.result("delete", cluster_tag="port")
    service.end()


def test_the_address_of_a_load_balancer_is_waited_for(make_service: MakeService, admin: Admin) -> None:
    """The test does what the controller of a cloud does, and the node's kube-proxy the rest."""
    service = make_service("balancer", KANTO_SERVICE_TYPE="LoadBalancer")
    user = service.user("lea")
    job = user.begin("create", cluster_tag="balanced", replicas=2)
    wait_until("its Service to be there", lambda: find_endpoints(service, admin))
    wait_until("the job to say what it waits for", lambda: "has no address yet" in told(user.job(job)))
    found = the_endpoint(service, admin)["metadata"]["name"]
    admin.patch(SERVICES, service.namespace, f"{found}/status", given_address(BALANCER))
    ended = user.ended(job)
    assert ended["status"] == "succeeded", ended
    shown = user.result("detail", cluster_tag="balanced")
    assert shown["Endpoint"] == f"http://{BALANCER}:{PORT}"
    put_all(endpoint_of(user, shown), "test", numbered(10))
    user.result("delete", cluster_tag="balanced")
    service.end()


def the_endpoint(service: Service, admin: Admin) -> Json:
    """The one Service of the one cluster there that is no instance's own."""
    (found,) = find_endpoints(service, admin)
    return found


def find_endpoints(service: Service, admin: Admin) -> list[Json]:
    return admin.find_all(SERVICES, service.namespace, labels={COMPONENT: "endpoint"})


def node_address(admin: Admin) -> str:
    node = admin.ask("GET", "/api/v1/nodes")["items"][0]
    found: str = next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")
    return found


def given_address(address: str) -> Json:
    return {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}
