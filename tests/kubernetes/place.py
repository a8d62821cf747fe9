"""A namespace of a test's own, and the account with which kanto works in it: exactly the Role of the chart."""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.service import wait_until
from tests.kubernetes.admin import ACCOUNTS, BINDINGS, NAMESPACES, ROLES, Admin, Json
from tests.kubernetes.lab import note

RULES = Path(__file__).resolve().parents[2] / "helm" / "kanto" / "files" / "rules.yaml"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
"""The API server refuses every pod there that does not pass this level of the Pod Security Standards."""

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

TOKEN_SECONDS = 2 * 3600
ACCOUNT = "kanto"

EMPLOYED = "accounts"
"""The note of every account that has the chart's Role, and no other."""

Rules = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """`account` is how the API server names kanto in its audit log."""

    namespace: str
    kubeconfig: Path

    @property
    def account(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{ACCOUNT}"


def load_rules() -> Rules:
    """The chart's own."""
    rules: Rules = yaml.safe_load(RULES.read_text())
    return rules


@contextmanager
def made_place(admin: Admin, folder: Path, name: str, *, rules: Rules | None = None) -> Iterator[Place]:
    """A new namespace with kanto's account; all of it goes with the block."""
    namespace = f"kanto-{name}-{secrets.token_hex(3)}"
    admin.ask("POST", NAMESPACES, {"metadata": {"name": namespace, "labels": RESTRICTED}})
    try:
        token = _make_account(admin, namespace, load_rules() if rules is None else rules)
        kubeconfig = folder / f"{namespace}.kubeconfig"
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_text(json.dumps(_build_kubeconfig(admin, namespace, token)))
        place = Place(namespace, kubeconfig)
        if rules is None:
            note(EMPLOYED, place.account)
        yield place
    finally:
        admin.ask("DELETE", f"{NAMESPACES}/{namespace}")


def _make_account(admin: Admin, namespace: str, rules: Rules) -> str:
    """The account's token."""
    named = {"metadata": {"name": ACCOUNT}}
    group = "rbac.authorization.k8s.io"
    admin.create(ACCOUNTS, namespace, named)
    admin.create(ROLES, namespace, {**named, "rules": list(rules)})
    binding = {
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}],
        "roleRef": {"apiGroup": group, "kind": "Role", "name": ACCOUNT},
    }
    admin.create(BINDINGS, namespace, {**named, **binding})
    _wait_until_bound(admin, namespace, rules[0])
    path = f"{ACCOUNTS.path(namespace, ACCOUNT)}/token"
    asked = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": TOKEN_SECONDS},
    }
    token: str = admin.ask("POST", path, asked)["status"]["token"]
    return token


def _wait_until_bound(admin: Admin, namespace: str, rule: Mapping[str, Any]) -> None:
    """The API server's authorizer hears of a new binding a moment after it is made (it watches, as all do)."""
    what = {"group": rule["apiGroups"][0], "resource": rule["resources"][0], "verb": rule["verbs"][0]}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{namespace}:{ACCOUNT}",
            "resourceAttributes": {"namespace": namespace, **what},
        },
    }
    wait_until(
        "the account's rights to count", lambda: admin.ask("POST", REVIEWS, review)["status"]["allowed"], seconds=30
    )


def _build_kubeconfig(admin: Admin, namespace: str, token: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [
            {"name": "lab", "cluster": {"server": admin.server, "certificate-authority-data": admin.authority}}
        ],
        "users": [{"name": ACCOUNT, "user": {"token": token}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": ACCOUNT, "namespace": namespace}}],
    }
