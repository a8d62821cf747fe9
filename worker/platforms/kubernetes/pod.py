"""The pod of an instance, the same with every spawner but for the volume. Pure.

It passes the "restricted" level of the Pod Security Standards. Paths, user and entry point are those of the official
image 3.x; any other image must have them too, with sh, flock and mv on its PATH.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath

from worker.platforms.kubernetes import login, names
from worker.platforms.kubernetes.frame import Frame, Manifest
from worker.platforms.kubernetes.scripts import build_script

USER_ID = 5984
"""`couchdb` in the official image, which may start as this user (couchdb-docker, Dockerfile)."""

VOLUME = PurePosixPath("/opt/couchdb/data")
"""Where the volume is mounted: the place that the image declares as one, so that there is no second."""
DATABASES = VOLUME / "couchdb"
LOCAL_D = PurePosixPath("/opt/couchdb/etc/local.d")
LAST_INI = "docker.ini"
SETTINGS = PurePosixPath("/run/kanto")
ENTRY = ("tini", "--", "/docker-entrypoint.sh", "/opt/couchdb/bin/couchdb")

CONTAINER = "couchdb"
INIT_CONTAINER = "prepare"
DATA = "data"
"""The volume's name; that of a StatefulSet's is its template's."""

START_SECONDS = 600
"""For a first start: the lock of a server of before, and a volume whose files are to be given to this user."""


def build_template(frame: Frame, *, instance: str | None, data: Manifest | str) -> Manifest:
    """A pod template. `data` is the volume without its name, or the name of a StatefulSet's template of claims.

    `instance` is known only where a workload has a single one.
    """
    return {
        "metadata": {
            "labels": names.labels(frame.spec, component="instance", instance=instance),
            "annotations": names.annotations(frame.spec),
        },
        "spec": _build_spec(frame, data),
    }


def _build_spec(frame: Frame, data: Manifest | str) -> Manifest:
    shape, volume = frame.shape, data if isinstance(data, str) else DATA
    spec: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "runAsGroup": USER_ID,
            "fsGroup": USER_ID,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "readinessGates": [{"conditionType": names.FILLED}],
        "terminationGracePeriodSeconds": shape.grace_seconds,
        "affinity": _build_affinity(frame),
        "initContainers": [_build_prepare(frame, volume)],
        "containers": [_build_couchdb(frame, volume)],
        "volumes": _build_volumes(frame, data),
    }
    if shape.node_selector:
        spec["nodeSelector"] = dict(shape.node_selector)
    if shape.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in shape.pull_secrets]
    if shape.priority_class:
        spec["priorityClassName"] = shape.priority_class
    return spec


def _build_affinity(frame: Frame) -> Manifest:
    """Preferred, not required: three instances on one node are better than one that nobody starts."""
    term = {
        "labelSelector": {"matchLabels": names.selector(frame.spec)},
        "topologyKey": "kubernetes.io/hostname",
    }
    preferred = [{"weight": 100, "podAffinityTerm": term}]
    return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}


def _build_container(frame: Frame, name: str, *, program: Sequence[str], mounts: Sequence[Manifest]) -> Manifest:
    """Both containers make the volume ready under its lock: a container may start again without its pod."""
    shape = frame.shape
    return {
        "name": name,
        "image": shape.image,
        "imagePullPolicy": shape.pull_policy,
        "command": ["sh", "-c", build_script(), name, str(VOLUME), str(SETTINGS / login.INI), *program],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {
            kind: dict(amounts)
            for kind, amounts in (("requests", shape.resources.requests), ("limits", shape.resources.limits))
            if amounts
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            *mounts,
            {"name": "settings", "mountPath": str(SETTINGS), "readOnly": True},
        ],
    }


def _build_prepare(frame: Frame, volume: str) -> Manifest:
    """Makes the volume's folders before the kubelet looks for the one that is mounted by itself."""
    return _build_container(frame, INIT_CONTAINER, program=(), mounts=(_mount(volume),))


def _build_couchdb(frame: Frame, volume: str) -> Manifest:
    mounts = (
        _mount(volume),
        {"name": volume, "mountPath": str(LOCAL_D), "subPath": LOCAL_D.name},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  (the container's own)
        {"name": "log", "mountPath": "/opt/couchdb/var/log"},
    )
    return _build_container(frame, CONTAINER, program=ENTRY, mounts=mounts) | {
        "ports": [{"name": names.PORT_NAME, "containerPort": names.PORT, "protocol": "TCP"}],
        "startupProbe": _build_probe(period=1, failures=START_SECONDS),
        "readinessProbe": _build_probe(period=5, failures=3),
    }


def _mount(volume: str) -> Manifest:
    return {"name": volume, "mountPath": str(VOLUME)}


def _build_probe(*, period: int, failures: int) -> Manifest:
    """`_up` answers without login, under a fence too. No probe of liveness: a kill proves nothing, and kanto looks."""
    return {
        "httpGet": {"path": "/_up", "port": names.PORT_NAME, "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _build_volumes(frame: Frame, data: Manifest | str) -> list[Manifest]:
    secret = {
        "secretName": names.login(frame.spec),
        "items": [{"key": login.INI, "path": login.INI}],
        "defaultMode": 0o440,
    }
    own: list[Manifest] = [
        {"name": "settings", "secret": secret},
        {"name": "tmp", "emptyDir": {}},
        {"name": "log", "emptyDir": {}},
    ]
    return own if isinstance(data, str) else [{"name": DATA, **data}, *own]
