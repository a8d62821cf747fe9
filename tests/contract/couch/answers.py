"""Recorded answers of CouchDB 3.5.0, and the comparison of an answer with them."""

import json
from pathlib import Path
from typing import Any

import httpx

RECORDED = Path(__file__).parent / "recorded"

# Members whose value is a number at one time and null at another (a lag that is not known yet, for example).
SOMETIMES_NULL = {"changes_pending", "info", "user"}


def recorded(name: str) -> dict[str, Any]:
    """One recording: {"status": .., "body": ..}."""
    found: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text("utf-8"))
    return found


def expect(answer: httpx.Response, name: str) -> Any:
    """Asserts the status, and the members and types of the body, of a recording; gives the body.

    An error's words must be the recorded ones: programs read them.
    """
    wanted = recorded(name)
    assert answer.status_code == wanted["status"], f"{answer.request.method} {answer.request.url}: {answer.text}"
    body = answer.json()
    if isinstance(wanted["body"], dict) and "error" in wanted["body"]:
        assert body == wanted["body"]
    else:
        assert_alike(body, wanted["body"], path=name)
    return body


def assert_alike(value: Any, wanted: Any, *, path: str) -> None:
    """Asserts that a value has the members and types of another; of a list, each element those of a recorded one."""
    if wanted is None or (value is None and path.rpartition(".")[2] in SOMETIMES_NULL):
        return
    if isinstance(wanted, bool) or not isinstance(wanted, (int, float)):
        assert type(value) is type(wanted), f"{path} is {value!r}, recorded was {wanted!r}"
    else:
        assert isinstance(value, (int, float)), f"{path} is {value!r}, recorded was {wanted!r}"
        assert not isinstance(value, bool), f"{path} is {value!r}, recorded was {wanted!r}"
    if isinstance(wanted, dict):
        assert set(value) == set(wanted), f"{path} has {sorted(value)}, recorded were {sorted(wanted)}"
        for key, member in wanted.items():
            assert_alike(value[key], member, path=f"{path}.{key}")
    if isinstance(wanted, list) and wanted:
        for index, element in enumerate(value):
            assert_like_one(element, wanted, path=f"{path}[{index}]")


def assert_like_one(value: Any, models: list[Any], *, path: str) -> None:
    """Asserts that a value is like one of several."""
    for model in models[1:]:
        try:
            assert_alike(value, model, path=path)
        except AssertionError:
            continue
        return
    assert_alike(value, models[0], path=path)
