"""How kanto logs in to Kubernetes: a plain address, a pod's own account, or a kubeconfig."""

from pathlib import Path
from typing import Any

import urllib3
from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.config.config_exception import ConfigException

from common.errors import PermanentError

OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Kubernetes puts a pod's namespace there with its token (docs, "Access the API from a pod")."""


def connect(*, url: str | None, kubeconfig: Path | None, is_in_cluster: bool, connections: int) -> ApiClient:
    """The one client of a process. `url` wins, then a pod's own account, then the kubeconfig.

    It tries nothing again by itself (`Client` does, within bounds). Connects to nothing yet. PermanentError
    `kubernetes_login` when there is no way in.
    """
    configuration = Configuration()
    try:
        if url is not None:
            configuration.host = url.rstrip("/")
        elif is_in_cluster:
            load: Any = config.load_incluster_config
            load(client_configuration=configuration)
        else:
            read: Any = config.load_kube_config
            read(config_file=str(kubeconfig) if kubeconfig else None, client_configuration=configuration)
    except (ConfigException, OSError) as error:
        raise PermanentError(
            "kubernetes_login",
            f"there is no way to log in to Kubernetes: {error}",
            action="Run kanto in a pod with a service account, or set KUBECONFIG or KUBERNETES_API_URL",
        ) from error
    configuration.retries = urllib3.Retry(0)
    configuration.connection_pool_maxsize = connections
    configuration.keep_alive = True
    return ApiClient(configuration)


def own_namespace(path: Path = OWN_NAMESPACE) -> str:
    """The namespace of the pod in which kanto runs; `default` outside of one."""
    try:
        return path.read_text(encoding="utf-8").strip() or "default"
    except OSError:
        return "default"
