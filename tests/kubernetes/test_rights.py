"""The Role is what kanto needs: each of its rights is used in these tests, and none is missing. Runs last."""

import os

import pytest

from tests.kubernetes.audit import Audit
from tests.kubernetes.lab import AUDIT, WHOLE, read_notes
from tests.kubernetes.place import EMPLOYED, load_rules


@pytest.mark.skipif(WHOLE not in os.environ, reason="only what all tests together do says whether a right is used")
def test_every_right_of_the_role_is_used_and_none_is_missing() -> None:
    """By the API server's audit log of what kanto asked for in all tests before, in which it had exactly the Role."""
    accounts = read_notes(EMPLOYED)
    assert accounts, "kanto was somebody in the tests before"
    audit = Audit(AUDIT, set(accounts))
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
