from contextlib import suppress
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.forms import BODY_LIMIT, parse_form
from common.errors import UserError

FORM = "application/x-www-form-urlencoded"
NAMES = st.text(min_size=1, max_size=20).filter(lambda name: name.isidentifier())
VALUES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=50)


@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_reads_what_a_browser_writes(fields: dict[str, str]) -> None:
    assert parse_form(urlencode(fields).encode(), content_type=FORM) == fields


@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_reads_percent_20_and_plus_alike(fields: dict[str, str]) -> None:
    assert parse_form(urlencode(fields, quote_via=quote).encode(), content_type=FORM) == fields


@given(
    st.binary(max_size=300), st.sampled_from(["", FORM, f"{FORM}; charset=UTF-8", "text/plain", "multipart/form-data"])
)
def test_any_bytes_are_a_form_or_a_users_mistake(body: bytes, content_type: str) -> None:
    with suppress(UserError):  # anything else would be a mistake of ours
        assert all(parse_form(body, content_type=content_type).values())


@given(NAMES, VALUES, VALUES)
def test_no_field_is_taken_twice(name: str, one: str, other: str) -> None:
    body = urlencode([(name, one), ("between", "1"), (name, other)]).encode()
    with pytest.raises(UserError) as caught:
        parse_form(body, content_type=FORM)
    assert caught.value.code == "duplicate_field"


@given(st.binary(min_size=1, max_size=40))
def test_mistakes_never_repeat_what_was_sent(secret: bytes) -> None:
    body = b"token=LongSecret" + secret + b"&LongSecret=1&LongSecret=\xff"
    with pytest.raises(UserError) as caught:
        parse_form(body, content_type=FORM)
    assert "LongSecret" not in caught.value.detail
    assert caught.value.__cause__ is None


def test_a_form_does_not_show_what_is_in_it() -> None:
    assert repr(parse_form(b"token=Ty5wvW7LuQ3T&Ty5=1", content_type=FORM)) == "Form of 2 fields"


def test_an_empty_field_is_a_missing_one() -> None:
    assert parse_form(b"a=&b=1&&c=%20", content_type=FORM) == {"b": "1", "c": " "}


def test_an_empty_field_still_counts_as_given() -> None:
    with pytest.raises(UserError, match="more than once"):
        parse_form(b"a=&a=1", content_type=FORM)


def test_a_line_end_after_the_form_is_no_part_of_it() -> None:
    assert parse_form(b"a=1&b=2\r\n", content_type="") == {"a": "1", "b": "2"}


def test_equals_signs_belong_to_the_value() -> None:
    assert parse_form(b"a=b=c==", content_type=FORM) == {"a": "b=c=="}


def test_percent_signs_that_encode_nothing_stay() -> None:
    assert parse_form(b"a=100%&b=%zz", content_type=FORM) == {"a": "100%", "b": "%zz"}


@pytest.mark.parametrize(
    "content_type", [FORM, FORM.upper(), f'{FORM}; charset="utf-8"', f"{FORM};charset=us-ascii", ""]
)
def test_content_types_of_forms(content_type: str) -> None:
    assert parse_form(b"a=1", content_type=content_type) == {"a": "1"}


def test_the_limit_leaves_room_for_a_full_saved_list() -> None:
    assert BODY_LIMIT > 1000 * 50
