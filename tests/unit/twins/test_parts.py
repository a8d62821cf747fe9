"""The parts of a record in memory go the way to text and back when they are new, and only then."""

from dataclasses import replace

import pytest

from common.cluster import ClusterSpec, Durable
from common.codec import decode
from common.errors import NewerVersion
from common.store.port import ClusterRecord
from common.view import ClusterView
from tests.contract.store.newer import newer_kanto
from tests.twins.store.parts import OF_A_CLUSTER, keep

SPEC = ClusterSpec("johny2", "my-test-db1", "i1", 3, ("test",), "johny2", "-pbkdf2:sha256-00,salt,1")
RECORD = ClusterRecord(SPEC, 7, "hash", "memory", Durable(), ClusterView("ready"))


def test_what_is_kept_is_what_its_texts_say() -> None:
    kept = keep(RECORD, None, OF_A_CLUSTER)
    assert kept.record == RECORD
    assert {name: decode(OF_A_CLUSTER[name], text) for name, text in kept.texts.items()} == {
        "spec": SPEC,
        "durable": Durable(),
        "view": ClusterView("ready"),
    }
    assert kept.record.spec is not SPEC


def test_a_part_that_is_new_is_written_and_the_others_stay_as_they_were() -> None:
    before = keep(RECORD, None, OF_A_CLUSTER)
    after = keep(replace(before.record, view=ClusterView("degraded")), before, OF_A_CLUSTER)
    assert after.record.view == ClusterView("degraded")
    assert after.texts["view"] != before.texts["view"]
    assert after.texts["spec"] is before.texts["spec"]
    assert after.record.spec is before.record.spec


def test_a_part_that_is_no_more_has_no_text() -> None:
    before = keep(RECORD, None, OF_A_CLUSTER)
    after = keep(replace(before.record, view=None), before, OF_A_CLUSTER)
    assert after.record.view is None
    assert set(after.texts) == {"spec", "durable"}


def test_what_a_newer_kanto_writes_is_of_its_schema_though_it_says_the_same() -> None:
    before = keep(RECORD, None, OF_A_CLUSTER)
    before.require_known()
    with newer_kanto():
        after = keep(before.record, before, OF_A_CLUSTER)
    with pytest.raises(NewerVersion):
        after.require_known()
    assert after.record == before.record
