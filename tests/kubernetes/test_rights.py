"""The Role is what kanto needs: each of its rights is used in these tests, and none is missing. Runs last."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.kubernetes.audit import LOG, Audit
from tests.kubernetes.place import Place, load_rules


def test_every_right_of_the_role_is_used_and_none_is_missing(
    places: Sequence[Place], request: pytest.FixtureRequest
) -> None:
    """By the API server's audit log of what kanto asked for in all tests before, in which it had exactly the Role."""
    ran = {item.path for item in request.session.items}
    if request.config.option.keyword or not ran >= set(Path(__file__).parent.glob("test_*.py")):
        pytest.skip("only what all tests together do says whether a right is used")
    audit = Audit(LOG, {place.account for place in places if place.has_the_role})
    used = audit.used()
    # An API server that has just started refuses everything until it has read its roles.
    assert sorted(audit.refused() - used) == [], "a right is missing"
    granted = {
        (group, resource, verb)
        for rule in load_rules()
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert sorted(granted - used) == [], "a right is never used"
