"""Logs: one event a line, and never a secret."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from common.log import SECRET_KEYS, bound, configure, get

SECRET = "hunter2-secret"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_json_is_one_object_a_line_with_time_level_and_name(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    get("kanto.test").info("step_done", cluster="johny2/my-test-db1", took=0.5)
    (line,) = logged(capsys)
    assert (line["event"], line["level"], line["logger"]) == ("step_done", "info", "kanto.test")
    assert (line["cluster"], line["took"]) == ("johny2/my-test-db1", 0.5)
    assert str(line["timestamp"]).endswith("Z")


def test_the_standard_library_logs_alike(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    logging.getLogger("celery.worker").warning("lost %s", "connection")
    (line,) = logged(capsys)
    assert (line["event"], line["level"], line["logger"]) == ("lost connection", "warning", "celery.worker")


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("key", sorted(SECRET_KEYS))
def test_secrets_are_hidden_at_any_depth(capsys: pytest.CaptureFixture[str], form: str, key: str) -> None:
    configure(form)  # type: ignore[arg-type]
    log = get("kanto.test")
    log.info("flat", **{key: SECRET})
    log.info("capital", **{key.title(): SECRET})
    log.info("nested", request={"form": {key: SECRET}})
    log.info("listed", requests=[{key: SECRET}, ({key: SECRET},)])
    with structlog.contextvars.bound_contextvars(**{key: SECRET}):
        log.info("bound")
    written = capsys.readouterr().out
    assert SECRET not in written
    assert written.count("(hidden)") == 6


def test_what_is_no_secret_is_not_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    get("kanto.test").info("x", instances=["a", "b"], link={"source": "a", "target": "b"})
    (line,) = logged(capsys)
    assert (line["instances"], line["link"]) == (["a", "b"], {"source": "a", "target": "b"})


@pytest.mark.parametrize("form", ["json", "text"])
def test_an_exception_is_written_with_its_trace(capsys: pytest.CaptureFixture[str], form: str) -> None:
    configure(form)  # type: ignore[arg-type]
    try:
        raise LookupError("nothing there")
    except LookupError:
        get("kanto.test").exception("step_failed")
    written = capsys.readouterr().out
    assert "step_failed" in written
    assert "LookupError: nothing there" in written
    assert "Traceback" in written


def test_auto_is_json_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure("auto")
    get("kanto.test").info("x")
    assert logged(capsys)[0]["event"] == "x"


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", level=logging.WARNING)
    get("kanto.test").info("x")
    logging.getLogger("other").info("y")
    assert capsys.readouterr().out == ""


def test_configuring_again_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    configure("json")
    logging.getLogger("other").warning("y")
    assert len(logged(capsys)) == 1


def test_what_is_bound_stands_in_every_line_of_the_block(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    with bound(request_id="r1", job="j1"):
        get("kanto.test").info("inside", cluster="a/b")
    get("kanto.test").info("outside")
    inside, outside = logged(capsys)
    assert (inside["request_id"], inside["job"], inside["cluster"]) == ("r1", "j1", "a/b")
    assert "job" not in outside
