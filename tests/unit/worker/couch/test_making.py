"""How a database is made like another."""

from typing import Any

import pytest

from worker.couch.making import options_of


@pytest.mark.parametrize(
    ("info", "options"),
    [
        ({"props": {}, "cluster": {"q": 2, "n": 1}}, {"q": "2"}),
        ({"props": {"partitioned": True}, "cluster": {"q": 8}}, {"q": "8", "partitioned": "true"}),
        ({"props": {"partitioned": False}, "cluster": {"q": 1}}, {"q": "1"}),
        ({}, {}),
    ],
)
def test_shards_and_partitions_are_taken_from_its_info(info: dict[str, Any], options: dict[str, str]) -> None:
    assert options_of(info) == options
