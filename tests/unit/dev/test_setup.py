"""The parts of dev/setup.py that decide; that it works on a bare machine is seen by using it on one."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def setup() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dev_setup", ROOT / "dev" / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full: make room"),
        ("npm error code ENOSPC", "The disk is full: make room"),
        (
            "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution",
            "look at the network",
        ),
        ("error: Failed to fetch: a page", "look at the network"),
        ("npm error code EAI_AGAIN", "look at the network"),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
            "not the one that the lock names",
        ),
        ("SSL: CERTIFICATE_VERIFY_FAILED certificate verify failed", "SSL_CERT_FILE"),
    ],
)
def test_a_known_failure_is_told_with_what_to_do(setup: ModuleType, output: str, words: str) -> None:
    assert words in setup.sentence_about(output)


def test_an_unknown_failure_is_told_by_its_last_line(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "LOG", tmp_path / "setup.log")
    with pytest.raises(setup.SetupError, match=r"failed: what went wrong All that it printed is in .*setup\.log"):
        setup.run([sys.executable, "-c", "print('before'); print('what went wrong'); raise SystemExit(1)"])
    assert "before" in (tmp_path / "setup.log").read_text()


def test_the_installer_is_pinned_by_the_lock(setup: ModuleType) -> None:
    pinned = setup.pinned_uv((ROOT / "requirements-dev.txt").read_text())
    assert re.fullmatch(
        r"uv==[\d.]+ \\\n(    --hash=sha256:[0-9a-f]{64} \\\n)*    --hash=sha256:[0-9a-f]{64}\n", pinned
    )


def test_a_lock_without_the_installer_says_how_to_mend_it(setup: ModuleType) -> None:
    with pytest.raises(setup.SetupError, match="make lock"):
        setup.pinned_uv("uvicorn==1.0\n")


def test_a_set_up_is_made_again_when_a_lock_changes(setup: ModuleType, tmp_path: Path) -> None:
    lock, stamp = tmp_path / "lock", tmp_path / "stamp"
    lock.write_text("one")
    assert not setup.is_stamped(stamp, setup.fingerprint(lock, words=()))
    stamp.write_text(setup.fingerprint(lock, words=()))
    assert setup.is_stamped(stamp, setup.fingerprint(lock, words=()))
    lock.write_text("two")
    assert not setup.is_stamped(stamp, setup.fingerprint(lock, words=()))


def test_locks_name_hashes_and_no_registry() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()
        pins = re.findall(r"^[a-z0-9-]+==", text, re.MULTILINE)
        assert len(pins) > 30
        assert "://" not in text
        assert len(re.findall(r"^[a-z0-9-]+==.*\\\n    --hash=sha256:", text, re.MULTILINE)) == len(pins)


def test_what_runs_in_production_is_what_is_tested() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9-]+==\S+", (ROOT / name).read_text(), re.MULTILINE))

    assert pins("requirements.txt") <= pins("requirements-dev.txt")
