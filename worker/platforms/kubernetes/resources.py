"""The kinds of objects that kanto reads or writes, and where the API server keeps them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind: `api` is the path of its group and version, `plural` its name there and in a Role."""

    api: str
    plural: str
    kind: str

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        parts = [self.api, "namespaces", namespace, self.plural, name, subresource]
        return "/".join(part for part in parts if part)


SECRETS = Resource("/api/v1", "secrets", "Secret")
SERVICES = Resource("/api/v1", "services", "Service")
PODS = Resource("/api/v1", "pods", "Pod")
VOLUME_CLAIMS = Resource("/api/v1", "persistentvolumeclaims", "PersistentVolumeClaim")
REPLICATION_CONTROLLERS = Resource("/api/v1", "replicationcontrollers", "ReplicationController")
EVENTS = Resource("/api/v1", "events", "Event")
DEPLOYMENTS = Resource("/apis/apps/v1", "deployments", "Deployment")
STATEFUL_SETS = Resource("/apis/apps/v1", "statefulsets", "StatefulSet")
DISRUPTION_BUDGETS = Resource("/apis/policy/v1", "poddisruptionbudgets", "PodDisruptionBudget")
NETWORK_POLICIES = Resource("/apis/networking.k8s.io/v1", "networkpolicies", "NetworkPolicy")
ENDPOINT_SLICES = Resource("/apis/discovery.k8s.io/v1", "endpointslices", "EndpointSlice")

BY_KIND = {
    resource.kind: resource
    for resource in (
        SECRETS,
        SERVICES,
        PODS,
        VOLUME_CLAIMS,
        REPLICATION_CONTROLLERS,
        DEPLOYMENTS,
        STATEFUL_SETS,
        DISRUPTION_BUDGETS,
        NETWORK_POLICIES,
    )
}
