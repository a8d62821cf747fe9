import pytest

from kanto.refusal import Refusal
from kanto.run.redis_program import Program, choose, decode, encode, parse_version

REDIS_6 = Program("redis", (6, 2), "/old/redis-server")
REDIS_7 = Program("redis", (7, 0), "/usr/bin/redis-server")
REDIS_8 = Program("redis", (8, 2), "/usr/local/bin/redis-server")
VALKEY_9 = Program("valkey", (9, 1), "/venv/valkey-server")


@pytest.mark.parametrize(
    ("answer", "kind", "version"),
    [
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=d8", "redis", (7, 0)),
        ("Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64 build=15", "valkey", (9, 1)),
    ],
)
def test_a_program_is_what_it_says_it_is(answer: str, kind: str, version: tuple[int, int]) -> None:
    assert parse_version(answer, "/x") == Program(kind, version, "/x")


def test_another_program_of_that_name_is_not_taken() -> None:
    assert parse_version("usage: redis-server FILE", "/x") is None


def test_new_data_goes_to_the_first_that_is_new_enough() -> None:
    assert choose([REDIS_6, REDIS_7, VALKEY_9], first=None) == REDIS_7


def test_data_stays_with_the_program_that_wrote_it() -> None:
    assert choose([REDIS_7, VALKEY_9], first=VALKEY_9) == VALKEY_9
    assert choose([REDIS_8, REDIS_7], first=REDIS_7) == REDIS_7


def test_a_newer_one_of_its_kind_may_take_over() -> None:
    assert choose([VALKEY_9, REDIS_8], first=REDIS_7) == REDIS_8


@pytest.mark.parametrize("found", [[REDIS_7], [REDIS_7, REDIS_8], []])
def test_another_kind_never_touches_the_data(found: list[Program]) -> None:
    with pytest.raises(Refusal, match=r"was written by Valkey 9\.1 \(/venv/valkey-server\), which is gone"):
        choose(found, first=VALKEY_9)


def test_an_older_one_never_touches_the_data() -> None:
    with pytest.raises(Refusal, match="install it again"):
        choose([REDIS_7], first=REDIS_8)


@pytest.mark.parametrize("found", [[], [REDIS_6]])
def test_without_a_program_the_sentence_says_how_to_get_one(found: list[Program]) -> None:
    with pytest.raises(Refusal, match=r"apt-get install redis-server.*KANTO_REDIS_URL"):
        choose(found, first=None)


def test_the_choice_is_remembered() -> None:
    assert decode(encode(VALKEY_9)) == VALKEY_9


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", '{"kind": "redis"}', '{"kind":"redis","version":"7","path":"x"}']
)
def test_a_memory_that_says_nothing_is_none(text: str | None) -> None:
    assert decode(text) is None
