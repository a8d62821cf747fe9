"""The files that the parts of a lab read. Why each setting is there: README.md, "Settings that matter"."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

from dev.kubernetes.lab.place import (
    API_IP,
    DNS_IP,
    FIRST_POD_IP,
    NODE,
    NODE_IP,
    POD_CIDR,
    SERVER,
    Place,
)

FOLDERS = ("pki", "log", "etcd", "containerd", "kubelet", "volumes", "var/upper", "var/work", "flexvolume", "cni")
CLIENTS = ("admin", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")
EVICTION_SIGNALS = (
    "memory.available",
    "nodefs.available",
    "nodefs.inodesFree",
    "imagefs.available",
    "imagefs.inodesFree",
)
PAUSE_IMAGE = "lab.local/pause:1"

RESOLV_CONF = f"""nameserver {DNS_IP}
search default.svc.cluster.local svc.cluster.local cluster.local
options ndots:5 timeout:1 attempts:3
"""

CONTAINERD = """version = 2
root = "{folder}/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp",
]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{folder}/no-registries"
"""

COREFILE = """.:53 {{
  bind {address}
  errors
  ready 127.0.0.1:8181
  kubernetes cluster.local in-addr.arpa ip6.arpa {{
    kubeconfig {kubeconfig} lab
    pods insecure
    ttl 5
  }}
  cache 5 {{
    disable success cluster.local
    disable denial cluster.local
  }}
  template ANY ANY . {{
    rcode NXDOMAIN
  }}
}}
"""


def write_all(place: Place) -> None:
    """Every file, keys and certificates included, in a folder that `down` has emptied."""
    for name in FOLDERS:
        (place.folder / name).mkdir(parents=True, exist_ok=True)
    _make_certificates(place)
    for client in CLIENTS:
        _write_json(place.folder / f"{client}.kubeconfig", build_kubeconfig(place, client), mode=0o600)
    _write(place.folder / "resolv.conf", RESOLV_CONF)
    _write(place.folder / "node-resolv.conf", f"nameserver {DNS_IP}\n")
    _write(place.folder / "containerd.toml", CONTAINERD.format(folder=place.folder, pause=PAUSE_IMAGE))
    _write(place.folder / "Corefile", COREFILE.format(address=NODE_IP, kubeconfig=place.kubeconfig))
    _write_json(place.folder / "cni" / "10-lab.conflist", build_pod_network(place))
    _write_json(place.folder / "kubelet.yaml", build_kubelet(place))
    _write_json(place.folder / "kube-proxy.yaml", build_kube_proxy(place))
    _write_json(place.folder / "objects.json", build_first_objects())
    _write_json(place.folder / "audit-policy.json", build_audit_policy())


def build_audit_policy() -> dict[str, Any]:
    """Who asked for what, without bodies, and only what service accounts outside of kube-system asked for."""
    controllers = ["system:serviceaccounts:kube-system"]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "userGroups": controllers},
            {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
            {"level": "None"},
        ],
    }


def build_kubeconfig(place: Place, client: str) -> dict[str, Any]:
    """For one client certificate, which it holds itself."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [
            {"name": "lab", "cluster": {"server": SERVER, "certificate-authority-data": _base64(place, "ca.crt")}},
        ],
        "users": [
            {
                "name": client,
                "user": {
                    "client-certificate-data": _base64(place, f"{client}.crt"),
                    "client-key-data": _base64(place, f"{client}.key"),
                },
            }
        ],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": client}}],
    }


def build_pod_network(place: Place) -> dict[str, Any]:
    """A bridge that pods hang on. They may call their own Service (hairpin); nothing leads out of it."""
    ranges = [[{"subnet": POD_CIDR, "rangeStart": FIRST_POD_IP, "gateway": NODE_IP}]]
    addresses = {
        "type": "host-local",
        "dataDir": str(place.folder / "cni-state"),
        "ranges": ranges,
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "hairpinMode": True,
        "ipMasq": False,
        "ipam": addresses,
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "lab", "plugins": [bridge, ports]}


def build_kubelet(place: Place) -> dict[str, Any]:
    """Control groups of version 1, nothing evicted, no image ever collected, since none can be pulled again."""
    pki = place.folder / "pki"
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet.key"),
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": True,
        "enforceNodeAllocatable": ["pods"],
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [DNS_IP],
        "clusterDomain": "cluster.local",
        "resolvConf": str(place.folder / "node-resolv.conf"),
        "volumePluginDir": str(place.folder / "flexvolume"),
        "maxPods": 250,
        "serializeImagePulls": False,
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": dict.fromkeys(EVICTION_SIGNALS, "0%"),
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
    }


def build_kube_proxy(place: Place) -> dict[str, Any]:
    """nftables; connection tracking is left as it is, since only the first network namespace may set it."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": POD_CIDR,
        "hostnameOverride": NODE,
        "bindAddress": NODE_IP,
        "clientConnection": {"kubeconfig": str(place.folder / "kube-proxy.kubeconfig")},
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "nftables": {"minSyncPeriod": "200ms", "masqueradeAll": False},
    }


def build_first_objects() -> dict[str, Any]:
    """The default storage class, and the Service by which pods reach CoreDNS on the node."""
    dns: dict[str, Any] = {"name": "kube-dns", "namespace": "kube-system"}
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
    storage = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "lab/hostpath",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**dns, "labels": {"k8s-app": "kube-dns", "kubernetes.io/name": "CoreDNS"}},
        "spec": {"clusterIP": DNS_IP, "ports": ports},
    }
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "addressType": "IPv4",
        "metadata": {**dns, "labels": {"kubernetes.io/service-name": "kube-dns"}},
        "endpoints": [{"addresses": [NODE_IP]}],
        "ports": ports,
    }
    return {"apiVersion": "v1", "kind": "List", "items": [storage, service, endpoints]}


def _make_certificates(place: Place) -> None:
    pki = place.folder / "pki"
    pki.chmod(0o700)
    addresses = f"127.0.0.1,{NODE_IP},{API_IP}"
    kube = str(place.programs / "kube")
    subprocess.run([kube, "pki", "--dir", str(pki), "--node", NODE, "--ips", addresses], check=True, timeout=60)


def _base64(place: Place, name: str) -> str:
    return base64.b64encode((place.folder / "pki" / name).read_bytes()).decode()


def _write(path: Path, text: str, *, mode: int = 0o644) -> None:
    path.touch(mode=mode)
    path.write_text(text, encoding="utf-8")


def _write_json(path: Path, value: dict[str, Any], *, mode: int = 0o644) -> None:
    _write(path, json.dumps(value, indent=1), mode=mode)
