from base64 import b64encode

import pytest

from api.basic import basic_caller
from api.fields import Caller
from common.errors import UserError


def header(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


def test_reads_name_and_token() -> None:
    assert basic_caller(header("johny2:Ty5wvW7LuQ3T")) == Caller("johny2", "Ty5wvW7LuQ3T")


def test_a_token_may_hold_colons() -> None:
    assert basic_caller(header("johny2:a:b:c:d:e")).token == "a:b:c:d:e"


@pytest.mark.parametrize("given", [None, "", "Basic", "Basic %%%", "Digest x", header("johny2"), "Basic /w=="])
def test_what_cannot_be_read_is_unauthorized(given: str | None) -> None:
    with pytest.raises(UserError) as caught:
        basic_caller(given)
    assert caught.value.code == "unauthorized"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "code"), [("jo hny:Ty5wvW7LuQ3T", "bad_username"), ("johny2:short", "bad_token"), (":", "bad_username")]
)
def test_rules_are_those_of_the_form(text: str, code: str) -> None:
    with pytest.raises(UserError) as caught:
        basic_caller(header(text))
    assert caught.value.code == code
