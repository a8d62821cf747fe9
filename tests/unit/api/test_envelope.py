import json

from api.envelope import Answer, Words, internal, refusal
from common.errors import CODES, KantoError, NotRebuilt, PermanentError, StoreUnavailable, UserError

WORDS = Words("couchdb cluster creation")


def test_members_are_in_order_and_empty_ones_are_left_out() -> None:
    full = Answer(202, "error", "m", "d", {"a": 1}, "c", "j")
    assert (
        full.body()
        == b'{"status":"error","status_message":"m","error_detail":"d","result":{"a":1},"code":"c","job":"j"}'
    )
    assert Answer(200, "ok", "m").body() == b'{"status":"ok","status_message":"m"}'


def test_an_empty_list_is_a_result() -> None:
    assert Answer(200, "ok", "m", result=[]).body() == b'{"status":"ok","status_message":"m","result":[]}'


def test_words_of_the_original() -> None:
    assert WORDS.done("t1") == "couchdb cluster creation successful for cluster_tag: t1"
    assert WORDS.failed == "couchdb cluster creation failed"
    assert Words("couchdb list clusters", "user").done("u1") == "couchdb list clusters successful for user: u1"


def test_every_code_has_its_status() -> None:
    for code, http in CODES.items():
        assert refusal(KantoError(code, "what was wrong"), WORDS).http == http


def test_a_refusal_says_what_to_do() -> None:
    answer = refusal(UserError("job_running", "another runs", action="Wait", job="j1"), WORDS)
    assert json.loads(answer.body()) == {
        "status": "error",
        "status_message": "couchdb cluster creation failed",
        "error_detail": "another runs. Wait",
        "code": "job_running",
        "job": "j1",
    }


def test_unauthorized_has_a_status_of_its_own() -> None:
    answer = refusal(UserError("unauthorized", "no"), WORDS)
    assert (answer.http, answer.status, answer.message) == (401, "unauthorized", "Authentication failed")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_what_passes_says_when_to_come_again() -> None:
    for error in (StoreUnavailable("away"), NotRebuilt()):
        answer = refusal(error, WORDS)
        assert (answer.http, answer.headers["Retry-After"]) == (503, "2")


def test_a_body_that_nobody_reads_ends_its_connection() -> None:
    assert refusal(UserError("too_large", "too long"), WORDS).headers["Connection"] == "close"
    assert "Connection" not in refusal(UserError("bad_form", "no form"), WORDS).headers


def test_an_unknown_code_is_our_mistake() -> None:
    assert refusal(PermanentError("bad_record", "cannot be read"), WORDS).http == 500


def test_a_mistake_of_ours_says_nothing_but_where_to_look() -> None:
    answer = internal(WORDS, "r1")
    assert (answer.http, answer.code) == (500, "internal")
    assert "r1" in answer.detail


def test_what_is_shown_to_people_does_not_show_a_result_in_its_repr() -> None:
    assert "Ty5wvW7LuQ3T" not in repr(Answer(200, "ok", "m", result={"Password": "Ty5wvW7LuQ3T"}))
