"""The commands of a lab's parts, in the order in which they start."""

from collections.abc import Mapping, Sequence

from dev.kubernetes.lab.place import NODE, NODE_IP, SERVICE_CIDR, Place

Commands = Mapping[str, Sequence[str]]


def build_commands(place: Place) -> Commands:
    """By the names that `lab part` and the log files use."""
    kube = str(place.programs / "kube")
    folder = place.folder
    return {
        "containerd": ["containerd", "-c", f"{folder}/containerd.toml", "-l", "warn"],
        "etcd": [kube, "etcd", f"--data-dir={folder}/etcd"],
        "kube-apiserver": [kube, "kube-apiserver", *_api_server(place)],
        "kube-controller-manager": [kube, "kube-controller-manager", *_controllers(place)],
        "kube-scheduler": [kube, "kube-scheduler", *_as_client(place, "kube-scheduler")],
        "kubelet": [
            kube,
            "kubelet",
            f"--config={folder}/kubelet.yaml",
            f"--kubeconfig={folder}/kubelet.kubeconfig",
            f"--node-ip={NODE_IP}",
            f"--hostname-override={NODE}",
        ],
        "kube-proxy": [kube, "kube-proxy", f"--config={folder}/kube-proxy.yaml"],
        "coredns": [str(place.programs / "coredns"), "-conf", f"{folder}/Corefile", "-quiet"],
        "provisioner": [kube, "provisioner", f"--kubeconfig={place.kubeconfig}", f"--dir={folder}/volumes"],
    }


def _api_server(place: Place) -> list[str]:
    pki = f"{place.folder}/pki"
    return [
        "--etcd-servers=http://127.0.0.1:2379",
        "--secure-port=6443",
        f"--advertise-address={NODE_IP}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki}/sa.key",
        f"--service-account-signing-key-file={pki}/sa.key",
        f"--requestheader-client-ca-file={pki}/ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--enable-aggregator-routing=true",
        f"--proxy-client-cert-file={pki}/front-proxy-client.crt",
        f"--proxy-client-key-file={pki}/front-proxy-client.key",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--audit-policy-file={place.folder}/audit-policy.json",
        f"--audit-log-path={place.audit}",
        "--audit-log-maxsize=100000",  # MB: a log that is put aside at 100 would begin anew in the middle of a run
    ]


def _controllers(place: Place) -> list[str]:
    pki = f"{place.folder}/pki"
    return [
        *_as_client(place, "kube-controller-manager"),
        f"--service-account-private-key-file={pki}/sa.key",
        f"--root-ca-file={pki}/ca.crt",
        f"--cluster-signing-cert-file={pki}/ca.crt",
        f"--cluster-signing-key-file={pki}/ca.key",
        "--use-service-account-credentials=true",
        f"--flex-volume-plugin-dir={place.folder}/flexvolume",
        "--kube-api-qps=100",
        "--kube-api-burst=200",
    ]


def _as_client(place: Place, name: str) -> list[str]:
    kubeconfig = f"{place.folder}/{name}.kubeconfig"
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
    ]
