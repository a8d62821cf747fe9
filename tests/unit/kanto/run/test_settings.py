import pytest

from kanto.refusal import Refusal
from kanto.run.settings import load


def test_two_workers_and_a_redis_of_our_own_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KANTO_WORKERS", raising=False)
    monkeypatch.setenv("KANTO_REDIS_URL", "")
    settings = load()
    assert settings.workers == 2
    assert settings.has_own_redis


def test_a_named_redis_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KANTO_REDIS_URL", "redis://127.0.0.1:6399/1")
    settings = load()
    assert not settings.has_own_redis
    assert settings.redis_url == "redis://127.0.0.1:6399/1"


@pytest.mark.parametrize(
    ("name", "value"),
    [("KANTO_PORT", "http"), ("KANTO_PORT", "70000"), ("KANTO_WORKERS", "0"), ("KANTO_REDIS_URL", "127.0.0.1:6379")],
)
def test_a_setting_that_makes_no_sense_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Refusal, match=f"^{name}: ") as refused:
        load()
    assert value not in str(refused.value)
