import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.prefer import LONGEST_WAIT, Preference, preference

DEFAULT = 120.0


def read(*headers: str, is_async: bool = False) -> Preference:
    return preference(headers, is_async=is_async, default_wait=DEFAULT)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), Preference(DEFAULT)),
        (("wait=30",), Preference(30.0)),
        (("wait = 30",), Preference(30.0)),
        (('wait="30"',), Preference(30.0)),
        (("Wait=30; foo=bar",), Preference(30.0)),
        (("wait=0",), Preference(0.0)),
        (("wait=99999",), Preference(LONGEST_WAIT)),
        (("respond-async",), Preference(0.0, is_async=True)),
        (("Respond-Async",), Preference(0.0, is_async=True)),
        (("respond-async, wait=10",), Preference(10.0, is_async=True)),
        (("handling=lenient", "wait=7"), Preference(7.0)),
        (("return=minimal, wait=7", "wait=9"), Preference(7.0)),
    ],
)
def test_reads_the_header(headers: tuple[str, ...], expected: Preference) -> None:
    assert read(*headers) == expected


@pytest.mark.parametrize(
    "header", ["wait", "wait=", "wait=soon", "wait=-1", "wait=1.5", "wait=1e9", "", ",,", "=3", "wait==3"]
)
def test_ignores_what_makes_no_sense(header: str) -> None:
    assert read(header) == Preference(DEFAULT)


def test_the_field_is_as_good_as_the_header() -> None:
    assert read(is_async=True) == Preference(0.0, is_async=True)
    assert read("wait=5", is_async=True) == Preference(5.0, is_async=True)


@given(st.lists(st.text(max_size=60), max_size=4))
def test_every_wait_has_an_end(headers: list[str]) -> None:
    assert 0 <= read(*headers).wait <= LONGEST_WAIT
