"""What whoever runs kanto decides by settings: how it logs in."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.service import is_well, wait_until
from tests.e2e.writers import assert_everywhere, numbered, put_all
from tests.kubernetes.admin import Admin
from tests.kubernetes.couch import endpoint_of
from tests.kubernetes.place import Place, made_place
from tests.kubernetes.service import Service
from tests.ports import free_port


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
