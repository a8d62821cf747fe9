"""Every code that kanto can say stands in a table of common/errors.py, and the tables hold none that it cannot say."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from api.gate import _TOLD
from api.submit import _LIMITS
from common.errors import CODES, FAILURES, JOB_ERRORS, REASONS, UNSEEN

ROOT = Path(__file__).parents[3]

COMPUTED = {
    ("api/gate.py", "code"): {code for code, _ in _TOLD.values()},
    ("api/submit.py", "refusal"): {str(refusal) for refusal in _LIMITS},
    ("api/fields.py", "f'missing_{name}'"): {"missing_username", "missing_token"},
    ("api/fields.py", "error.code"): set[str](),
    ("worker/outcome.py", "error.code"): set[str](),
    ("worker/platforms/process/wire.py", "code"): set[str](),
    ("worker/core/rules.py", "code"): {"instance_unknown", "instance_silent"},
    ("common/names.py", "f'bad_{field}'"): {"bad_username", "bad_token", "bad_couchdb_user", "bad_couchdb_password"},
}
"""What a code that is no plain word can be; nothing where one passes on that another place made."""

MADE_BY_CALL = {"UserError", "TemporaryError", "PermanentError", "JobError", "Reason"}

Said = tuple[str, str]
"""The class that says a code, or from which the one that does descends; and the code."""


def sources() -> Iterator[tuple[str, ast.Module]]:
    for package in ("api", "common", "worker"):
        for file in sorted((ROOT / package).rglob("*.py")):
            yield str(file.relative_to(ROOT)), ast.parse(file.read_text())


def bases() -> dict[str, str]:
    """Each error class by the class of its reaction."""
    found = {name: name for name in (*MADE_BY_CALL, "LeaseLost")}
    classes = [node for _, tree in sources() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for _ in range(3):
        for node in classes:
            for base in node.bases:
                if isinstance(base, ast.Name) and base.id in found:
                    found.setdefault(node.name, found[base.id])
    return found


@cache
def said() -> set[Said]:
    kinds = bases()
    found: set[Said] = set()
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name in kinds:
                found |= {(kinds[node.name], code) for code in own_codes(node)}
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MADE_BY_CALL:
                found |= {(node.func.id, code) for code in codes_of(path, node.args[0])}
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("Answer", "_not_ready")
            ):
                found |= {("Answer", code) for code in answered(node)}
    return found


def codes_of(path: str, argument: ast.expr) -> set[str]:
    if isinstance(argument, ast.Constant):
        return set(words([argument]))
    where = (path, ast.unparse(argument))
    assert where in COMPUTED, f"say in COMPUTED what the code of {where} can be"
    return COMPUTED[where]


def own_codes(node: ast.ClassDef) -> Iterator[str]:
    """What a class of one code gives its base."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "__init__":
            yield from words(call.args[:1])


def answered(node: ast.Call) -> Iterator[str]:
    """The code that an answer is given which is no error's."""
    return words(keyword.value for keyword in node.keywords if keyword.arg == "code")


def words(expressions: Iterable[ast.expr]) -> Iterator[str]:
    for one in expressions:
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def of(*kinds: str) -> set[str]:
    return {code for kind, code in said() if kind in kinds}


def test_the_scan_finds_what_there_is() -> None:
    assert {"bad_replicas", "no_way_back", "too_many_jobs", "missing_token"} <= of("UserError", "TemporaryError")
    assert {"kubernetes_conflict", "instance_down", "not_rebuilt", "forbidden"} <= of("TemporaryError")
    assert {"name_taken", "no_couchdb", "wrong_platform"} <= of("PermanentError")
    assert of("LeaseLost") == {"lease_lost"}


def test_every_code_is_in_a_table() -> None:
    missing = sorted({code for _, code in said()} - {*CODES} - REASONS - UNSEEN)
    assert not missing, f"say in common/errors.py what these are: {missing}"


def test_the_callers_mistakes_have_a_status_of_their_own() -> None:
    assert sorted(of("UserError") - UNSEEN - {*CODES}) == []
    assert {CODES[code] for code in of("UserError") - UNSEEN} <= {400, 401, 404, 405, 408, 409, 413, 422}


def test_what_ends_a_job_is_a_failure() -> None:
    in_workers = of("PermanentError") - UNSEEN - {"kubernetes_login"}  # where it is permanent, no worker starts
    assert sorted((in_workers | of("JobError")) - JOB_ERRORS) == []
    assert {CODES[code] for code in FAILURES} == {502}


def test_what_is_waited_for_is_a_reason() -> None:
    asked_for = {code for code, status in CODES.items() if status in (429, 503)}
    assert sorted((of("TemporaryError") - asked_for) - REASONS) == []
    assert sorted(of("Reason") - REASONS) == []


def test_no_table_has_a_code_that_nobody_says() -> None:
    words = {code for _, code in said()}
    told_otherwise = {"job_failed"}  # api/render.py, of a job that left no error
    assert sorted({*CODES} - words - told_otherwise) == []
    assert sorted(REASONS - words - told_otherwise) == []
    assert sorted(UNSEEN - words) == []


def test_the_tables_do_not_mix() -> None:
    assert not UNSEEN & {*CODES}
    assert not UNSEEN & REASONS
    assert all(re.fullmatch(r"[a-z_]+", code) for code in REASONS | UNSEEN)
