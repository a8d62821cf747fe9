"""The Role's rules: what no Role of kanto's may hold, and that every kind that spawners build is in it."""

from pathlib import Path
from typing import Any

import yaml

from worker.platforms.kubernetes.resources import BY_KIND
from worker.platforms.kubernetes.spawners.spawner import find

from .clusters import SPAWNERS, a_frame

FILE = Path(__file__).parents[5] / "helm" / "kanto" / "files" / "rules.yaml"
RULES: list[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))

Right = tuple[str, str, str]


def rights() -> list[Right]:
    return [
        (group, resource, verb)
        for rule in RULES
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


def test_nothing_is_granted_by_a_star_or_twice() -> None:
    found = rights()
    assert not any("*" in part for right in found for part in right)
    assert len(found) == len(set(found))


def test_there_is_no_way_into_a_pod_or_to_more_rights() -> None:
    resources = {resource for _, resource, _ in rights()}
    ways_in = {f"pods/{way}" for way in ("exec", "attach", "portforward", "proxy", "ephemeralcontainers", "log")}
    assert not resources & (ways_in | {"serviceaccounts", "serviceaccounts/token", "roles", "rolebindings"})
    assert not {"escalate", "bind", "impersonate", "deletecollection"} & {verb for _, _, verb in rights()}


def test_every_kind_that_is_built_may_be_made_and_removed() -> None:
    granted = set(rights())
    for spawner in SPAWNERS:
        for manifest in find(spawner).build(a_frame(spawner), [0]):
            group = manifest["apiVersion"].rpartition("/")[0]
            plural = BY_KIND[manifest["kind"]].plural
            assert {(group, plural, verb) for verb in ("list", "create", "delete")} <= granted
