"""One class per reaction, one table of codes."""

import re

import pytest

from common.errors import (
    CODES,
    KantoError,
    LeaseLost,
    NotRebuilt,
    PermanentError,
    StoreUnavailable,
    TemporaryError,
    UserError,
)


@pytest.mark.parametrize(("code", "status"), CODES.items())
def test_codes_are_words_and_have_a_status_of_v0(code: str, status: int) -> None:
    assert re.fullmatch(r"[a-z_]+", code)
    assert status in {202, 400, 401, 404, 405, 408, 409, 413, 422, 429, 500, 502, 503}


def test_what_the_store_raises_by_itself_is_answered_with_try_again() -> None:
    for error in (StoreUnavailable("Redis did not answer"), NotRebuilt()):
        assert isinstance(error, TemporaryError)
        assert CODES[error.code] == 503
        assert error.retry_in > 0


def test_reactions_do_not_mix() -> None:
    kinds = (UserError, TemporaryError, PermanentError, LeaseLost)
    for kind in kinds:
        assert issubclass(kind, KantoError)
        assert not any(issubclass(kind, other) for other in kinds if other is not kind)


def test_detail_says_what_to_do_if_there_is_something() -> None:
    assert PermanentError("x", "It broke", action="Mend it").detail == "It broke. Mend it"
    assert PermanentError("x", "It broke").detail == "It broke"
    assert str(PermanentError("x", "It broke", action="Mend it")) == "It broke"


def test_a_user_error_may_name_a_job() -> None:
    assert UserError("job_running", "busy", job="j1").job == "j1"
    assert UserError("job_running", "busy").job is None
