from pathlib import Path

import pytest

from kanto.run.redis_server import build_configuration, quote


@pytest.mark.parametrize(
    "line",
    [
        "bind 127.0.0.1",
        "port 12345",
        "requirepass secret",
        'dir "/data/redis"',
        "appendonly yes",
        "appendfsync always",
        "maxmemory-policy noeviction",
    ],
)
def test_the_configuration_keeps_what_was_answered_and_lets_nobody_in(line: str) -> None:
    assert line in build_configuration(port=12345, password="secret", folder=Path("/data/redis")).splitlines()


def test_a_folder_with_odd_characters_stays_one_word() -> None:
    assert quote('/a b/"c"\\d') == '"/a b/\\"c\\"\\\\d"'
