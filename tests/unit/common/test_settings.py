"""Settings: names, defaults, and what is refused. Only here may a test set the environment."""

import os
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from common.environment import WrongSettings, load, unknown_names, variable
from common.settings import OF_COMPOSE, Settings
from tests.commands import ROOT


@pytest.fixture(autouse=True)
def _no_settings_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith(("KANTO_", "KUBE", "SPAWNER_TYPE")):
            monkeypatch.delenv(name)


def test_defaults_listen_on_the_loopback_alone() -> None:
    settings = Settings()
    assert (settings.bind, settings.port, settings.instance_bind) == ("127.0.0.1", 8080, "127.0.0.1")
    assert settings.advertise == "127.0.0.1"


def test_defaults_are_the_ones_that_the_docs_name() -> None:
    settings = Settings()
    assert settings.default_databases == ("_users", "test")
    assert (settings.auth, settings.spawner_type) == ("enroll", "deployment")
    assert (settings.upkeep_interval, settings.bridge_after, settings.wait, settings.lease) == (30, 60, 120, 15)
    assert (settings.deadline_create, settings.deadline_scale, settings.deadline_progress) == (3600, 3600, 600)
    assert (settings.deadline_replicate, settings.deadline_delete) == (300, 600)
    assert settings.keep_jobs == 7 * 24 * 3600
    assert settings.port_range == range(20000, 30000)


def test_every_setting_is_read_from_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {
        "KANTO_PLATFORM": "process",
        "KANTO_HOME": "/data",
        "KANTO_REDIS_URL": "redis://127.0.0.1:7000/3",
        "KANTO_DEFAULT_DATABASES": " test, _users ,test,",
        "KANTO_AUTH": "strict",
        "KANTO_INSTANCE_PORTS": "21000-21009",
        "KANTO_UPKEEP_INTERVAL": "2.5",
        "SPAWNER_TYPE": "rc",
        "KUBERNETES_API_URL": "http://127.0.0.1:8001",
    }
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert (settings.platform, settings.home, settings.redis_url) == (
        "process",
        Path("/data"),
        "redis://127.0.0.1:7000/3",
    )
    assert settings.default_databases == ("_users", "test")
    assert (settings.auth, settings.spawner_type, settings.kubernetes_api_url) == (
        "strict",
        "rc",
        "http://127.0.0.1:8001",
    )
    assert list(settings.port_range) == list(range(21000, 21010))
    assert settings.upkeep_interval == 2.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KANTO_PLATFORM", "swarm"),
        ("KANTO_AUTH", "open"),
        ("KANTO_PORT", "0"),
        ("KANTO_PORT", "65536"),
        ("KANTO_UPKEEP_INTERVAL", "0"),
        ("KANTO_LEASE", "-1"),
        ("KANTO_LEASE", "2.9"),
        ("KANTO_KEEP_JOBS", "soon"),
        ("KANTO_WORKER_THREADS", "0"),
        ("KANTO_INSTANCE_PORTS", "20000"),
        ("KANTO_INSTANCE_PORTS", "30000-20000"),
        ("KANTO_INSTANCE_PORTS", "0-10"),
        ("KANTO_INSTANCE_PORTS", "1-70000"),
        ("KANTO_LOG_FORMAT", "xml"),
        ("SPAWNER_TYPE", "daemonset"),
        ("KANTO_LEASE", "inf"),
        ("KANTO_GRACE", "1e400"),
        ("KANTO_WAIT", "nan"),
        ("KANTO_TRUSTED_PROXIES", "hunter2"),
        ("KANTO_DEFAULT_DATABASES", "test,_replicator"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(WrongSettings, match=f"^{name}: ") as refused:
        load(Settings)
    assert f"'{value}'" not in str(refused.value), "it may be a password"


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("KANTO_SPAWNER_TYPE", "rc", "spawner_type"),
        ("kanto_port", "8195", "port"),
        ("KANTO_KUBECONFIG", "/a", "kubeconfig"),
    ],
)
def test_what_is_read_is_never_called_unknown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str
) -> None:
    monkeypatch.setenv(name, value)
    assert str(getattr(Settings(), field)) == value
    assert unknown_names([name]) == {}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("KANTO_UPKEEP_INTERVALL", "KANTO_UPKEEP_INTERVAL"),
        ("kanto_upkeep_intervall", "KANTO_UPKEEP_INTERVAL"),
        ("KANTO_SPAWNERTYPE", "SPAWNER_TYPE"),
        ("KANTO_LIMIT_USER", "KANTO_LIMIT_USER_REQUESTS"),
        ("KANTO_COUCH", "KANTO_COUCHDB"),
        ("KANTO_QQ", ""),
    ],
)
def test_what_looks_like_a_setting_and_is_none_is_told_with_what_it_may_mean(name: str, meant: str) -> None:
    assert unknown_names(["KANTO_PORT", "SPAWNER_TYPE", "PATH", name]) == {name: meant}


def test_every_setting_and_what_compose_reads_is_known() -> None:
    read = set(re.findall(r"\$\{(KANTO_[A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert read >= OF_COMPOSE
    assert unknown_names({*read, *(variable(field) for field in Settings.model_fields)}) == {}


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


def test_a_password_of_redis_is_in_no_repr() -> None:
    assert "hunter2" not in repr(Settings(redis_url="redis://:hunter2@127.0.0.1:6379/0"))


def test_instances_are_processes_where_there_is_no_kubernetes() -> None:
    settings = Settings()
    assert settings.platform == "process"
    assert settings.why_platform == "none of KUBERNETES_SERVICE_HOST, KUBERNETES_API_URL, KUBECONFIG is set"


@pytest.mark.parametrize("name", ["KUBERNETES_SERVICE_HOST", "KUBERNETES_API_URL", "KUBECONFIG"])
def test_instances_are_on_kubernetes_where_there_is_a_way_to_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "/somewhere")
    assert Settings().platform == "kubernetes"
    assert Settings().why_platform == f"{name} is set"


def test_who_says_where_instances_run_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/somewhere")
    monkeypatch.setenv("KANTO_PLATFORM", "process")
    assert Settings().platform == "process"
    assert Settings().why_platform == "KANTO_PLATFORM says so"


@pytest.mark.parametrize(("value", "meant"), [(None, None), ("", ""), ("fast", "fast")])
def test_no_storage_class_and_an_empty_one_are_two_things(
    monkeypatch: pytest.MonkeyPatch, value: str | None, meant: str | None
) -> None:
    if value is not None:
        monkeypatch.setenv("KANTO_STORAGE_CLASS", value)
    assert Settings().storage_class == meant


def test_an_empty_variable_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KANTO_WAIT", "")
    assert Settings().wait == 120.0
